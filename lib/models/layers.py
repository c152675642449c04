"""Layers that more than one net uses."""

import torch
from torch import nn
from torch.nn import functional as F


def triple(value):
    """One number for all three axes, or (t, h, w) as it is."""
    return (value,) * 3 if isinstance(value, int) else tuple(value)


def conv(c_in, c_out, kernel, stride=1, groups=1, bias=False):
    """Convolution, padded so that stride 1 keeps the size of odd kernels."""
    kernel, stride = triple(kernel), triple(stride)
    return nn.Conv3d(c_in, c_out, kernel, stride, tuple(k // 2 for k in kernel), groups=groups, bias=bias)


def conv_bn(c_in, c_out, kernel, stride=1, groups=1, eps=1e-5, bias=False):
    """`conv`, then batch norm."""
    return nn.Sequential(conv(c_in, c_out, kernel, stride, groups, bias), nn.BatchNorm3d(c_out, eps=eps))


class FrameConv(nn.Conv2d):
    """A 2D convolution of every frame: 4-D weights, as 2D nets and the nets made of them store them."""

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H', W')
        return self._conv_forward(x, self.weight.unsqueeze(2), self.bias)

    def _conv_forward(self, x, weight, bias):
        return F.conv3d(x, weight, bias, (1, *self.stride), (0, *self.padding))


class FrozenBatchNorm(nn.BatchNorm3d):
    """Batch norm that keeps its running statistics; weight and bias train on. It stores no batch counter."""

    def __init__(self, norm):
        super().__init__(norm.num_features, norm.eps, device="meta")  # its tensors are the norm's own, see below
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        del self.num_batches_tracked

    def forward(self, x):  # (N, C, T, H, W) -> like x
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        shift = self.bias - self.running_mean * scale
        return x * scale.view(-1, 1, 1, 1) + shift.view(-1, 1, 1, 1)


def freeze_batch_norms(module, keep=()):
    """Replace every batch norm inside a module by a `FrozenBatchNorm`, but those in `keep`."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm3d) and not any(child is kept for kept in keep):
            if not isinstance(child, FrozenBatchNorm):
                setattr(module, name, FrozenBatchNorm(child))
        else:
            freeze_batch_norms(child, keep)


def avg_pool3d(x, kernel, stride, padding=0):
    """`torch.nn.functional.avg_pool3d` of any float type: in float32 on a CPU, where PyTorch has none of 16 bits.

    x  (N, C, T, H, W) -> (N, C, T', H', W')
    """
    wide = x.float() if x.device.type == "cpu" and x.dtype in (torch.float16, torch.bfloat16) else x
    return F.avg_pool3d(wide, kernel, stride, padding).to(x.dtype)


def channel_shuffle(x, groups):
    """Interleave the channels of `groups` groups: out[j * groups + i] = in[i * C / groups + j].  (N, C, T, H, W)"""
    grouped = x.movedim(1, -1).unflatten(-1, (groups, -1))  # channels last, so that they stay last in memory
    return grouped.transpose(-1, -2).flatten(-2).movedim(-1, 1)


def init_fan_out(module):
    """Kaiming's normal initialisation of convolutions by fan-out, for `Module.apply`."""
    if isinstance(module, nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def parameter_groups(net, multiples, head=None):
    """A net's policy, as `lib.train` reads it: every parameter in one group, with its multiples of the base values.

    multiples  {role: (rate, decay)}; others (1, 1). A parameter's role is "norm" in batch norms, else its own name in
               its module, such as "weight" or "bias"; in the head "head_weight" goes before "weight"
    """
    groups = {}
    for module in net.modules():
        norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
        for name, parameter in module.named_parameters(recurse=False):
            roles = ["norm"] if norm else [f"head_{name}", name] if module is head else [name]
            multiple = next((multiples[role] for role in roles if role in multiples), (1, 1))
            groups.setdefault(multiple, []).append(parameter)
    return [{"params": group, "rate": rate, "decay": decay} for (rate, decay), group in groups.items()]


def check_clip(x, net, fits=True, takes="", channels=3):
    """The one ValueError for clips that a net cannot take.

    x      should be (N, channels, T, H, W)
    fits   whether the net takes its T, H, W
    takes  what the net takes, e.g. "16, 32, 48, ... frames"
    """
    if x.ndim != 5 or x.shape[1] != channels or 0 in x.shape[2:]:
        raise ValueError(f"{net} takes clips of shape (N, {channels}, T, H, W), not {tuple(x.shape)}")
    if not fits:
        frames, height, width = x.shape[2:]
        raise ValueError(f"{net} cannot take {frames} frames of {height} x {width} pixels: it takes {takes}")


def for_channels(weight, channels):
    """Kernels (c_out, c_in, ...) for other channels: repeated in turn, times c_in / channels; for one: their sum."""
    if channels == 1:
        return weight.sum(1, keepdim=True)
    had = weight.shape[1]
    return weight[:, torch.arange(channels, device=weight.device) % had] * (had / channels)


def set_in_channels(convolution, channels):
    """Give a convolution the kernels of `for_channels`, in place."""
    weight = convolution.weight
    convolution.weight = nn.Parameter(for_channels(weight.detach(), channels), weight.requires_grad)
    convolution.in_channels = channels
