"""shift2d and shift3d: every channel moves by its own learned, fractional distance.

Source  Fan et al., RubiksNet: Learnable 3D-Shift for Efficient Video Action Recognition, ECCV 2020
"""

from torch import Tensor

from kernels._autograd import differentiable_once, library_op
from kernels._backend import check_backend, choose
from kernels._checks import (
    axes,
    check,
    check_choice,
    check_clip,
    check_flag,
    check_like,
    check_tensor,
    is_number,
    parameter_dtypes,
    working_dtype,
)
from kernels._format import empty_for, plain, plain_like
from kernels._transforms import Rules, forward_function, transformed
from kernels.shift.numba_cpu import shift_backward_cpu, shift_cpu
from kernels.shift.numba_cuda import shift_backward_cuda, shift_cuda
from kernels.shift.reading import along, output_size
from kernels.shift.reference import RULES, lose, shift_backward_reference, shift_reference, slope


def shift3d(
    x,
    shift,
    stride=1,
    padding=0,
    *,
    quantize=False,
    normalize_grad=True,
    t_factor=1.0,
    integer_rule="central",
    backend="auto",
):
    """y[n, c, t, h, w] = x[n, c, t*stride + shift[0, c], ...], interpolated linearly along T, H and W, 0 outside.

    x               (N, C, T, H, W)  float16, bfloat16, float32, float64
    shift           (3, C)           frames, rows, columns; float32, or x's type; +1 reads one frame ahead
    stride          int or (t, h, w)
    padding         int or (t, h, w) moves the origin to -padding, and enlarges the output; adds no values
    quantize        read the nearest whole position (halves up); the gradient to the shift stays the interpolated one
    normalize_grad  give every channel's shift gradient unit length, whatever the loss
    t_factor        weight of its time row in that length; negative: time alone; "auto": T / H
    integer_rule    at whole shifts "central": the mean of both slopes; "published": as the published code
    out             (N, C, T', H', W'), T' = (T + 2*padding - 1) // stride + 1
    """
    check_clip(x)
    return _shift(x, shift, 3, stride, padding, quantize, normalize_grad, t_factor, integer_rule, backend)


def shift2d(
    x, shift, stride=1, padding=0, *, quantize=False, normalize_grad=True, integer_rule="central", backend="auto"
):
    """shift3d without time: x (N, C, H, W), or a clip (N, C, T, H, W), every frame alike; shift (2, C)."""
    shape = "(N, C, H, W) or (N, C, T, H, W)"
    check_tensor("x", x, shape)
    clip = x.unsqueeze(2) if x.dim() == 4 else x
    check_clip(clip, shape)
    y = _shift(clip, shift, 2, stride, padding, quantize, normalize_grad, 1.0, integer_rule, backend)
    return y if x.dim() == 5 else y.squeeze(2)


def _shift(x, shift, dims, stride, padding, quantize, normalize_grad, t_factor, rule, backend):
    check_like("shift", shift, x, (dims, x.shape[1]), parameter_dtypes(x))
    check_choice("integer_rule", rule, RULES)
    check_backend("shift", VERSIONS, backend, x)
    stride, padding = axes("stride", stride, dims, 1), axes("padding", padding, dims, 0)
    stride, padding = [1] * (3 - dims) + stride, [0] * (3 - dims) + padding
    auto = isinstance(t_factor, str) and t_factor == "auto"
    check(auto or is_number(t_factor), lambda: f"t_factor is {t_factor!r}; it must be a number or 'auto'")
    flags = check_flag("quantize", quantize), check_flag("normalize_grad", normalize_grad)
    options = stride, padding, *flags, None if auto else float(t_factor), rule, backend
    shift = shift.to(working_dtype(x))
    return _transformed(options, x, shift) if transformed() else _op(x, shift, *options)


VERSIONS = {  # forward, backward
    "reference": (shift_reference, shift_backward_reference),
    "cpu": (shift_cpu, shift_backward_cpu),
    "cuda": (shift_cuda, shift_backward_cuda),
}


@library_op("shift")
def _op(
    x: Tensor,
    shift: Tensor,
    stride: list[int],
    padding: list[int],
    quantize: bool,
    normalize_grad: bool,
    t_factor: float | None,
    rule: str,
    backend: str,
) -> Tensor:
    forward, _ = VERSIONS[choose("shift", backend, x)]
    return forward(plain(x), shift.contiguous(), stride, padding, quantize, rule)


@_op.register_fake
def _(x, shift, stride, padding, quantize, normalize_grad, t_factor, rule, backend):
    size = [output_size(*axis) for axis in zip(x.shape[2:], stride, padding, strict=True)]
    return empty_for(x, (*x.shape[:2], *size))


@library_op("shift_backward")
def _backward_op(
    g: Tensor,
    x: Tensor,
    shift: Tensor,
    stride: list[int],
    padding: list[int],
    quantize: bool,
    normalize_grad: bool,
    t_factor: float | None,
    rule: str,
    backend: str,
) -> tuple[Tensor, Tensor]:
    _, backward = VERSIONS[choose("shift", backend, x)]
    t_factor = x.shape[2] / x.shape[3] if t_factor is None else t_factor
    options = stride, padding, quantize, rule, normalize_grad, t_factor
    return backward(plain_like(g, x), plain(x), shift.contiguous(), *options)


@_backward_op.register_fake
def _(g, x, shift, *options):
    return empty_for(x, x.shape), shift.new_empty(shift.shape)


def _remember(ctx, inputs, output):
    x, shift, *ctx.options = inputs
    ctx.save_for_backward(x, shift)


def _backward(ctx, g):
    return *_backward_op(g, *ctx.saved_tensors, *ctx.options), *[None] * len(ctx.options)


_op.register_autograd(_backward, setup_context=_remember)
differentiable_once(_backward_op)


def _tangent(forward, options, tensors, tangents):
    """dy = the shift of dx, and for every row d of the shift dy/dshift[d] * dshift[d], as the reference has it."""
    (x, shift), (to_x, to_shift) = tensors, tangents
    stride, padding, _, normalize_grad, _, rule, _ = options
    parts = [] if to_x is None else [forward(options, to_x, shift)]
    if to_shift is not None:
        if normalize_grad:
            raise RuntimeError("shift: a gradient of unit length is no derivative: use normalize_grad=False")
        work = x.to(shift.dtype)
        rows = [lose(slope(work, shift, stride, padding, rule, d), shift) for d in range(shift.shape[0])]
        along_s = sum(along(t, 1) * row for t, row in zip(to_shift, rows, strict=True))
        parts.append(along_s.to(x.dtype))
    return sum(parts)


_rules = Rules(
    "shift",
    lambda options, x, shift: _op(x, shift, *options),
    lambda options, g, x, shift: _backward_op(g, x, shift, *options),
    _tangent,
)
_transformed = forward_function(_rules).apply
