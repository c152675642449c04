"""Layers that more than one net uses."""

from torch import nn


def triple(value):
    """One number for all three axes, or (t, h, w) as it is."""
    return (value,) * 3 if isinstance(value, int) else tuple(value)


def conv_bn(c_in, c_out, kernel, stride=1, groups=1, eps=1e-5):
    """Convolution without bias, padded so that stride 1 keeps the size of odd kernels; then batch norm."""
    kernel, stride = triple(kernel), triple(stride)
    padding = tuple(k // 2 for k in kernel)
    conv = nn.Conv3d(c_in, c_out, kernel, stride, padding, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm3d(c_out, eps=eps))


def check_clip(x, net, fits=True, takes=""):
    """The one ValueError for clips that a net cannot take.

    x      should be (N, 3, T, H, W)
    fits   whether the net takes its T, H, W
    takes  what the net takes, e.g. "16, 32, 48, ... frames"
    """
    if x.ndim != 5 or x.shape[1] != 3:
        raise ValueError(f"{net} takes clips of shape (N, 3, T, H, W), not {tuple(x.shape)}")
    if not fits:
        frames, height, width = x.shape[2:]
        raise ValueError(f"{net} cannot take {frames} frames of {height} x {width} pixels: it takes {takes}")
