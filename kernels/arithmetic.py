"""The arithmetic of our ops, for whoever counts a net: `lib.cost`, PyTorch's FlopCounterMode and, when asked, fvcore.

Formulas see shapes where an op has tensors; they give the multiply-accumulates of one forward call. PyTorch's counter
knows them from here on, as FLOPs: 2 per multiply-accumulate. Backward ops have none: a training's FLOPs lack them.
"""

from math import prod

import torch
from torch.utils import flop_counter


def _subkernels(out, x, weights, *_):
    """A convolution whose output channels have kernels of several shapes."""
    return prod(out) // out[1] * sum(map(prod, weights))


def _shift(out, x, shift, stride, padding, quantize, *_):
    """Every output is a mean of 2 neighbours per shifted axis, or a copy of one."""
    return 0 if quantize else 2 ** shift[0] * prod(out)


# op: multiply-accumulates from the output's shape and the arguments, shapes in place of tensors
CONVOLUTIONS = {"subkernel_conv3d": _subkernels, "depthwise_subkernel_conv3d": _subkernels}  # in a net's MACs
MACS = {
    **CONVOLUTIONS,  # the others are counted beside a net's MACs
    "shift": _shift,
    "frame_shift": lambda out, *_: 0,  # a copy
    "temporal_filter": lambda out, *_: 3 * prod(out),  # three taps
}


def _flops(formula):
    return lambda *shapes, out_shape, **_: 2 * formula(out_shape, *shapes)


def register_with_torch():
    """Let `torch.utils.flop_counter.FlopCounterMode` count our ops."""
    for name, formula in MACS.items():
        op = getattr(torch.ops.efficient3d, name)
        if op not in flop_counter.flop_registry:
            flop_counter.register_flop_formula(op)(_flops(formula))


def fvcore_handles():
    """{op: handle} for fvcore: `FlopCountAnalysis(net, clip).set_op_handle(**fvcore_handles())`."""
    return {f"efficient3d::{name}": _handle(formula) for name, formula in MACS.items()}


def _handle(formula):
    return lambda inputs, outputs: formula(_plain(outputs[0]), *map(_plain, inputs))


def _plain(value):
    """The shape of a traced tensor, shapes of a traced list of them, else the constant; None if it is computed."""
    if value.isCompleteTensor():
        return value.type().sizes()
    if value.node().kind() == "prim::ListConstruct":
        return [_plain(item) for item in value.node().inputs()]
    return value.toIValue() if value.node().kind() == "prim::Constant" else None
