"""2D weights into 3D nets: an ImageNet ResNet becomes the start of a video net, RubiksNet's 2D net that of its 3D net.

Papers  Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021 (its code's `transfer_weights`): the P3D zoo
        Yu et al., CAKES, AAAI 2021, arXiv:2003.12798, and GST, arXiv:1909.13130 (their code): frame ResNets
        Fan et al., RubiksNet, ECCV 2020 (its code's `inflate`): shifts

All of the P3D zoo but I3D then compute, for a clip, the mean of the 2D net's logits over every early_stride-th frame:
what is new in them starts as an identity or as zero. I3D repeats its kernels in time, and zero padding costs it a third
at both ends.

Departures: type B's zeros are dense and R(2+1)D's padding is per group, so that the ResNeXt nets transfer as well.
"""

from pathlib import Path

import torch

from lib.data.protocol import PIXELS
from lib.models import p3d
from lib.models.dg_p3d import published_key
from lib.models.frame_resnet import FrameResNet, fill
from lib.models.layout import Preprocessing
from lib.models.p3d_units import I3D, R2Plus1D, TypeB, TypeC
from lib.models.rubiksnet import RubiksNet
from lib.models.shifts import frame_row
from lib.weights.reading import COUNTER, read_tensors

# what ImageNet weights see, torchvision's and timm's
PREPROCESSING = Preprocessing(PIXELS["imagenet"], 224, 1)


def flat_tensors(name, path):
    """The tensors of a file of a 2D net, without its head; {} if the file is another's, such as of the video net.

    A 2D ResNet is known by its first kernel (torchvision's and timm's names, .pth or .safetensors), RubiksNet's 2D net
    by its shifts, which have no row for time.
    """
    tensors = read_tensors(path)
    resnet = getattr(tensors.get("conv1.weight"), "ndim", 0) == 4 and "layer1.0.conv1.weight" in tensors
    rubiks = name.startswith("rubiksnet") and getattr(tensors.get("stages.0.0.shift.shift"), "shape", ())[:1] == (2,)
    heads = ("fc.weight", "fc.bias")
    return {key: value for key, value in tensors.items() if key not in heads} if resnet or rubiks else {}


def inflation_text(path, net, flat, missing):
    """What became of a 2D net's tensors; missing: as `inflate` returns it."""
    heads = [key for key in missing if key.startswith("fc")]
    lines = [f"{Path(path).name}: {len(flat)} tensors of the 2D net inflated into {type(net).__name__}"]
    rest = {"new, from random": heads, "not in the 2D net": [key for key in missing if key not in heads]}
    return "\n".join([*lines, *(f"  {title}: {len(keys)}, such as {keys[0]}" for title, keys in rest.items() if keys)])


def inflate(net, flat, temporal="tsm"):
    """Fill a video net from the weights of its 2D twin, in place; nothing is changed if they do not fit.

    net       of the P3D zoo, a frame ResNet (CAKES, GST, TSM), or a RubiksNet
    flat      the 2D net's state dict. A ResNet of the same depth, torchvision's names: conv1.weight (64, 3, 7, 7),
              layer1.0.conv1.weight, ..., fc.bias; for a RubiksNet its own variant "rubiks2d", our names
    temporal  RubiksNet's shifts in time, see `lib.models.shifts.frame_row`
    Returns our keys that the 2D net has nothing for, which keep their values: the head if the classes differ, contexts.
    ValueError if the nets do not correspond.
    """
    twins = {p3d.Net: _zoo, FrameResNet: _frames, RubiksNet: lambda net, flat: _shifts(net, flat, temporal)}
    for kind, twin in twins.items():
        if isinstance(net, kind):
            return twin(net, flat)
    raise ValueError(f"{type(net).__name__} has no 2D twin; {TWINS}")


TWINS = (
    "a 2D ResNet starts nets of its depth of the P3D zoo (c2d, i3d, p3d, r2p1d, dg_p3d, lgd_p3d), CAKES, GST and TSM; "
    "RubiksNet starts from its own 2D net"
)


def _refuse(wrong):
    if wrong:
        raise ValueError(f"the 2D net does not fit: {'; '.join(wrong[:3])}")


def _copy(state, found):
    with torch.no_grad():
        for ours, value in found.items():
            state[ours].copy_(value)


# ---- the P3D zoo
def _zoo(net, flat):
    state, found, missing = net.state_dict(), {}, []
    for ours, value in state.items():
        source = published_key(ours).replace("layer4_dual", "layer4")
        unit = (
            net.get_submodule(ours.rsplit(".", 2)[0]) if ours.endswith(("spatial.weight", "temporal.weight")) else None
        )
        if ours.endswith("temporal.weight"):
            found[ours] = _temporal(unit)
        elif source not in flat or (source.startswith("fc") and flat[source].shape != value.shape):
            missing.append(ours)
        else:
            found[ours] = _in_time(flat[source], value.shape, unit)
    missing = [ours for ours in missing if not ours.endswith(COUNTER)]
    _check(net, flat, state, found, missing)
    _copy(state, found)
    return missing


def _check(net, flat, state, found, missing):
    wrong = [f"{ours} would be {tuple(value.shape)}, it is {tuple(state[ours].shape)}"
             for ours, value in found.items() if value.shape != state[ours].shape]  # fmt: skip
    known = {published_key(ours) for ours in state}
    wrong += [f"{key} has no place in the 3D net" for key in flat if key not in known]
    layers = (torch.nn.Conv3d, torch.nn.BatchNorm3d)
    wrong += [f"{ours} is not in the 2D net" for ours in missing
              if isinstance(net.get_submodule(ours.rsplit(".", 1)[0]), layers)]  # fmt: skip
    _refuse(wrong)


def _in_time(weight, shape, unit):
    """A 2D kernel in time: alone, repeated (I3D), at the middle of the stem's frames; (2+1)D: between zero channels."""
    if weight.ndim != 4:
        return weight
    weight, frames = weight[:, :, None], shape[2]
    if isinstance(unit, I3D):
        return weight.repeat(1, 1, frames, 1, 1) / frames
    if isinstance(unit, R2Plus1D):
        padded = weight.new_zeros(shape)
        padded[_middle(unit)] = weight
        return padded
    padded = weight.new_zeros(*weight.shape[:2], frames, *weight.shape[3:])
    padded[:, :, frames // 2] = weight[:, :, 0]
    return padded


def _temporal(unit):
    """The identity in a row (A, (2+1)D), zero beside or around a shortcut (B, C)."""
    weight = torch.zeros(unit.temporal.weight.shape)
    if isinstance(unit, TypeB | TypeC):
        return weight
    inputs = _middle(unit) if isinstance(unit, R2Plus1D) else torch.arange(len(weight)) % weight.shape[1]
    weight[torch.arange(len(weight)), inputs, 1] = 1
    return weight


def _middle(unit):
    """The channels between (2+1)D's two convolutions that hold the 2D net's: the middle ones of every group."""
    groups = unit.spatial.groups
    wide, narrow = unit.spatial.out_channels // groups, unit.temporal.out_channels // groups
    start = torch.arange(groups)[:, None] * wide + (wide - narrow) // 2
    return (start + torch.arange(narrow)).flatten()


# ---- frame ResNets
NORM = ("weight", "bias", "running_mean", "running_var")


def _frames(net, flat):
    """All but the head, which is trained anew."""
    units = list(_units(net))
    shapes = {f"{conv}.weight": shape for _, conv, _, shape in units}
    shapes |= {f"{norm}.{leaf}": shape[:1] for _, _, norm, shape in units for leaf in NORM}
    wrong = [f"{key} is not in the 2D net" for key in shapes if key not in flat]
    wrong += [f"{key} is {tuple(flat[key].shape)}, the net's twin has {tuple(shape)}"
              for key, shape in shapes.items() if key in flat and flat[key].shape != shape]  # fmt: skip
    known = ("fc.weight", "fc.bias", *shapes)
    wrong += [f"{key} has no place in the 3D net" for key in flat if key not in known and not key.endswith(COUNTER)]
    _refuse(wrong)
    for fill_unit, conv, norm, _ in units:
        fill_unit(flat[f"{conv}.weight"], {leaf: flat[f"{norm}.{leaf}"] for leaf in NORM})
    return [ours for ours in net.state_dict() if ours.startswith("fc.")]


def _units(net):
    """(function that fills it, the 2D net's convolution, norm, and that kernel's shape) of every unit."""

    def plain(unit, conv, norm, c_in=None):
        c_out, own, *_, height, width = unit[0].weight.shape
        return (lambda weight, tensors: fill(unit, weight, tensors)), conv, norm, (c_out, c_in or own, height, width)

    yield plain(net.stem, "conv1", "bn1")
    for number, stage in enumerate(net.stages, 1):
        for index, block in enumerate(stage):
            there, planes = f"layer{number}.{index}.", len(block.reduce[0].weight)
            yield plain(block.reduce, f"{there}conv1", f"{there}bn1")
            if hasattr(block.middle, "fill"):
                yield block.middle.fill, f"{there}conv2", f"{there}bn2", (planes, planes, 3, 3)
            else:
                yield plain(block.middle, f"{there}conv2", f"{there}bn2")
            yield plain(block.expand, f"{there}conv3", f"{there}bn3", planes)  # a supernet's has more to read
            if len(list(block.shortcut.children())):
                yield plain(block.shortcut, f"{there}downsample.0", f"{there}downsample.1")


# ---- RubiksNet
def _shifts(net, flat, temporal):
    """Weights and spatial shifts as they are; a row of shifts in time before them."""
    found, missing, wrong = {}, [], []
    state = net.state_dict()
    for ours, value in state.items():
        if ours not in flat or (ours.startswith("fc.") and flat[ours].shape != value.shape):
            missing.append(ours)
        elif ours.endswith(".shift.shift") and len(value) == len(flat[ours]) + 1:
            found[ours] = torch.cat([frame_row(value.shape[1], temporal)[None].to(flat[ours]), flat[ours]])
        else:
            found[ours] = flat[ours]
        if ours in found and found[ours].shape != value.shape:
            wrong.append(f"{ours} would be {tuple(found[ours].shape)}, it is {tuple(value.shape)}")
    wrong += [f"{key} has no place in the 3D net" for key in flat if key not in state]
    wrong += [f"{ours} is not in the 2D net" for ours in missing if not ours.startswith("fc.")]
    _refuse(wrong)
    _copy(state, found)
    return missing
