"""What one clip costs a net: parameters, multiply-accumulates, FLOPs, bytes moved. Nothing is computed or allocated.

A copy of the net on the meta device sees one clip, and every operator that PyTorch dispatches is counted:

macs          exact multiply-accumulates of convolutions, linear layers and matrix products, integers
by_operator   the same by kind, and beside them, not in `macs`, the arithmetic of our own ops
torch_flops   PyTorch's own counter: 2 per multiply-accumulate
bytes_moved   inputs read + weights read + outputs written, once per operator, run eagerly: a lower bound of traffic
unsupported   operators without a formula that are not on the list of free ones: their arithmetic is missing above
fvcore_total  fvcore's count of a real forward, only when asked: its MACs, plus 2 per batch norm element
"""

import copy
from collections import Counter
from dataclasses import dataclass
from math import prod

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from lib.models import memory_format


@dataclass(frozen=True)
class Cost:
    """The cost of one clip; see the module's text for what each number is."""

    params: int
    macs: int
    torch_flops: int
    bytes_moved: int
    unsupported: dict  # operator: calls
    by_operator: dict  # kind: multiply-accumulates
    fvcore_total: int | None = None


def _convolution(out, x, weight, bias, stride, padding, dilation, transposed, *_):
    positions = x if transposed else out
    return positions.numel() * prod(weight.shape[1:])


def _subkernels(out, x, weights, *_):
    """A convolution whose output channels have kernels of several shapes."""
    return out.numel() // out.shape[1] * sum(weight.numel() for weight in weights)


def _shift(out, x, shift, stride, padding, quantize, *_):
    """Every output is a mean of 2 neighbours per shifted axis, or a copy of one."""
    return 0 if quantize else 2 ** shift.shape[0] * out.numel()


def _matrix_product(out, *operands):
    return out.numel() * operands[-2].shape[-1]  # addmm and baddbmm have a bias in front of the two


# operator: (kind, multiply-accumulates from the first output and the positional arguments)
MACS = {
    "aten::convolution": ("conv", _convolution),
    "aten::mm": ("linear", _matrix_product),
    "aten::addmm": ("linear", _matrix_product),
    "aten::bmm": ("matmul", _matrix_product),
    "aten::baddbmm": ("matmul", _matrix_product),
    "efficient3d::subkernel_conv3d": ("conv", _subkernels),
    "efficient3d::depthwise_subkernel_conv3d": ("conv", _subkernels),
}
# our other ops, counted apart from convolutions and linear layers
OWN = {
    "efficient3d::shift": _shift,
    "efficient3d::frame_shift": lambda out, *_: 0,  # a copy
    "efficient3d::temporal_filter": lambda out, *_: 3 * out.numel(),  # three taps
}
# arithmetic that the field does not count as multiply-accumulates, and copies
FREE = set(
    """native_batch_norm _native_batch_norm_legit_no_training _native_batch_norm_legit batch_norm_update_stats
    native_layer_norm relu relu_ hardtanh hardtanh_ clamp clamp_min sigmoid sigmoid_ silu silu_ gelu tanh _softmax
    add add_ sub mul mul_ div div_ neg rsqrt sqrt exp mean std sum cumsum amax native_dropout bernoulli_
    max_pool3d_with_indices max_pool2d_with_indices avg_pool3d avg_pool2d _adaptive_avg_pool3d _adaptive_avg_pool2d
    cat stack constant_pad_nd roll index index_select gather flip clone copy_ _to_copy fill_ zero_ channel_shuffle
    empty empty_like zeros zeros_like new_zeros new_empty ones full arange scalar_tensor lift_fresh""".split()
)
MOVES_NOTHING = {"aten::_unsafe_view", "aten::_reshape_alias", "aten::empty", "aten::empty_like", "aten::new_empty"}


class _Counter(TorchDispatchMode):
    """Count every operator that is dispatched."""

    def __init__(self):
        super().__init__()
        self.macs, self.own, self.unsupported, self.bytes_moved = Counter(), Counter(), Counter(), 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func._schema.name
        if name in MACS:
            kind, formula = MACS[name]
            self.macs[kind] += formula(_first(out), *args)
        elif name in OWN:
            self.own[name] += OWN[name](_first(out), *args)
        elif not func.is_view and name not in MOVES_NOTHING and name.removeprefix("aten::") not in FREE:
            self.unsupported[name] += 1
        if not func.is_view and name not in MOVES_NOTHING:
            written = out[0] if "batch_norm" in name else out  # its other outputs are for the backward pass
            self.bytes_moved += sum(map(_bytes, tree_leaves((args, kwargs, written))))
        return out


def _first(out):
    return out[0] if isinstance(out, tuple | list) else out


def _bytes(leaf):
    """Bytes of a tensor's own elements: an expanded axis is read once."""
    if not isinstance(leaf, torch.Tensor):
        return 0
    return leaf.element_size() * prod(n for n, step in zip(leaf.shape, leaf.stride(), strict=True) if step or n == 0)


def measure_cost(model, clip=(3, 16, 112, 112), fvcore=False):
    """The `Cost` of one clip, in evaluation mode.

    model   any nn.Module, on any device, meta included; it is left as it was
    clip    shape of the clip without the batch, (3, T, H, W)
    fvcore  also run fvcore's counter, which needs a forward pass with the net's real weights
    """
    meta = on_meta(model).eval()
    x = torch.empty((1, *clip), device="meta")
    if x.ndim == 5:
        x = x.contiguous(memory_format=memory_format(model))
    counter, flops = _Counter(), FlopCounterMode(display=False)
    with torch.no_grad(), flops, counter:
        meta(x)
    return Cost(
        params=sum(parameter.numel() for parameter in model.parameters()),
        macs=sum(counter.macs.values()),
        torch_flops=flops.get_total_flops(),
        bytes_moved=counter.bytes_moved,
        unsupported=dict(counter.unsupported),
        by_operator={**counter.macs, **counter.own},
        fvcore_total=_fvcore_total(model, clip) if fvcore else None,
    )


def on_meta(model):
    """A copy whose parameters and buffers are on the meta device; the originals' memory is not copied."""
    memo = {}
    for parameter in model.parameters():
        memo[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
    for buffer in model.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(model, memo)


def _fvcore_total(model, clip):
    from fvcore.nn import FlopCountAnalysis

    if any(parameter.is_meta for parameter in model.parameters()):
        raise ValueError("fvcore=True needs a net with real weights: it runs a forward pass")
    device = next((parameter.device for parameter in model.parameters()), "cpu")
    twin = copy.deepcopy(model).eval()
    analysis = FlopCountAnalysis(twin, torch.zeros((1, *clip), device=device))
    return int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())
