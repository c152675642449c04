"""The learnable shift on CUDA.

A thread owns one channel, works out its taps once, and walks over pixels of all clips (kernels._cuda_device.walk).

Forward: every output is read at up to 8 taps, neighbours share them through the cache, and written once.
Backward: every input element reads its up to 8 taps of g once, for its own gradient and, as <g, dy/ds> = <x, d(gx)/ds>,
for the shift's; each block adds its sums up in shared memory, in a fixed order, and a second, tiny kernel adds the
blocks up, in a fixed order: no atomics, the same bits every time. Traffic: read x and g, write gx.
"""

import torch

from kernels import _cuda, _cuda_device
from kernels._cuda import THREADS, cuda, flat, memory_strides
from kernels._format import empty_for
from kernels.shift.cuda_taps import axis_rule, clip_of_g, forward_line, number_of, seen_by_slopes
from kernels.shift.reading import output_size


def forward_kernel(dtype, quantize):
    (_, write), (share, place, step, at) = _cuda_device.element(dtype), _cuda_device.walk()
    (values, _), line, number = axis_rule(), forward_line(dtype), number_of(dtype)

    def shift_forward(x, shift, y, published, counts, grid, memory):
        """x, y, shift flat. counts: clips, channels, channels side by side in a block; grid: (t, h, w) of x, of y,
        stride, padding; memory: distances (n, c, t, h, w) in x, in y."""
        (clips, channels, lanes), (size, out, stride, padding), (strides, out_strides) = counts, grid, memory
        start, jump = share(lanes)
        pixels, by = clips * out[0] * out[1] * out[2], place(jump, out)
        for c in range(cuda.blockIdx.y * lanes + cuda.threadIdx.x % lanes, channels, cuda.gridDim.y * lanes):
            along_t = values(shift, channels, 0, c, quantize, published)
            along_h = values(shift, channels, 1, c, quantize, published)
            along_w = values(shift, channels, 2, c, quantize, published)
            n, t, h, w = place(start, out)
            for _ in range(start, pixels, jump):
                total = number(along_t[3] + along_h[3] + along_w[3])  # 0, or nan if a shift is not finite
                iw = w * stride[2] - padding[2] + along_w[0]
                for a in range(2):
                    it, wt = t * stride[0] - padding[0] + along_t[0] + a, along_t[2][1] if a else along_t[2][0]
                    if wt != 0 and 0 <= it < size[0]:
                        for b in range(2):
                            ih, wh = h * stride[1] - padding[1] + along_h[0] + b, along_h[2][1] if b else along_h[2][0]
                            if wh != 0 and along_h[1] <= ih < size[1]:
                                row = at(strides, n, c, it, ih, 0)
                                total += number(wt) * number(wh) * line(x, row, strides[4], iw, along_w, size[2])
                write(y, at(out_strides, n, c, t, h, w), total)
                n, t, h, w = step(n, t, h, w, by, out)

    return shift_forward


def backward_kernel(dtype, quantize, unit):
    """unit: stride 1 on every axis, which saves a division per tap."""
    (read, write), add_up = _cuda_device.element(dtype), _cuda_device.add_up()
    (share, place, step, at), (_, back) = _cuda_device.walk(), axis_rule()
    clip, seen, number = clip_of_g(dtype, unit), seen_by_slopes(unit), number_of(dtype)

    def shift_backward(g, x, shift, gx, sums, published, counts, grid, memory):
        """gx like x; sums (channels, 3, blocks): this block's part of the slopes along T, H, W; else as the forward."""
        (clips, channels, lanes), (size, out, stride, padding), (strides, steps) = counts, grid, memory
        (start, jump), lane, part = share(lanes), cuda.threadIdx.x % lanes, cuda.shared.array(THREADS, number)
        pixels, tiles, by = clips * size[0] * size[1] * size[2], (channels + lanes - 1) // lanes, place(jump, size)
        for tile in range(cuda.blockIdx.y, tiles, cuda.gridDim.y):
            c, own_t, own_h, own_w = tile * lanes + lane, number(0), number(0), number(0)
            if c < channels:
                along_t = back(shift, channels, 0, c, quantize, published)
                along_h = back(shift, channels, 1, c, quantize, published)
                along_w = back(shift, channels, 2, c, quantize, published)
                rules, (n, t, h, w) = (along_t, along_h, along_w), place(start, size)
                for _ in range(start, pixels, jump):
                    where, here = (t + padding[0], h + padding[1], w + padding[2]), at(strides, n, c, t, h, w)
                    to_x, to_t, to_h, to_w = clip(g, at(steps, n, c, 0, 0, 0), steps, where, rules, stride, out)
                    write(gx, here, to_x)
                    value, along = read(x, here), (True, True, True)
                    if value - value != 0:  # nan or infinite
                        along = seen(where, rules, stride, out)
                    own_t += value * to_t if along[0] else number(0)
                    own_h += value * to_h if along[1] else number(0)
                    own_w += value * to_w if along[2] else number(0)
                    n, t, h, w = step(n, t, h, w, by, size)
            own_t, own_h, own_w = add_up(part, own_t, lanes), add_up(part, own_h, lanes), add_up(part, own_w, lanes)
            if cuda.threadIdx.x < lanes and c < channels:
                first = c * 3 * cuda.gridDim.x + cuda.blockIdx.x
                sums[first] = own_t
                sums[first + cuda.gridDim.x] = own_h
                sums[first + 2 * cuda.gridDim.x] = own_w

    return shift_backward


def finish_kernel():
    """gs (dims, C) from the blocks' sums, at unit length if asked for: one thread per channel."""

    def shift_finish(sums, gs, channels, blocks, normalize, t_factor, published):
        dims = gs.shape[0] // channels
        for c in range(cuda.grid(1), channels, cuda.gridsize(1)):
            gt, gh, gw = 0.0, 0.0, 0.0
            for i in range(blocks):
                gt += sums[(c * 3 + 0) * blocks + i]
                gh += sums[(c * 3 + 1) * blocks + i]
                gw += sums[(c * 3 + 2) * blocks + i]
            if normalize:
                alone = dims == 3 and t_factor < 0
                vt = 0.0 if dims == 2 else gt if alone else t_factor * gt
                vh, vw = (0.0 if alone else gh), (0.0 if alone else gw)
                length = (vt * vt + vh * vh + vw * vw) ** 0.5
                if length > 0:
                    gt, gh, gw = vt / length, vh / length, vw / length
                elif not published:
                    gt, gh, gw = vt, vh, vw
            if dims == 3:
                gs[c] = gt
            gs[(dims - 2) * channels + c] = gh
            gs[(dims - 1) * channels + c] = gw

    return shift_finish


def geometry(x, y, stride, padding, published):
    """What both kernels know of x and y, in the format of x: published, counts, grid, memory."""
    grid = tuple(x.shape[2:]), tuple(y.shape[2:]), tuple(stride), tuple(padding)
    return published, (*x.shape[:2], _cuda.lanes_of(x)), grid, (memory_strides(x), memory_strides(y, like=x))


def shift_cuda(x, shift, stride, padding, quantize, rule):
    """shift_reference, in the format of x."""
    out = [output_size(*axis) for axis in zip(x.shape[2:], stride, padding, strict=True)]
    y = empty_for(x, (*x.shape[:2], *out))
    if y.numel():
        compiled = _cuda.kernel(forward_kernel, x.dtype, quantize)
        grid = _cuda.grid_for(x.shape[1], y.numel() // x.shape[1], _cuda.lanes_of(x))
        numbers = geometry(x, y, stride, padding, rule == "published")
        _cuda.launch(compiled, grid, x.device, flat(x), flat(shift), flat(y), *numbers)
    return y


def shift_backward_cuda(g, x, shift, stride, padding, quantize, rule, normalize_grad, t_factor):
    """shift_backward_reference, in the format of x."""
    gx, gs, channels = empty_for(x, x.shape), torch.zeros_like(shift), x.shape[1]
    if x.numel():
        grid = _cuda.grid_for(channels, x.numel() // channels, _cuda.lanes_of(x))
        sums = torch.empty(channels * 3 * grid[0], dtype=shift.dtype, device=x.device)
        compiled = _cuda.kernel(backward_kernel, x.dtype, quantize, max(stride) == 1)
        numbers = geometry(x, g, stride, padding, rule == "published")
        _cuda.launch(compiled, grid, x.device, flat(g), flat(x), flat(shift), flat(gx), flat(sums), *numbers)
        options = channels, grid[0], normalize_grad, float(t_factor), rule == "published"
        _cuda.launch(_cuda.kernel(finish_kernel), -(-channels // THREADS), x.device, flat(sums), flat(gs), *options)
    return gx, gs
