"""temporal_filter: RubiksNet-AQ's soft shift in time, a softmax over the frame before, this one and the next.

Source  Fan et al., RubiksNet, ECCV 2020, the "attention quantized" variant, as its code has it
"""

from torch import Tensor

from kernels._autograd import differentiable_once, library_op
from kernels._backend import check_backend, choose
from kernels._checks import check, check_clip, check_like, check_values, is_number, parameter_dtypes, working_dtype
from kernels._format import empty_for, plain, plain_like
from kernels._transforms import Rules, bilinear, forward_function, transformed
from kernels.temporal_filter.numba_cpu import filter_backward_cpu, filter_cpu
from kernels.temporal_filter.reference import filter_backward_reference, filter_reference

VERSIONS = {  # forward, backward
    "reference": (filter_reference, filter_backward_reference),
    "cpu": (filter_cpu, filter_backward_cpu),
}


def temporal_filter(x, weight, temperature=2.0, *, backend="auto"):
    """out[n, c, t] = sum over k of a[c, k] * x[n, c, t + k - 1], 0 past the clip's ends.

    a = softmax(weight / (std(weight) + 1e-6) / temperature) over the three taps, std unbiased; as temperature goes to
    0 it becomes a shift by -1, 0 or +1 frame.

    x            (N, C, T, H, W)   float16, bfloat16, float32, float64
    weight       (C, 3)            float32, or x's type
    temperature  number or tensor  of one element; above 0, finite
    out          (N, C, T, H, W)
    """
    check_clip(x)
    check_like("weight", weight, x, (x.shape[1], 3), parameter_dtypes(x))
    check_backend("temporal_filter", VERSIONS, backend, x)
    check_temperature(temperature, x)
    weight = weight.to(working_dtype(x))
    scaled = weight / (weight.std(1, keepdim=True) + 1e-6)
    taps = (scaled / temperature).softmax(1)
    return _transformed((backend,), x, taps) if transformed() else _op(x, taps, backend)


def check_temperature(value, x):
    if not isinstance(value, Tensor):
        check(is_number(value) and value > 0, lambda: f"temperature is {value!r}; it must be above 0 and finite")
        return
    one = value.numel() == 1 and value.is_floating_point()
    check(one, lambda: f"temperature has shape {tuple(value.shape)} and is {value.dtype}; it must be one number")
    there = value.device == x.device or (value.dim() == 0 and value.device.type == "cpu")
    check(there, lambda: f"temperature is on {value.device}, x on {x.device}; they must be on the same device")
    if value.is_meta:  # it has no value
        return
    holds, right = ((value > 0) & value.isfinite()).all(), "must be above 0 and finite"
    check_values(holds, value, lambda: f"temperature is {value.tolist()}; it {right}", f"temperature {right}")


@library_op("temporal_filter")
def _op(x: Tensor, taps: Tensor, backend: str) -> Tensor:
    forward, _ = VERSIONS[choose("temporal_filter", backend, x)]
    return forward(plain(x), taps.contiguous())


@library_op("temporal_filter_backward")
def _backward_op(g: Tensor, x: Tensor, taps: Tensor, backend: str) -> tuple[Tensor, Tensor]:
    _, backward = VERSIONS[choose("temporal_filter", backend, x)]
    return backward(plain_like(g, x), plain(x), taps.contiguous())


@_op.register_fake
def _(x, taps, backend):
    return empty_for(x, x.shape)


@_backward_op.register_fake
def _(g, x, taps, backend):
    return empty_for(x, x.shape), taps.new_empty(taps.shape)


def _remember(ctx, inputs, output):
    x, taps, ctx.backend = inputs
    ctx.save_for_backward(x, taps)


def _backward(ctx, g):
    return *_backward_op(g, *ctx.saved_tensors, ctx.backend), None


_op.register_autograd(_backward, setup_context=_remember)
differentiable_once(_backward_op)
_rules = Rules(
    "temporal_filter",
    lambda options, x, taps: _op(x, taps, *options),
    lambda options, g, x, taps: _backward_op(g, x, taps, *options),
    bilinear,
)
_transformed = forward_function(_rules).apply
