"""2D weights into 3D nets: an ImageNet ResNet becomes the start of C2D, I3D, R(2+1)D, P3D, LGD-P3D, DG-P3D.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021 (its code's `transfer_weights`)

All but I3D then compute, for a clip, the mean of the 2D net's logits over every early_stride-th frame: what is new in
them starts as an identity or as zero. I3D repeats its kernels in time, and zero padding costs it a third at both ends.

Departures: type B's zeros are dense and R(2+1)D's padding is per group, so that the ResNeXt nets transfer as well.
"""

import torch

from lib.models import p3d
from lib.models.dg_p3d import published_key
from lib.models.p3d_units import I3D, R2Plus1D, TypeB, TypeC


def transfer_2d(net, tensors):
    """Fill a 3D net with the weights of the 2D ResNet of its depth, in place.

    tensors  a 2D state dict, torchvision's names: conv1.weight (64, 3, 7, 7), layer1.0.conv1.weight, ..., fc.bias
    Returns our keys that the 2D net has nothing for, which keep their values: the head if the classes differ, contexts.
    ValueError if the nets do not correspond.
    """
    if not isinstance(net, p3d.Net):
        raise ValueError(f"{type(net).__name__} has no 2D twin; nets of lib/models/p3d.py and their kin have")
    state, found, missing = net.state_dict(), {}, []
    for ours, value in state.items():
        source = published_key(ours).replace("layer4_dual", "layer4")
        unit = (
            net.get_submodule(ours.rsplit(".", 2)[0]) if ours.endswith(("spatial.weight", "temporal.weight")) else None
        )
        if ours.endswith("temporal.weight"):
            found[ours] = _temporal(unit)
        elif source not in tensors or (source.startswith("fc") and tensors[source].shape != value.shape):
            missing.append(ours)
        else:
            found[ours] = _inflate(tensors[source], value.shape, unit)
    missing = [ours for ours in missing if not ours.endswith("num_batches_tracked")]
    _check(net, tensors, state, found, missing)
    with torch.no_grad():
        for ours, value in found.items():
            state[ours].copy_(value)
    return missing


def _check(net, tensors, state, found, missing):
    wrong = [f"{ours} would be {tuple(value.shape)}, it is {tuple(state[ours].shape)}"
             for ours, value in found.items() if value.shape != state[ours].shape]  # fmt: skip
    known = {published_key(ours) for ours in state}
    wrong += [f"{key} has no place in the 3D net" for key in tensors if key not in known]
    flat = (torch.nn.Conv3d, torch.nn.BatchNorm3d)
    wrong += [f"{ours} is not in the 2D net" for ours in missing
              if isinstance(net.get_submodule(ours.rsplit(".", 1)[0]), flat)]  # fmt: skip
    if wrong:
        raise ValueError(f"the 2D net does not fit: {'; '.join(wrong[:3])}")


def _inflate(weight, shape, unit):
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
