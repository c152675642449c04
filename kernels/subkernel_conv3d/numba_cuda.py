"""CAKES' convolution on CUDA, all kinds in one launch: to read and to measure, not to beat cuDNN.

A thread owns one channel and walks over pixels (kernels._cuda_device.walk); taps go as far as the output channel's kind
reaches. The gradient to the weights takes a block per pair of output and input channel, which adds k*k*k sums up over
its threads in shared memory in a fixed order: no atomics.
"""

import numpy as np
import torch

from kernels import _cuda, _cuda_device
from kernels._cuda import THREADS, cuda, flat, memory_strides
from kernels._format import empty_for
from kernels._kinds import cut, embed, full_size, output_size, packed


def forward_kernel(dtype, k):
    (read, write), reach = _cuda_device.element(dtype), _cuda_device.reach_of()
    share, place, step, at = _cuda_device.walk()
    number = np.float64 if dtype == torch.float64 else np.float32

    def subkernel_forward(x, weight, y, kinds, clips, inputs, outputs, size, out, stride, strides, out_strides, lanes):
        """x, y, weight (outputs, inputs, k, k, k) flat; kinds: how far taps go (kernels._kinds.packed)."""
        start, jump = share(lanes)
        pixels, by = clips * out[0] * out[1] * out[2], place(jump, out)
        for c in range(cuda.blockIdx.y * lanes + cuda.threadIdx.x % lanes, outputs, cuda.gridDim.y * lanes):
            rt, rh, rw = reach(kinds, c, k // 2)
            n, t, h, w = place(start, out)
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
                                here = at(strides, n, 0, it, ih, iw)
                                for i in range(inputs):
                                    total += weight[(c * inputs + i) * k * k * k + tap] * read(x, here + i * strides[1])
                write(y, at(out_strides, n, c, t, h, w), total)
                n, t, h, w = step(n, t, h, w, by, out)

    return subkernel_forward


def input_kernel(dtype, k, unit):
    (read, write), reach = _cuda_device.element(dtype), _cuda_device.reach_of()
    (share, place, step, at), source = _cuda_device.walk(), _cuda_device.output_at(unit)
    number = np.float64 if dtype == torch.float64 else np.float32
    half = k // 2

    def subkernel_to_input(
        g, weight, gx, kinds, clips, inputs, outputs, size, out, stride, strides, out_strides, lanes
    ):
        """gx: what comes back from every output channel that has a tap here."""
        start, jump = share(lanes)
        pixels, by = clips * size[0] * size[1] * size[2], place(jump, size)
        for i in range(cuda.blockIdx.y * lanes + cuda.threadIdx.x % lanes, inputs, cuda.gridDim.y * lanes):
            n, t, h, w = place(start, size)
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
                            here = at(out_strides, n, 0, ot, oh, ow)
                            for c in range(outputs):
                                rt, rh, rw = reach(kinds, c, half)
                                if abs(a - half) <= rt and abs(b - half) <= rh and abs(d - half) <= rw:
                                    tap = (((c * inputs + i) * k + a) * k + b) * k + d
                                    total += weight[tap] * read(g, here + c * out_strides[1])
                write(gx, at(strides, n, i, t, h, w), total)
                n, t, h, w = step(n, t, h, w, by, size)

    return subkernel_to_input


def weight_kernel(dtype, k):
    (read, _), reach, add_up = _cuda_device.element(dtype), _cuda_device.reach_of(), _cuda_device.add_up()
    _, place, step, at = _cuda_device.walk()
    number, taps = np.float64 if dtype == torch.float64 else np.float32, k * k * k

    def subkernel_to_weight(g, x, gw, kinds, clips, inputs, outputs, size, out, stride, strides, out_strides):
        """gw (outputs, inputs, k, k, k): a block per pair of channels, its threads side by side over the outputs."""
        part, own = cuda.shared.array(THREADS, number), cuda.local.array(taps, number)
        tid, pixels = cuda.threadIdx.x, clips * out[0] * out[1] * out[2]
        for pair in range(cuda.blockIdx.x, outputs * inputs, cuda.gridDim.x):
            c, i = pair // inputs, pair % inputs
            rt, rh, rw = reach(kinds, c, k // 2)
            for tap in range(taps):
                own[tap] = number(0)
            n, t, h, w = place(tid, out)
            by = place(THREADS, out)
            for _ in range(tid, pixels, THREADS):
                here = read(g, at(out_strides, n, c, t, h, w))
                for a in range(k):
                    it = t * stride[0] + a - k // 2
                    for b in range(k):
                        ih = h * stride[1] + b - k // 2
                        for d in range(k):
                            iw = w * stride[2] + d - k // 2
                            near = abs(a - k // 2) <= rt and abs(b - k // 2) <= rh and abs(d - k // 2) <= rw
                            if near and 0 <= it < size[0] and 0 <= ih < size[1] and 0 <= iw < size[2]:
                                own[(a * k + b) * k + d] += here * read(x, at(strides, n, i, it, ih, iw))
                n, t, h, w = step(n, t, h, w, by, out)
            for tap in range(taps):
                a, b, d = tap // (k * k) - k // 2, tap // k % k - k // 2, tap % k - k // 2
                total = number(0)
                if abs(a) <= rt and abs(b) <= rh and abs(d) <= rw:  # for all threads alike
                    total = add_up(part, own[tap], 1)
                if tid == 0:
                    gw[pair * taps + tap] = total

    return subkernel_to_weight


def subkernel_cuda(x, weights, stride):
    """subkernel_reference, in the format of x."""
    full = embed(weights)
    y, lanes = empty_for(x, (len(x), len(full), *output_size(x, stride))), _cuda.lanes_of(x)
    if y.numel():
        sizes = packed(weights), len(x), x.shape[1], len(full), tuple(x.shape[2:]), tuple(y.shape[2:]), tuple(stride)
        grid = _cuda.grid_for(len(full), y.numel() // len(full), lanes)
        compiled, strides = _cuda.kernel(forward_kernel, x.dtype, full_size(weights)), memory_strides(y, like=x)
        _cuda.launch(compiled, grid, x.device, flat(x), flat(full), flat(y), *sizes, memory_strides(x), strides, lanes)
    return y


def subkernel_backward_cuda(g, x, weights, stride):
    """subkernel_backward_reference, in the format of x."""
    gx, lanes, full, k = empty_for(x, x.shape), _cuda.lanes_of(x), embed(weights), full_size(weights)
    if not x.numel():
        return gx, [torch.zeros_like(w) for w in weights]
    sizes = packed(weights), len(x), x.shape[1], len(full), tuple(x.shape[2:]), tuple(g.shape[2:]), tuple(stride)
    strides, gw = (memory_strides(x), memory_strides(g, like=x)), torch.empty_like(full)
    grid = _cuda.grid_for(x.shape[1], x.numel() // x.shape[1], lanes)
    to_input = _cuda.kernel(input_kernel, x.dtype, k, max(stride) == 1)
    _cuda.launch(to_input, grid, x.device, flat(g), flat(full), flat(gx), *sizes, *strides, lanes)
    pairs = _cuda.grid_for(full.shape[0] * full.shape[1], 1, 1)[1]
    _cuda.launch(_cuda.kernel(weight_kernel, x.dtype, k), pairs, x.device, flat(g), flat(x), flat(gw), *sizes, *strides)
    return gx, cut(gw, weights)
