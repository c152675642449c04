"""The learnable shift on CUDA.

A thread owns one channel, works out its taps once, and walks over pixels of all clips (kernels._cuda_device.walk).

Forward: every output is read at up to 8 taps, neighbours share them through the cache, and written once.
Backward: every input element reads its up to 8 taps of g once, for its own gradient and, as <g, dy/ds> = <x, d(gx)/ds>,
for the shift's; each block adds its sums up in shared memory, in a fixed order, and a second, tiny kernel adds the
blocks up, in a fixed order: no atomics, the same bits every time. Traffic: read x and g, write gx.
"""

import numpy as np
import torch

from kernels import _cuda, _cuda_device
from kernels._cuda import THREADS, cuda, device_function, flat, memory_strides
from kernels._format import empty_for
from kernels.shift import taps
from kernels.shift.reading import output_size


def helpers():
    """The scalar rules of taps.py as device functions."""
    split, value_weights = device_function(taps.split), device_function(taps.value_weights)
    slope_weights, away = device_function(taps.slope_weights), device_function(taps.reads_away_from_0)

    def axis(shift, dims, channels, d, c):
        """(whole part, fraction) of channel c along axis d = 0, 1, 2; in 2D, time stays."""
        row = d - 3 + dims
        return split(np.float64(shift[max(row, 0) * channels + c])) if row >= 0 else (0, 0.0)

    return device_function(axis), value_weights, slope_weights, away


def forward_kernel(dtype, quantize):
    (read, write), (share, place, step, at) = _cuda_device.element(dtype), _cuda_device.walk()
    axis, value_weights, _, away = helpers()
    number = np.float64 if dtype == torch.float64 else np.float32

    def shift_forward(x, shift, y, published, clips, channels, size, out, stride, padding, strides, out_strides, lanes):
        """x, y, shift flat; strides (n, c, t, h, w) in memory; lanes: channels side by side in a block."""
        (start, jump), dims = share(lanes), shift.shape[0] // channels
        pixels, by = clips * out[0] * out[1] * out[2], place(jump, out)
        for c in range(cuda.blockIdx.y * lanes + cuda.threadIdx.x % lanes, channels, cuda.gridDim.y * lanes):
            ft, rt = axis(shift, dims, channels, 0, c)
            fh, rh = axis(shift, dims, channels, 1, c)
            fw, rw = axis(shift, dims, channels, 2, c)
            low_t, high_t = value_weights(rt, quantize, True)
            low_h, high_h = value_weights(rh, quantize, True)
            low_w, high_w = value_weights(rw, quantize, True)
            first_h = away(rh, quantize, published and dims == 2)
            first_w = away(rw, quantize, published and dims == 2)
            n, t, h, w = place(start, out)
            for _ in range(start, pixels, jump):
                total = number((rt - rt) + (rh - rh) + (rw - rw))  # 0, or nan if a shift is not finite
                for a in range(2):
                    it, wt = t * stride[0] - padding[0] + ft + a, number(high_t if a else low_t)
                    if wt != 0 and 0 <= it < size[0]:
                        for b in range(2):
                            ih, wh = h * stride[1] - padding[1] + fh + b, wt * number(high_h if b else low_h)
                            if wh != 0 and first_h <= ih < size[1]:
                                row = at(strides, n, c, it, ih, 0)
                                iw = w * stride[2] - padding[2] + fw
                                if low_w != 0 and first_w <= iw < size[2]:
                                    total += wh * number(low_w) * read(x, row + iw * strides[4])
                                if high_w != 0 and first_w <= iw + 1 < size[2]:
                                    total += wh * number(high_w) * read(x, row + (iw + 1) * strides[4])
                write(y, at(out_strides, n, c, t, h, w), total)
                n, t, h, w = step(n, t, h, w, by, out)

    return shift_forward


def backward_kernel(dtype, quantize, unit):
    """unit: stride 1 on every axis, which saves a division per tap."""
    (read, write), (share, place, step, at), add_up = (
        _cuda_device.element(dtype),
        _cuda_device.walk(),
        _cuda_device.add_up(),
    )
    axis, value_weights, slope_weights, away = helpers()
    number = np.float64 if dtype == torch.float64 else np.float32

    def pick(k, weights):
        """weights[k], in registers."""
        return number(weights[0] if k == 0 else weights[1] if k == 1 else weights[2])

    pick, source = device_function(pick), _cuda_device.output_at(unit)

    def shift_backward(
        g, x, shift, gx, sums, published, clips, channels, size, out, stride, padding, strides, out_strides, lanes
    ):
        """gx like x; sums (channels, 3, blocks): this block's part of the slopes along T, H, W."""
        dims, part = shift.shape[0] // channels, cuda.shared.array(THREADS, number)
        (start, jump), lane = share(lanes), cuda.threadIdx.x % lanes
        pixels, tiles = clips * size[0] * size[1] * size[2], (channels + lanes - 1) // lanes
        by = place(jump, size)
        for tile in range(cuda.blockIdx.y, tiles, cuda.gridDim.y):
            c = tile * lanes + lane
            sum_t, sum_h, sum_w = number(0), number(0), number(0)
            if c < channels:
                ft, rt = axis(shift, dims, channels, 0, c)
                fh, rh = axis(shift, dims, channels, 1, c)
                fw, rw = axis(shift, dims, channels, 2, c)
                zero, lost = rt - rt, number((rt - rt) + (rh - rh) + (rw - rw))  # 0, or nan if a shift is not finite
                low, high = value_weights(rt, quantize, not published)
                to_t = (zero, low, high)
                low, high = value_weights(rh, quantize, not published)
                to_h = (zero, low, high)
                low, high = value_weights(rw, quantize, not published)
                to_w = (zero, low, high)
                first_h = away(rh, quantize, published and dims == 2)
                first_w = away(rw, quantize, published and dims == 2)
                value_t, slope_t = slope_weights(rt, published and dims == 3)
                value_h, slope_h = slope_weights(rh, published and dims == 3)
                value_w, slope_w = slope_weights(rw, published and dims == 3)
                n, t, h, w = place(start, size)
                for _ in range(start, pixels, jump):
                    all_x, all_t, all_h, all_w = lost, lost, lost, lost
                    for a in range(3):
                        ot = source(t + padding[0] - ft + 1 - a, stride[0], out[0])
                        if ot < 0 or (pick(a, to_t) == 0 and pick(a, value_t) == 0 and pick(a, slope_t) == 0):
                            continue
                        mid_x, mid_v, mid_h, mid_w = number(0), number(0), number(0), number(0)
                        for b in range(3):
                            oh = source(h + padding[1] - fh + 1 - b, stride[1], out[1])
                            if oh < 0 or (pick(b, to_h) == 0 and pick(b, value_h) == 0 and pick(b, slope_h) == 0):
                                continue
                            in_x, in_v, in_s = number(0), number(0), number(0)
                            row = at(out_strides, n, c, ot, oh, 0)
                            for d in range(3):
                                ow = source(w + padding[2] - fw + 1 - d, stride[2], out[2])
                                wx, wv, ws = pick(d, to_w), pick(d, value_w), pick(d, slope_w)
                                if ow >= 0 and (wx != 0 or wv != 0 or ws != 0):
                                    value = read(g, row + ow * out_strides[4])
                                    in_x += (wx if ow >= first_w else number(0)) * value
                                    in_v += wv * value
                                    in_s += ws * value
                            mid_x += (pick(b, to_h) if oh >= first_h else number(0)) * in_x
                            mid_v += pick(b, value_h) * in_v
                            mid_h += pick(b, slope_h) * in_v
                            mid_w += pick(b, value_h) * in_s
                        all_x += pick(a, to_t) * mid_x
                        all_t += pick(a, slope_t) * mid_v
                        all_h += pick(a, value_t) * mid_h
                        all_w += pick(a, value_t) * mid_w
                    write(gx, at(strides, n, c, t, h, w), all_x)
                    here = read(x, at(strides, n, c, t, h, w))
                    sum_t += here * all_t
                    sum_h += here * all_h
                    sum_w += here * all_w
                    n, t, h, w = step(n, t, h, w, by, size)
            sum_t, sum_h, sum_w = add_up(part, sum_t, lanes), add_up(part, sum_h, lanes), add_up(part, sum_w, lanes)
            if cuda.threadIdx.x < lanes and c < channels:
                first = c * 3 * cuda.gridDim.x + cuda.blockIdx.x
                sums[first] = sum_t
                sums[first + cuda.gridDim.x] = sum_h
                sums[first + 2 * cuda.gridDim.x] = sum_w

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


def shift_cuda(x, shift, stride, padding, quantize, rule):
    """shift_reference, in the format of x."""
    out = [output_size(*axis) for axis in zip(x.shape[2:], stride, padding, strict=True)]
    y = empty_for(x, (*x.shape[:2], *out))
    clips, channels, *size = x.shape
    lanes = _cuda.lanes_of(x)
    if y.numel():
        compiled = _cuda.kernel(forward_kernel, x.dtype, quantize)
        geometry = rule == "published", clips, channels, tuple(size), tuple(out), tuple(stride), tuple(padding)
        grid = _cuda.grid_for(channels, clips * out[0] * out[1] * out[2], lanes)
        arrays = flat(x), flat(shift), flat(y)
        _cuda.launch(compiled, grid, x.device, *arrays, *geometry, memory_strides(x), memory_strides(y, like=x), lanes)
    return y


def shift_backward_cuda(g, x, shift, stride, padding, quantize, rule, normalize_grad, t_factor):
    """shift_backward_reference, in the format of x."""
    gx, gs = empty_for(x, x.shape), torch.zeros_like(shift)
    clips, channels, *size = x.shape
    lanes = _cuda.lanes_of(x)
    if x.numel():
        published = rule == "published"
        grid = _cuda.grid_for(channels, clips * size[0] * size[1] * size[2], lanes)
        sums = torch.empty(channels * 3 * grid[0], dtype=shift.dtype, device=x.device)
        compiled = _cuda.kernel(backward_kernel, x.dtype, quantize, max(stride) == 1)
        geometry = published, clips, channels, tuple(size), tuple(g.shape[2:]), tuple(stride), tuple(padding)
        arrays = flat(g), flat(x), flat(shift), flat(gx), flat(sums)
        _cuda.launch(compiled, grid, x.device, *arrays, *geometry, memory_strides(x), memory_strides(g, like=x), lanes)
        options = channels, grid[0], normalize_grad, float(t_factor), published
        _cuda.launch(_cuda.kernel(finish_kernel), -(-channels // THREADS), x.device, flat(sums), flat(gs), *options)
    return gx, gs
