"""The depthwise convolution on a CPU: the library's forward, which is fast, and a backward of our own, which it lacks.

A block of 16 channels of one clip goes frame by frame; g passes through three padded scratch frames: the one before,
this one and the next. At every pixel both gradients read the same 27 taps of g: to x, their sum weighted with the
kernel turned round; to the weights, their products with x. So x and g are read once (lanes.py). Of a strided g
only the frames, and with stride 2 the rows and pixels, that there are count; else zeros lie between. Kinds need no code
of their own: a sub-kernel is a full kernel with zeros, and a time step that all 16 channels lack is left out.
"""

from collections import namedtuple
from functools import cache

import numpy as np
import torch
from numba import prange

from kernels._format import as_array, is_channels_last, mended, plain_like, readable, roomy
from kernels._kinds import cut, embed, full_size
from kernels._threads import jit, parallel_jit, run
from kernels.depthwise_subkernel_conv3d.lanes import LANES, STEP, TILE, Row, gather_pairs, gather_row, load, store
from kernels.depthwise_subkernel_conv3d.reference import depthwise_backward_reference, depthwise_reference

THREE, NINE = 3 * LANES, 9 * LANES
STRIP = 1 << 15  # elements of x and gx at hand while the taps of one block of channels are
PARTS = 16  # at least so many parts for the threads to share, whatever their number: sums never change
# size (T, H, W) of x, out_size of y; paired: rows and columns have stride 2 (gather_pairs);
# a row of lanes: tiles of four pixels, length in a plane of g (padded)
Case = namedtuple("Case", "channels size out_size stride paired channels_last blocks tiles length")


@jit
def unpack(a):
    size, out_size, stride = (a[2], a[3], a[4]), (a[5], a[6], a[7]), (a[8], a[9], a[10])
    blocks, tiles = (a[1] + LANES - 1) // LANES, (a[4] + TILE - 1) // TILE
    paired = stride[1] == 2 and stride[2] == 2
    return Case(a[1], size, out_size, stride, paired, a[11] != 0, blocks, tiles, (tiles + 1) * STEP)


@jit
def row_of(n, t, h, size, case):
    """Row h of frame t of clip n of a tensor of this size (T, H, W): its first element, and its Row."""
    (T, H, W), C = size, case.channels
    if case.channels_last or T * H * W == 1:
        return ((n * T + t) * H + h) * W * C, Row(C, W, 1, C)
    return (n * C * T + t) * H * W + h * W, Row(C, W, T * H * W, 1)


@jit
def has_g(t, case):
    """Whether g has a frame at frame t of x."""
    return 0 <= t < case.size[0] and t % case.stride[0] == 0


@jit
def lay(planes, n, t, g, case, room):
    """g's frame at frame t of x, if it has one, into its one of three planes: every row where it is in x."""
    plane, stride, rows = planes[t % 3], case.stride, case.blocks * case.length
    if has_g(t, case):
        for h in range(case.out_size[1]):
            first, row = row_of(n, t // stride[0], h, case.out_size, case)
            step = 1 if case.paired else stride[2]
            load(plane[(h * stride[1] + 1) * rows + LANES :], case.length, g, first, row, step, room)


@jit
def gather(out, sums, x, plane, w, block, top, lines, case):
    """One block of channels in `lines` rows of x, from row `top` on, with one frame of g."""
    row, pitch = case.tiles * STEP, case.blocks * case.length
    for i in range(lines):
        here = slice((i * case.blocks + block) * row, (i * case.blocks + block + 1) * row)
        if case.paired:
            for k in range((top + i + 1) % 2, 3, 2):  # the rows above, here and below that g has
                nth = slice(k * THREE, (k + 1) * THREE)
                g = plane[(top + i + k) * pitch + LANES :]
                gather_pairs(out[here], sums[nth], x[here], g, w[nth], case.tiles)
        else:
            above, middle = plane[(top + i) * pitch :], plane[(top + i + 1) * pitch :]
            below = plane[(top + i + 2) * pitch :]
            gather_row(out[here], sums, x[here], above, middle, below, w, case.tiles)


@jit
def backward(g, x, w, needed, gx, sums, numbers, start, stop):
    """Parts `start` to `stop` of all clips, each some frames of one clip; g, x, gx: flat memory, floats or bfloat16.

    w (blocks, 27 * LANES): the kernels turned round; needed (blocks, 3): which of their time steps count;
    sums (clips * parts, blocks, 27 * LANES): the gradient to w, part by part.
    """
    case, parts = unpack(numbers), numbers[12]
    (T, H, _), row, pitch = case.size, case.tiles * STEP, case.blocks * case.length
    strip = max(1, min(H, STRIP // (case.blocks * row)))
    planes = np.zeros((3, (H + 2) * pitch), w.dtype)
    of_x, of_gx = np.zeros(strip * case.blocks * row, w.dtype), np.zeros(strip * case.blocks * row, w.dtype)
    room = np.empty(case.size[2] * case.channels, w.dtype)
    for item in range(start, stop):
        n, begin, end = item // parts, T * (item % parts) // parts, T * (item % parts + 1) // parts
        sums[item] = 0
        lay(planes, n, begin - 1, g, case, room)
        lay(planes, n, begin, g, case, room)
        for t in range(begin, end):
            lay(planes, n, t + 1, g, case, room)
            for top in range(0, H, strip):
                lines = min(strip, H - top)
                for i in range(lines):
                    first, source = row_of(n, t, top + i, case.size, case)
                    load(of_x[i * case.blocks * row :], row, x, first, source, 1, room)
                of_gx[:] = 0
                for block in range(case.blocks):
                    for k in range(3):
                        if needed[block, k] and has_g(t + k - 1, case):
                            nine = slice(k * NINE, (k + 1) * NINE)
                            plane = planes[(t + 2 + k) % 3][block * case.length :]
                            gather(of_gx, sums[item, block, nine], of_x, plane, w[block, nine], block, top, lines, case)
                for i in range(lines):
                    first, target = row_of(n, t, top + i, case.size, case)
                    store(of_gx[i * case.blocks * row :], row, gx, first, target, room)


@parallel_jit
def backward_parallel(g, x, w, needed, gx, sums, numbers, chunks):
    items = sums.shape[0]
    for k in prange(chunks):
        backward(g, x, w, needed, gx, sums, numbers, items * k // chunks, items * (k + 1) // chunks)


def in_lanes(full):
    """(C, 27) -> (blocks, 27 * LANES): 16 channels side by side, 0 past the last one."""
    rows = torch.nn.functional.pad(full, (0, 0, 0, -len(full) % LANES))
    return rows.unflatten(0, (-1, LANES)).transpose(1, 2).reshape(-1, 27 * LANES)


@cache
def needed_steps(sizes):
    """For kinds of these sizes (C_kind, t): the time steps that some channel of a block has (blocks, 3)."""
    steps = np.repeat([t > 1 for _, t in sizes], [count for count, _ in sizes])
    some = np.add.reduceat(steps, np.arange(0, len(steps), LANES)) > 0
    return np.stack([some, np.ones_like(some), some], 1)


def memory(x):
    """The elements of x in the order in which they lie in memory, as a flat NumPy array, bfloat16 as uint16."""
    return as_array((x.permute(0, 2, 3, 4, 1) if is_channels_last(x) else x).reshape(-1))


def library_has_bf16():
    """Whether oneDNN convolves bfloat16 on this CPU; where it does not, PyTorch's way is slow."""
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def depthwise_cpu(x, weights, stride):
    """depthwise_reference, in channels_last_3d on the way: the library is then up to 20 times faster.

    Its convolution of bfloat16, which sums in float32, takes bfloat16 weights: so where they lose nothing by it.
    """
    if x.dtype == torch.bfloat16 and library_has_bf16():
        short = [w.to(x.dtype) for w in weights]
        weights = short if all(map(torch.equal, weights, (w.to(torch.float32) for w in short))) else weights
    y = depthwise_reference(x.contiguous(memory_format=torch.channels_last_3d), weights, stride)
    return plain_like(y, x)


def depthwise_backward_cpu(g, x, weights, stride):
    """depthwise_backward_reference, in the format of x."""
    if full_size(weights) > 3:
        return depthwise_backward_reference(g, x, weights, stride)
    full = embed(weights, least=3)
    work = readable(x, full.dtype)
    gx, needed = roomy(work, x.shape), needed_steps(tuple((len(w), w.shape[2]) for w in weights))
    parts = max(1, min(x.shape[2], PARTS // max(1, len(x))))
    turned = in_lanes(full.flatten(1).flip(1)).numpy()
    sums = np.empty((len(x) * parts, *turned.shape), turned.dtype)
    numbers = np.array([*x.shape, *g.shape[2:], *stride, is_channels_last(x), parts])
    arrays = memory(readable(g, full.dtype)), memory(work), turned, needed, memory(gx), sums, numbers
    run(backward, backward_parallel, len(sums), x.numel(), *arrays)
    lanes = torch.from_numpy(sums.sum(0)).unflatten(1, (27, LANES)).transpose(1, 2)
    gw = cut(lanes.reshape(-1, 27)[: len(full)].flip(1).reshape(full.shape), weights)
    exact = cache(lambda: depthwise_backward_reference(g, x, weights, stride)[1])
    return gx.to(x.dtype), [mended(own, lambda i=i: exact()[i]) for i, own in enumerate(gw)]
