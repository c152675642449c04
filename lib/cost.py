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

from lib.models import in_format


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


# operator: its kind. What has no kind is a view, free, or without a formula
KINDS = {
    "aten::convolution": "conv",
    "efficient3d::subkernel_conv3d": "subkernels",
    "efficient3d::depthwise_subkernel_conv3d": "subkernels",
    "aten::mm": "linear",
    "aten::addmm": "linear",
    "aten::bmm": "matmul",
    "aten::baddbmm": "matmul",
    "efficient3d::shift": "shift",
    "efficient3d::frame_shift": "frame_shift",
    "efficient3d::temporal_filter": "temporal_filter",
    "aten::native_batch_norm": "norm",
    "aten::_native_batch_norm_legit_no_training": "norm",
    "aten::relu": "relu",
    "aten::relu_": "relu",
    "aten::hardtanh": "relu",  # ReLU6
    "aten::hardtanh_": "relu",
    "aten::max_pool3d_with_indices": "max_pool",
    "aten::avg_pool3d": "average_pool",
    "aten::mean": "global_average",
}
# arithmetic that the field does not count as multiply-accumulates, and copies; beside the kinds without a formula
FREE = set(
    """_native_batch_norm_legit batch_norm_update_stats native_layer_norm clamp clamp_min sigmoid sigmoid_ silu silu_
    gelu tanh _softmax add add_ sub mul mul_ div div_ neg rsqrt sqrt exp std sum cumsum amax native_dropout bernoulli_
    max_pool2d_with_indices avg_pool2d _adaptive_avg_pool3d _adaptive_avg_pool2d
    cat stack constant_pad_nd roll index index_select gather flip clone copy_ _to_copy fill_ zero_ channel_shuffle
    empty empty_like zeros zeros_like new_zeros new_empty ones full arange scalar_tensor lift_fresh""".split()
)
MOVES_NOTHING = {"aten::_unsafe_view", "aten::_reshape_alias", "aten::empty", "aten::empty_like", "aten::new_empty"}


@dataclass(frozen=True)
class Call:
    """One operator that ran, with its arguments and what it returned."""

    name: str  # aten::convolution
    args: tuple
    kwargs: dict
    result: object
    is_view: bool

    @property
    def kind(self):
        """Of KINDS, or ""."""
        return KINDS.get(self.name, "")

    @property
    def out(self):
        """The first output."""
        return self.result[0] if isinstance(self.result, tuple | list) else self.result

    @property
    def macs(self):
        """Multiply-accumulates of a convolution, a linear layer or a matrix product; 0 of all else."""
        return MACS[self.kind](self.out, *self.args) if self.kind in MACS else 0

    @property
    def bytes_moved(self):
        """Bytes of what is read and written; none of a view."""
        if self.is_view or self.name in MOVES_NOTHING:
            return 0
        written = self.out if self.kind == "norm" else self.result  # its other outputs are for the backward pass
        return sum(map(_bytes, tree_leaves((self.args, self.kwargs, written))))

    @property
    def is_counted(self):
        """Whether its arithmetic is known: by a formula, or as none."""
        moves_only = self.is_view or self.name in MOVES_NOTHING
        return bool(self.kind) or moves_only or self.name.removeprefix("aten::") in FREE


def _convolution(out, x, weight, bias, stride, padding, dilation, transposed, *_):
    positions = x if transposed else out
    return positions.numel() * prod(weight.shape[1:])


def _subkernels(out, x, weights, *_):
    """A convolution whose output channels have kernels of several shapes."""
    return out.numel() // out.shape[1] * sum(weight.numel() for weight in weights)


def _matrix_product(out, *operands):
    return out.numel() * operands[-2].shape[-1]  # addmm and baddbmm have a bias in front of the two


def _shift(out, x, shift, stride, padding, quantize, *_):
    """Every output is a mean of 2 neighbours per shifted axis, or a copy of one."""
    return 0 if quantize else 2 ** shift.shape[0] * out.numel()


# kind: multiply-accumulates from the first output and the positional arguments
MACS = {"conv": _convolution, "subkernels": _subkernels, "linear": _matrix_product, "matmul": _matrix_product}
# our other ops, counted apart from convolutions and linear layers
OWN = {
    "shift": _shift,
    "frame_shift": lambda out, *_: 0,  # a copy
    "temporal_filter": lambda out, *_: 3 * out.numel(),  # three taps
}


class Recorder(TorchDispatchMode):
    """`with Recorder() as recorder:` recorder.calls are the `Call`s of all that runs inside, in order."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.calls.append(Call(func._schema.name, args, kwargs or {}, out, func.is_view))
        return out


def record(net, clip):
    """The `Call`s of one clip (3, T, H, W) in evaluation mode, in order; the net may be on any device."""
    meta = on_meta(net).eval()
    x = in_format(net, torch.empty((1, *clip), device="meta"))
    with torch.no_grad(), Recorder() as recorder:
        meta(x)
    return recorder.calls


def by_operator(calls):
    """Arithmetic by kind: {"conv": .., "linear": .., "matmul": ..} of `Cost.macs`, and our other ops by name."""
    macs, own = Counter(), Counter()
    for call in calls:
        if call.kind in MACS:
            macs["conv" if call.kind == "subkernels" else call.kind] += call.macs
        elif call.kind in OWN:
            own[call.name] += OWN[call.kind](call.out, *call.args)
    return macs, own


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
    with FlopCounterMode(display=False) as flops:
        calls = record(model, clip)
    macs, own = by_operator(calls)
    return Cost(
        params=sum(parameter.numel() for parameter in model.parameters()),
        macs=sum(macs.values()),
        torch_flops=flops.get_total_flops(),
        bytes_moved=sum(call.bytes_moved for call in calls),
        unsupported=dict(Counter(call.name for call in calls if not call.is_counted)),
        by_operator={**macs, **own},
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
