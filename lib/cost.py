"""What one clip costs a net: parameters, multiply-accumulates, FLOPs, bytes moved.

A copy of the net on the meta device sees the clip: nothing is computed or allocated, every operator is counted.
macs          exact multiply-accumulates of convolutions, linear layers and matrix products, integers
by_operator   the same by kind; the arithmetic of our own ops is listed too, and is not part of `macs`
torch_flops   PyTorch's own counter, which knows our ops: 2 per multiply-accumulate of `by_operator`
bytes_moved   inputs, weights and outputs, once per operator; not what is kept for the backward pass: a lower bound
unsupported   operators that have no formula and are not free: their arithmetic is missing above
fvcore_total  fvcore's count of a real forward pass, when asked for: `by_operator`, plus 2 per batch norm element

Bytes apart, a net costs the same in every mode (training, autocast, ...) and form (compiled, exported).
"""

from collections import Counter
from dataclasses import dataclass
from math import prod

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import FlopCounterMode

from kernels import arithmetic
from lib.models import in_format
from lib.on_meta import bare, evaluating, on_meta, plainly, together


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
    **{f"efficient3d::{op}": "subkernels" if op in arithmetic.CONVOLUTIONS else op for op in arithmetic.MACS},
    "aten::convolution": "conv",
    "aten::mm": "linear",
    "aten::addmm": "linear",
    "aten::bmm": "matmul",
    "aten::baddbmm": "matmul",
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
# copies, and arithmetic that the field does not count as multiply-accumulates
FREE = set(
    """_native_batch_norm_legit batch_norm_update_stats native_layer_norm _weight_norm_interface
    clamp clamp_min sigmoid sigmoid_ silu silu_ gelu tanh _softmax add add_ sub mul mul_ div div_ neg rsqrt sqrt exp
    std sum cumsum amax native_dropout max_pool2d_with_indices avg_pool2d _adaptive_avg_pool3d _adaptive_avg_pool2d
    cat stack constant_pad_nd roll index index_select gather flip clone _to_copy channel_shuffle
    upsample_bilinear2d zeros ones full arange scalar_tensor""".split()
)
MOVES_NOTHING = set(
    """_unsafe_view _reshape_alias lift_fresh empty empty_like empty_strided new_empty new_empty_strided
    _assert_tensor_metadata _assert_async _assert_scalar""".split()
)
# their first argument is written, or gives a shape: it is not read
OVERWRITES = set(
    """copy_ fill_ zero_ normal_ uniform_ bernoulli_ new_zeros new_ones new_full
    zeros_like ones_like full_like rand_like randn_like randint_like""".split()
)
FOR_BACKWARD = ("batch_norm", "layer_norm", "max_pool", "dropout", "_weight_norm")  # only their first output counts


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
        """Its kind by the table KINDS; "" if it has none."""
        return KINDS.get(self.name, "")

    @property
    def out(self):
        """The first output."""
        return self.result[0] if isinstance(self.result, tuple | list) else self.result

    @property
    def macs(self):
        """Multiply-accumulates of a convolution, a linear layer or a matrix product; 0 of all else."""
        return self.arithmetic if self.kind in COUNTED else 0

    @property
    def arithmetic(self):
        """`macs`, and the arithmetic of our other ops."""
        formula = arithmetic.MACS.get(self.name.removeprefix("efficient3d::")) or MACS.get(self.kind)
        return formula(*_shapes((self.out, *self.args))) if formula else 0

    @property
    def bytes_moved(self):
        """Bytes that are read and written. A view moves none."""
        if self.moves_nothing:
            return 0
        named = {key: value for key, value in self.kwargs.items() if key != "out"}
        read = self.args[1:] if self._base in OVERWRITES else self.args
        written = self.out if any(word in self.name for word in FOR_BACKWARD) else self.result
        return sum(map(_bytes, tree_leaves((read, named, written))))

    @property
    def _base(self):
        return self.name.removeprefix("aten::")

    @property
    def is_counted(self):
        """Whether its arithmetic is known: it has a formula, or is free."""
        return bool(self.kind) or self.moves_nothing or self._base in FREE | OVERWRITES

    @property
    def moves_nothing(self):
        """Whether it is a view, or makes memory without writing to it."""
        return self.is_view or self._base in MOVES_NOTHING


def _convolution(out, x, weight, bias, stride, padding, dilation, transposed, *_):
    return prod(x if transposed else out) * prod(weight[1:])


def _matrix_product(out, *operands):
    return prod(out) * operands[-2][-1]  # addmm and baddbmm have a bias in front of the two


# kind: multiply-accumulates from the shapes of the first output and of the positional arguments; ours: arithmetic.MACS
MACS = {
    "conv": _convolution,
    "linear": _matrix_product,
    "matmul": _matrix_product,
}
COUNTED = {"subkernels", *MACS}
OWN = set(arithmetic.MACS) - set(arithmetic.CONVOLUTIONS)  # counted apart from convolutions and linear layers


def _shapes(values):
    return tree_map(lambda leaf: tuple(leaf.shape) if isinstance(leaf, torch.Tensor) else leaf, values)


class Recorder(TorchDispatchMode):
    """`with Recorder() as recorder:` keeps every operator that runs inside, in order, as `recorder.calls`."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        args, kwargs = together((args, kwargs or {}))
        out = func(*args, **kwargs)
        self.calls.append(Call(func._schema.name, args, kwargs, out, func.is_view))
        return out


def record(net, clip):
    """The `Call`s of one clip (3, T, H, W) in evaluation mode, in order; the net may be on any device, in any form.

    The clip has the net's type and memory format already; bringing it into them does not count.
    """
    net = bare(net)
    with plainly():
        meta, x = on_meta(net), clip_for(net, clip, "meta")
        with Recorder() as recorder:
            meta(x)
    return [call for call in recorder.calls if not (call.name == "aten::clone" and call.args[0] is x)]


def clip_for(net, clip, device):
    """Zeros (1, *clip) of the type of the net's first floating weight, in its memory format."""
    tensors = (*net.parameters(), *net.buffers())
    dtype = next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float32)
    return in_format(net, torch.zeros((1, *clip), dtype=dtype, device=device))


def by_operator(calls):
    """Arithmetic by kind: {"conv": .., "linear": .., "matmul": ..} of `Cost.macs`, and our other ops by name."""
    macs, own = Counter(), Counter()
    for call in calls:
        if call.kind in COUNTED:
            macs["conv" if call.kind == "subkernels" else call.kind] += call.macs
        elif call.kind in OWN:
            own[call.name] += call.arithmetic
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
    model = bare(model)
    with plainly(), FlopCounterMode(display=False) as flops:
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


def _fvcore_total(net, clip):
    from fvcore.nn import FlopCountAnalysis

    if any(parameter.is_meta for parameter in net.parameters()):
        raise ValueError("fvcore=True needs a net with real weights: it runs a forward pass")
    device = next((parameter.device for parameter in net.parameters()), "cpu")
    modes = [(module, module.training) for module in net.modules()]
    with plainly():
        try:
            analysis = FlopCountAnalysis(evaluating(net), clip_for(net, clip, device))
            analysis.set_op_handle(**arithmetic.fvcore_handles())
            return int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())
        finally:
            for module, training in modes:
                module.training = training
