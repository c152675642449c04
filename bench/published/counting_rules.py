"""How the papers and their code count operations: each rule, exactly, from the `lib.cost.Call`s of one clip.

A "FLOP" of one table is not that of the next; what they add up, and leave out, is written here.
"""

from math import prod


def _of(calls, *kinds):
    return [call for call in calls if call.kind in kinds]


def _inputs(calls, *kinds):
    """Elements that operators of these kinds read."""
    return sum(call.args[0].numel() for call in _of(calls, *kinds))


def macs(net, calls):
    """Multiply-accumulates of convolutions and linear layers."""
    return sum(call.macs for call in _of(calls, "conv", "subkernels", "linear"))


def with_norms(net, calls):
    """fvcore's total: multiply-accumulates, and 2 per element of batch norm."""
    return macs(net, calls) + 2 * _inputs(calls, "norm")


# ---- CSN (the figures of the papers and toolboxes are for 32 x 256 x 256 clips)
def vmz(net, calls):
    """VMZ, the CSN paper's code: multiply-accumulates, with the head at every position of an average pool of 7 x 7."""
    (head,) = _of(calls, "global_average")
    positions = prod(max(1, n - 6) for n in head.args[0].shape[3:])
    return macs(net, _of(calls, "conv", "subkernels")) + positions * macs(net, _of(calls, "linear"))


def mmaction2_0x(net, calls):
    """mmaction2 0.x: multiply-accumulates, 2 per batch norm element, 1 per ReLU element, 1 per element pooled."""
    activations = sum(call.out.numel() for call in _of(calls, "relu"))
    return with_norms(net, calls) + activations + _inputs(calls, "max_pool", "global_average")


def mmaction2_1x(net, calls):
    """mmaction2 1.x: multiply-accumulates of convolutions and 2 per batch norm element; the head is left out."""
    return with_norms(net, [call for call in calls if call.kind != "linear"])


def pytorchvideo(net, calls):
    """pytorchvideo's model zoo: multiply-accumulates of convolutions and 5 per batch norm element."""
    return macs(net, _of(calls, "conv", "subkernels")) + 5 * _inputs(calls, "norm")


def interactions(net, calls):
    """Channel interactions (CSN paper, sec. 3): pairs of input channels that meet in an output channel, over convs."""
    weights = [call.args[1] for call in _of(calls, "conv")]
    weights += [weight for call in _of(calls, "subkernels") for weight in call.args[1]]
    return sum(w.shape[0] * w.shape[1] * (w.shape[1] - 1) // 2 for w in weights)


# ---- X3D
def slowfast(net, calls):
    """SlowFast's model zoo: multiply-accumulates of convolutions at the training crop; the classifier is left out."""
    return macs(net, _of(calls, "conv", "subkernels"))


def pytorchvideo_x3d(net, calls):
    """pytorchvideo's model zoo, for X3D: multiply-accumulates, the head's too, and 5 per batch norm element."""
    return macs(net, calls) + 5 * _inputs(calls, "norm")


def mmaction2_x3d(net, calls):
    """mmaction2, for X3D: as its 0.x counts, and what windows pool, and the biases of squeeze-excitation."""
    biases = sum(call.out.numel() for call in _of(calls, "conv") if call.args[2] is not None)
    of_clips = [call for call in calls if call.kind != "global_average" or call.args[0].ndim == 5]
    return mmaction2_0x(net, of_clips) + _inputs(calls, "average_pool") + biases


# ---- RubiksNet
def rubiksnet(net, calls):
    """A fit to RubiksNet's figures, whose rule is unknown: as fvcore, and 2^axes per element that a shift writes."""
    shifts = sum(2 ** call.args[1].shape[0] * call.out.numel() for call in _of(calls, "shift"))
    return with_norms(net, calls) + shifts


# ---- Efficient-3DCNNs, table 8: modules are counted, functions are not
POOLED_BY_3 = ("ShuffleNet", "ShuffleNetV2", "SqueezeNet")  # whose pools' kernel is written 3: 2 per output, not 26
AVERAGED_BY_A_MODULE = ("SqueezeNet", "ResNet3D")
RELU_MODULES = {"MobileNet": 1}  # the ReLUs of its blocks are functions
FAMILIES = (*POOLED_BY_3, "MobileNet", "MobileNetV2", "ResNet3D", "C3D")


def table8_ops(net, calls):
    """Kopuklu et al., table 8: multiply-adds of convolutions and single operations of all else, in one sum.

    Per output element: a convolution's kernel, and its bias; 2 in batch norm, 1 in ReLU; of a pool its kernel's size
    (a maximum: less 1). A linear layer: (2 in - 1) out.
    """
    family = type(net).__name__
    if family not in FAMILIES:
        raise ValueError(f"table 8 counts the nets of Efficient-3DCNNs, not {family}")
    return sum(TABLE8[call.kind](call, family) for call in _of(calls, *TABLE8)) + _relus(family, calls)


def _convolution(call, family):
    return call.macs + (call.out.numel() if call.args[2] is not None else 0)


def _max_pool(call, family):
    kernel = call.args[1]
    volume = prod(kernel) if len(kernel) == 3 else kernel[0] ** 3
    return call.out.numel() * (2 if family in POOLED_BY_3 else volume - 1)


def _relus(family, calls):
    return sum(call.out.numel() for call in _of(calls, "relu")[: RELU_MODULES.get(family)])


TABLE8 = {
    "conv": _convolution,
    "subkernels": lambda call, family: call.macs,  # without a bias
    "linear": lambda call, family: (2 * call.args[-2].shape[-1] - 1) * call.out.numel(),
    "norm": lambda call, family: 2 * call.args[0].numel(),
    "max_pool": _max_pool,
    "average_pool": lambda call, family: prod(call.args[1]) * call.out.numel(),
    "global_average": lambda call, family: call.args[0].numel() if family in AVERAGED_BY_A_MODULE else 0,
}


# ---- parameters
def parameters(net):
    """Every parameter."""
    return sum(parameter.numel() for parameter in net.parameters())


def weights_only(net):
    """VMZ's: weights of convolutions and linear layers; no bias, no batch norm."""
    return sum(parameter.numel() for parameter in net.parameters() if parameter.ndim > 1)


def without_filters(net):
    """RubiksNet's: the temporal filters of its AQ variant, with their temperatures, are left out."""
    return sum(parameter.numel() for key, parameter in net.named_parameters() if ".filter." not in key)
