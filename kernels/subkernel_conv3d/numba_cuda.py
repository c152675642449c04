"""CAKES' convolution on CUDA, all kinds in one launch: to read and to measure, not to beat cuDNN.

A thread owns one channel and walks over pixels (kernels._cuda.walk); taps go as far as the output channel's kind
reaches. The gradient to the weights takes a block per pair of output and input channel, which adds k*k*k sums up over
its threads in shared memory in a fixed order: no atomics.
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

    def subkernel_forward(x, weight, reach, y, clips, inputs, outputs, size, out, stride, strides, out_strides, lanes):
        """x, y, weight (outputs, inputs, k, k, k) flat; reach (outputs, 3): how far taps go along t, h, w."""
        lane, first = cuda.threadIdx.x % lanes, cuda.threadIdx.x // lanes
        pixels, each = clips * out[0] * out[1] * out[2], THREADS // lanes
        start, jump = cuda.blockIdx.x * each + first, cuda.gridDim.x * each
        for c in range(cuda.blockIdx.y * lanes + lane, outputs, cuda.gridDim.y * lanes):
            rt, rh, rw = reach[3 * c], reach[3 * c + 1], reach[3 * c + 2]
            n, t, h, w = place(start, out)
            by = place(jump, out)
            for _ in range(start, pixels, jump):
                total = number(0)
                for a in range(-rt, rt + 1):
                    it = t * stride[0] + a
                    for b in range(-rh, rh + 1):
                        ih = h * stride[1] + b
                        for d in range(-rw, rw + 1):
                            iw = w * stride[2] + d
                            if 0 <= it < size[0] and 0 <= ih < size[1] and 0 <= iw < size[2]:
                                tap = ((a + k // 2) * k + b + k // 2) * k + d + k // 2
                                at = n * strides[0] + it * strides[2] + ih * strides[3] + iw * strides[4]
                                for i in range(inputs):
                                    total += weight[(c * inputs + i) * k * k * k + tap] * read(x, at + i * strides[1])
                at = n * out_strides[0] + c * out_strides[1] + t * out_strides[2] + h * out_strides[3]
                write(y, at + w * out_strides[4], total)
                n, t, h, w = step(n, t, h, w, by, out)

    return subkernel_forward


def input_kernel(dtype, k, unit):
    read, write = element(dtype)
    (place, step), source = walk(), output_at(unit)
    number = np.float64 if dtype == torch.float64 else np.float32
    half = k // 2

    def subkernel_to_input(
        g, weight, reach, gx, clips, inputs, outputs, size, out, stride, strides, out_strides, lanes
    ):
        """gx: what comes back from every output channel that has a tap here."""
        lane, first = cuda.threadIdx.x % lanes, cuda.threadIdx.x // lanes
        pixels, each = clips * size[0] * size[1] * size[2], THREADS // lanes
        start, jump = cuda.blockIdx.x * each + first, cuda.gridDim.x * each
        for i in range(cuda.blockIdx.y * lanes + lane, inputs, cuda.gridDim.y * lanes):
            n, t, h, w = place(start, size)
            by = place(jump, size)
            for _ in range(start, pixels, jump):
                total = number(0)
                for a in range(k):
                    ot = source(t + half - a, stride[0], out[0])
                    for b in range(k):
                        oh = source(h + half - b, stride[1], out[1])
                        for d in range(k):
                            ow = source(w + half - d, stride[2], out[2])
                            if ot < 0 or oh < 0 or ow < 0:
                                continue
                            at = n * out_strides[0] + ot * out_strides[2] + oh * out_strides[3] + ow * out_strides[4]
                            for c in range(outputs):
                                near = abs(a - half) <= reach[3 * c] and abs(b - half) <= reach[3 * c + 1]
                                if near and abs(d - half) <= reach[3 * c + 2]:
                                    tap = (((c * inputs + i) * k + a) * k + b) * k + d
                                    total += weight[tap] * read(g, at + c * out_strides[1])
                at = n * strides[0] + i * strides[1] + t * strides[2] + h * strides[3]
                write(gx, at + w * strides[4], total)
                n, t, h, w = step(n, t, h, w, by, size)

    return subkernel_to_input


def weight_kernel(dtype, k):
    read, _ = element(dtype)
    place, step = walk()
    number, taps = np.float64 if dtype == torch.float64 else np.float32, k * k * k

    def subkernel_to_weight(g, x, reach, gw, clips, inputs, outputs, size, out, stride, strides, out_strides):
        """gw (outputs, inputs, k, k, k): a block per pair of channels, its threads side by side over the outputs."""
        part, own = cuda.shared.array(THREADS, number), cuda.local.array(taps, number)
        tid, pixels = cuda.threadIdx.x, clips * out[0] * out[1] * out[2]
        for pair in range(cuda.blockIdx.x, outputs * inputs, cuda.gridDim.x):
            c, i = pair // inputs, pair % inputs
            rt, rh, rw = reach[3 * c], reach[3 * c + 1], reach[3 * c + 2]
            for tap in range(taps):
                own[tap] = number(0)
            n, t, h, w = place(tid, out)
            by = place(THREADS, out)
            for _ in range(tid, pixels, THREADS):
                at = n * out_strides[0] + c * out_strides[1] + t * out_strides[2] + h * out_strides[3]
                here = read(g, at + w * out_strides[4])
                for a in range(k):
                    it = t * stride[0] + a - k // 2
                    for b in range(k):
                        ih = h * stride[1] + b - k // 2
                        for d in range(k):
                            iw = w * stride[2] + d - k // 2
                            near = abs(a - k // 2) <= rt and abs(b - k // 2) <= rh and abs(d - k // 2) <= rw
                            if near and 0 <= it < size[0] and 0 <= ih < size[1] and 0 <= iw < size[2]:
                                from_x = n * strides[0] + i * strides[1] + it * strides[2] + ih * strides[3]
                                own[(a * k + b) * k + d] += here * read(x, from_x + iw * strides[4])
                n, t, h, w = step(n, t, h, w, by, out)
            for tap in range(taps):
                part[tid] = own[tap]
                cuda.syncthreads()
                half = THREADS // 2
                while half >= 1:
                    if tid < half:
                        part[tid] += part[tid + half]
                    cuda.syncthreads()
                    half //= 2
                if tid == 0:
                    gw[pair * k * k * k + tap] = part[0]
                cuda.syncthreads()

    return subkernel_to_weight


def subkernel_cuda(x, weights, stride):
    """subkernel_reference, in the format of x."""
    full = embed(weights)
    y, lanes = empty_for(x, (len(x), len(full), *output_size(x, stride))), lanes_of(x)
    if y.numel():
        sizes = len(x), x.shape[1], len(full), tuple(x.shape[2:]), tuple(y.shape[2:]), tuple(stride)
        grid = grid_for(len(full), y.numel() // len(full), lanes)
        arrays = flat(x), flat(full), flat(reaches(weights)), flat(y)
        strides = memory_strides(x), memory_strides(y, like=x)
        launch(kernel(forward_kernel, x.dtype, full_size(weights)), grid, x.device, *arrays, *sizes, *strides, lanes)
    return y


def subkernel_backward_cuda(g, x, weights, stride):
    """subkernel_backward_reference, in the format of x."""
    gx, lanes, full, k = empty_for(x, x.shape), lanes_of(x), embed(weights), full_size(weights)
    if not x.numel():
        return gx, [torch.zeros_like(w) for w in weights]
    reach, gw = flat(reaches(weights)), torch.empty_like(full)
    sizes = len(x), x.shape[1], len(full), tuple(x.shape[2:]), tuple(g.shape[2:]), tuple(stride)
    strides = memory_strides(x), memory_strides(g, like=x)
    grid = grid_for(x.shape[1], x.numel() // x.shape[1], lanes)
    to_input = kernel(input_kernel, x.dtype, k, max(stride) == 1)
    launch(to_input, grid, x.device, flat(g), flat(full), reach, flat(gx), *sizes, *strides, lanes)
    pairs = grid_for(full.shape[0] * full.shape[1], 1, 1)[1]
    launch(kernel(weight_kernel, x.dtype, k), pairs, x.device, flat(g), flat(x), reach, flat(gw), *sizes, *strides)
    return gx, cut(gw, weights)
