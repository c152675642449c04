"""Memory formats: every op works in contiguous or channels_last_3d memory, and writes what it was given."""

import numpy as np
import torch


def is_channels_last(x):
    """Whether x (N, C, T, H, W) lies in memory as (N, T, H, W, C). What is both counts as contiguous."""
    return x.is_contiguous(memory_format=torch.channels_last_3d) and not x.is_contiguous()


def format_of(x):
    """The format of an op's output for the input x."""
    return torch.channels_last_3d if is_channels_last(x) else torch.contiguous_format


def plain(x):
    """x in its format: x itself, or a contiguous copy if its strides are neither format's."""
    return x.contiguous(memory_format=format_of(x))


def plain_like(g, x):
    """g (a gradient) in the format of x."""
    return g.contiguous(memory_format=format_of(x))


def empty_for(x, size):
    """An uninitialised output of x's type, device and format."""
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=format_of(x))


def readable(x, dtype):
    """x in a type that loops on the CPU read: bfloat16 as it is, all else as `dtype`, in which they calculate."""
    return x if x.dtype == torch.bfloat16 else x.to(dtype)


def roomy(x, size):
    """empty_for on the CPU, in memory from NumPy: it asks for huge pages, which torch does not, and a fresh 40 MB
    tensor costs three times less to write than page by page."""
    n, c, *grid = size
    dtype = {2: np.uint16, 4: np.float32, 8: np.float64}[x.element_size()]
    if is_channels_last(x):
        return torch.from_numpy(np.empty((n, *grid, c), dtype)).view(x.dtype).permute(0, 4, 1, 2, 3)
    return torch.from_numpy(np.empty((n, c, *grid), dtype)).view(x.dtype)


def planes_of(x):
    """x.contiguous() of a channels_last_3d x (N, C, T, H, W), up to three times as fast: clip by clip, as a matrix."""
    planes = torch.empty(x.shape, dtype=x.dtype)
    for clip, plane in zip(x, planes, strict=True):
        plane.flatten(1).copy_(clip.permute(1, 2, 3, 0).flatten(0, 2).t())
    return planes


def last_of(planes):
    """The way back from `planes_of`."""
    x = torch.empty(planes.shape, dtype=planes.dtype, memory_format=torch.channels_last_3d)
    for clip, plane in zip(x, planes, strict=True):
        clip.permute(1, 2, 3, 0).flatten(0, 2).copy_(plane.flatten(1).t())
    return x


def flat(x, like=None):
    """The memory of x (N, C, T, H, W) as a NumPy array (N, C, T*H*W), or (N, T*H*W, C) if it is channels_last_3d;
    bfloat16 as uint16, see _halves.py.

    like  the tensor whose format counts: of one pixel, say, x has both
    """
    n, c, *grid = x.shape
    size = grid[0] * grid[1] * grid[2]
    if is_channels_last(x if like is None else like):
        return as_array(x.permute(0, 2, 3, 4, 1).reshape(n, size, c))
    return as_array(x.reshape(n, c, size))


def as_array(x):
    """A tensor's memory as a NumPy array, bfloat16 as uint16."""
    x = x.detach()
    return (x.view(torch.uint16) if x.dtype == torch.bfloat16 else x).numpy()


def mended(sums, reference):
    """Sums over x, a kernel's; where they are not finite, what reference() finds.

    Kernels multiply by 0 what no tap reads, which is nothing, unless x has a nan or infinity there.
    """
    finite = sums.isfinite()
    return sums if finite.all() else torch.where(finite, sums, reference())
