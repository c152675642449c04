"""The depthwise convolution on CUDA: all kinds in one launch, any odd k, any strides.

A thread owns one channel and walks over pixels (kernels._cuda_device.walk); its taps go as far as its channel's kind
reaches.

Forward: every output reads its taps, which its neighbours share through the cache. Backward: every input element reads
its taps of g once, for its own gradient and, multiplied by x, for the kernel's: k*k*k sums in registers, added up over
the block in shared memory in a fixed order, and over the blocks by torch: no atomics.
"""

import numpy as np
import torch

from kernels import _cuda, _cuda_device
from kernels._cuda import THREADS, cuda, device_function, flat, memory_strides
from kernels._format import empty_for
from kernels._kinds import cut, embed, full_size, output_size, packed


def forward_kernel(dtype, k):
    (read, write), reach = _cuda_device.element(dtype), _cuda_device.reach_of()
    share, place, step, at = _cuda_device.walk()
    number = np.float64 if dtype == torch.float64 else np.float32

    def depthwise_forward(x, weight, y, kinds, counts, grid, memory):
        """x, y, weight (C, k, k, k) flat; kinds: how far each channel's taps go (kernels._kinds.packed); counts: clips,
        channels, channels side by side in a block; grid: (t, h, w) of x, of y, stride; memory: distances in x, in y."""
        (clips, channels, lanes), (size, out, stride), (strides, out_strides) = counts, grid, memory
        start, jump = share(lanes)
        pixels, by = clips * out[0] * out[1] * out[2], place(jump, out)
        for c in range(cuda.blockIdx.y * lanes + cuda.threadIdx.x % lanes, channels, cuda.gridDim.y * lanes):
            rt, rh, rw = reach(kinds, c, k // 2)
            centre = ((c * k + k // 2) * k + k // 2) * k + k // 2
            n, t, h, w = place(start, out)
            for _ in range(start, pixels, jump):
                total = number(0)
                for a in range(-rt, rt + 1):
                    it = t * stride[0] + a
                    if 0 <= it < size[0]:
                        for b in range(-rh, rh + 1):
                            ih = h * stride[1] + b
                            if 0 <= ih < size[1]:
                                row = at(strides, n, c, it, ih, 0)
                                for d in range(-rw, rw + 1):
                                    iw = w * stride[2] + d
                                    if 0 <= iw < size[2]:
                                        total += weight[centre + (a * k + b) * k + d] * read(x, row + iw * strides[4])
                write(y, at(out_strides, n, c, t, h, w), total)
                n, t, h, w = step(n, t, h, w, by, out)

    return depthwise_forward


def taps_of_g(dtype, k, unit):
    """What comes back to an element of x: over the taps that read it, each of the output at place - (tap - half)."""
    (read, _), source = _cuda_device.element(dtype), _cuda_device.output_at(unit)
    number, half = np.float64 if dtype == torch.float64 else np.float32, k // 2

    def gather(g, start, steps, weight, first, own, value, place, reach, stride, out):
        """The gradient to the element; own (k*k*k) += value * g at every tap. weight from `first` on."""
        total = number(0)
        for a in range(k):
            ot = source(place[0] + half - a, stride[0], out[0])
            if ot < 0 or abs(a - half) > reach[0]:
                continue
            for b in range(k):
                oh = source(place[1] + half - b, stride[1], out[1])
                if oh < 0 or abs(b - half) > reach[1]:
                    continue
                row = start + ot * steps[2] + oh * steps[3]
                for d in range(k):
                    ow = source(place[2] + half - d, stride[2], out[2])
                    if ow >= 0 and abs(d - half) <= reach[2]:
                        here, tap = read(g, row + ow * steps[4]), (a * k + b) * k + d
                        total += weight[first + tap] * here
                        own[tap] += value * here
        return total

    return device_function(gather)


def backward_kernel(dtype, k, unit):
    (read, write), reach, add_up = _cuda_device.element(dtype), _cuda_device.reach_of(), _cuda_device.add_up()
    (share, place, step, at), gather = _cuda_device.walk(), taps_of_g(dtype, k, unit)
    number, taps = np.float64 if dtype == torch.float64 else np.float32, k * k * k

    def depthwise_backward(g, x, weight, gx, sums, kinds, counts, grid, memory):
        """sums (C, k*k*k, blocks): this block's part of the gradient to the weight; else as the forward."""
        (clips, channels, lanes), (size, out, stride), (strides, steps) = counts, grid, memory
        part, own = cuda.shared.array(THREADS, number), cuda.local.array(taps, number)
        (start, jump), lane = share(lanes), cuda.threadIdx.x % lanes
        pixels, tiles, by = clips * size[0] * size[1] * size[2], (channels + lanes - 1) // lanes, place(jump, size)
        for tile in range(cuda.blockIdx.y, tiles, cuda.gridDim.y):
            c = tile * lanes + lane
            for i in range(taps):
                own[i] = number(0)
            if c < channels:
                reaches, (n, t, h, w) = reach(kinds, c, k // 2), place(start, size)
                for _ in range(start, pixels, jump):
                    here, first = at(strides, n, c, t, h, w), at(steps, n, c, 0, 0, 0)
                    value, where = read(x, here), (t, h, w)
                    total = gather(g, first, steps, weight, c * taps, own, value, where, reaches, stride, out)
                    write(gx, here, total)
                    n, t, h, w = step(n, t, h, w, by, size)
            for i in range(taps):
                total = add_up(part, own[i], lanes)
                if cuda.threadIdx.x < lanes and c < channels:
                    sums[(c * taps + i) * cuda.gridDim.x + cuda.blockIdx.x] = total

    return depthwise_backward


def geometry(x, y, weights, stride):
    """What both kernels know of x and y, in the format of x: kinds, counts, grid, memory."""
    counts, grid = (*x.shape[:2], _cuda.lanes_of(x)), (tuple(x.shape[2:]), tuple(y.shape[2:]), tuple(stride))
    return packed(weights), counts, grid, (memory_strides(x), memory_strides(y, like=x))


def depthwise_cuda(x, weights, stride):
    """depthwise_reference, in the format of x."""
    y = empty_for(x, (*x.shape[:2], *output_size(x, stride)))
    if y.numel():
        grid = _cuda.grid_for(x.shape[1], y.numel() // y.shape[1], _cuda.lanes_of(x))
        compiled = _cuda.kernel(forward_kernel, x.dtype, full_size(weights))
        arrays = flat(x), flat(embed(weights)), flat(y)
        _cuda.launch(compiled, grid, x.device, *arrays, *geometry(x, y, weights, stride))
    return y


def depthwise_backward_cuda(g, x, weights, stride):
    """depthwise_backward_reference, in the format of x."""
    gx, full = empty_for(x, x.shape), embed(weights)
    if not x.numel():
        return gx, [torch.zeros_like(w) for w in weights]
    grid = _cuda.grid_for(x.shape[1], x.numel() // x.shape[1], _cuda.lanes_of(x))
    sums = full.new_empty(*full.shape, grid[0])
    arrays = flat(g), flat(x), flat(full), flat(gx), flat(sums)
    compiled = _cuda.kernel(backward_kernel, x.dtype, full_size(weights), max(stride) == 1)
    _cuda.launch(compiled, grid, x.device, *arrays, *geometry(x, g, weights, stride))
    return gx, cut(sums.sum(-1), weights)
