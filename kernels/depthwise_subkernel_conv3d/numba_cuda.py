"""The depthwise convolution on CUDA: all kinds in one launch, any odd k, any strides.

A thread owns one channel and walks over pixels (kernels._cuda.walk); its taps go as far as its channel's kind reaches.
Forward: every output reads its taps, which its neighbours share through the cache. Backward: every input element reads
its taps of g once, for its own gradient and, multiplied by x, for the kernel's: k*k*k sums in registers, added up over
the block in shared memory in a fixed order, and over the blocks by torch: no atomics.
"""

import numpy as np
import torch

from kernels._cuda import (
    THREADS,
    cuda,
    element,
    flat,
    grid_for,
    kernel,
    lanes_of,
    launch,
    memory_strides,
    output_at,
    walk,
)
from kernels._format import empty_for
from kernels._kinds import cut, embed, full_size, output_size, reaches


def forward_kernel(dtype, k):
    read, write = element(dtype)
    place, step = walk()
    number = np.float64 if dtype == torch.float64 else np.float32

    def depthwise_forward(x, weight, reach, y, clips, channels, size, out, stride, strides, out_strides, lanes):
        """x, y, weight (C, k, k, k) flat; reach (C, 3): how far each channel's taps go along t, h, w."""
        lane, first = cuda.threadIdx.x % lanes, cuda.threadIdx.x // lanes
        pixels, each = clips * out[0] * out[1] * out[2], THREADS // lanes
        start, jump = cuda.blockIdx.x * each + first, cuda.gridDim.x * each
        for c in range(cuda.blockIdx.y * lanes + lane, channels, cuda.gridDim.y * lanes):
            rt, rh, rw = reach[3 * c], reach[3 * c + 1], reach[3 * c + 2]
            centre = ((c * k + k // 2) * k + k // 2) * k + k // 2
            n, t, h, w = place(start, out)
            by = place(jump, out)
            for _ in range(start, pixels, jump):
                total = number(0)
                for a in range(-rt, rt + 1):
                    it = t * stride[0] + a
                    if 0 <= it < size[0]:
                        for b in range(-rh, rh + 1):
                            ih = h * stride[1] + b
                            if 0 <= ih < size[1]:
                                row = n * strides[0] + c * strides[1] + it * strides[2] + ih * strides[3]
                                for d in range(-rw, rw + 1):
                                    iw = w * stride[2] + d
                                    if 0 <= iw < size[2]:
                                        total += weight[centre + (a * k + b) * k + d] * read(x, row + iw * strides[4])
                at = n * out_strides[0] + c * out_strides[1] + t * out_strides[2] + h * out_strides[3]
                write(y, at + w * out_strides[4], total)
                n, t, h, w = step(n, t, h, w, by, out)

    return depthwise_forward


def backward_kernel(dtype, k, unit):
    read, write = element(dtype)
    (place, step), source = walk(), output_at(unit)
    number = np.float64 if dtype == torch.float64 else np.float32
    half, taps = k // 2, k * k * k

    def depthwise_backward(
        g, x, weight, reach, gx, sums, clips, channels, size, out, stride, strides, out_strides, lanes
    ):
        """sums (C, k*k*k, blocks): this block's part of the gradient to the weight."""
        part, own = cuda.shared.array(THREADS, number), cuda.local.array(taps, number)
        tid, each = cuda.threadIdx.x, THREADS // lanes
        start, jump = cuda.blockIdx.x * each + tid // lanes, cuda.gridDim.x * each
        pixels, tiles = clips * size[0] * size[1] * size[2], (channels + lanes - 1) // lanes
        for tile in range(cuda.blockIdx.y, tiles, cuda.gridDim.y):
            c = tile * lanes + tid % lanes
            for i in range(taps):
                own[i] = number(0)
            if c < channels:
                rt, rh, rw = reach[3 * c], reach[3 * c + 1], reach[3 * c + 2]
                n, t, h, w = place(start, size)
                by = place(jump, size)
                for _ in range(start, pixels, jump):
                    at = n * strides[0] + c * strides[1] + t * strides[2] + h * strides[3] + w * strides[4]
                    here, total = read(x, at), number(0)
                    for a in range(k):  # the tap that read this element: of the output at place - (tap - half)
                        ot = source(t + half - a, stride[0], out[0])
                        if ot < 0 or abs(a - half) > rt:
                            continue
                        for b in range(k):
                            oh = source(h + half - b, stride[1], out[1])
                            if oh < 0 or abs(b - half) > rh:
                                continue
                            row = n * out_strides[0] + c * out_strides[1] + ot * out_strides[2] + oh * out_strides[3]
                            for d in range(k):
                                ow = source(w + half - d, stride[2], out[2])
                                if ow >= 0 and abs(d - half) <= rw:
                                    value = read(g, row + ow * out_strides[4])
                                    total += weight[((c * k + a) * k + b) * k + d] * value
                                    own[(a * k + b) * k + d] += here * value
                    write(gx, at, total)
                    n, t, h, w = step(n, t, h, w, by, size)
            for i in range(taps):
                part[tid] = own[i]
                cuda.syncthreads()
                reduce_from = THREADS // 2
                while reduce_from >= lanes:
                    if tid < reduce_from:
                        part[tid] += part[tid + reduce_from]
                    cuda.syncthreads()
                    reduce_from //= 2
                if tid < lanes and c < channels:
                    sums[(c * k * k * k + i) * cuda.gridDim.x + cuda.blockIdx.x] = part[tid]
                cuda.syncthreads()

    return depthwise_backward


def depthwise_cuda(x, weights, stride):
    """depthwise_reference, in the format of x."""
    y, lanes, full = empty_for(x, (*x.shape[:2], *output_size(x, stride))), lanes_of(x), embed(weights)
    if y.numel():
        sizes = len(x), x.shape[1], tuple(x.shape[2:]), tuple(y.shape[2:]), tuple(stride)
        grid = grid_for(x.shape[1], y.numel() // y.shape[1], lanes)
        arrays = flat(x), flat(full), flat(reaches(weights)), flat(y)
        compiled = kernel(forward_kernel, x.dtype, full_size(weights))
        launch(compiled, grid, x.device, *arrays, *sizes, memory_strides(x), memory_strides(y), lanes)
    return y


def depthwise_backward_cuda(g, x, weights, stride):
    """depthwise_backward_reference, in the format of x."""
    gx, lanes, full = empty_for(x, x.shape), lanes_of(x), embed(weights)
    if not x.numel():
        return gx, [torch.zeros_like(w) for w in weights]
    sizes = len(x), x.shape[1], tuple(x.shape[2:]), tuple(g.shape[2:]), tuple(stride)
    grid = grid_for(x.shape[1], x.numel() // x.shape[1], lanes)
    sums = full.new_empty(*full.shape, grid[0])
    arrays = flat(g), flat(x), flat(full), flat(reaches(weights)), flat(gx), flat(sums)
    compiled = kernel(backward_kernel, x.dtype, full_size(weights), max(stride) == 1)
    launch(compiled, grid, x.device, *arrays, *sizes, memory_strides(x), memory_strides(g), lanes)
    return gx, cut(sums.sum(-1), weights)
