"""Where the shift's CUDA kernels read: a channel's taps, and what they find, as device functions."""

from functools import cache

import numpy as np
import torch

from kernels import _cuda_device
from kernels._cuda import device_function
from kernels.shift import taps


def number_of(dtype):
    """The type that we calculate in."""
    return np.float64 if dtype == torch.float64 else np.float32


@cache
def three():
    """weights[k] of three, in registers."""

    def pick(k, weights):
        return weights[0] if k == 0 else weights[1] if k == 1 else weights[2]

    return device_function(pick)


@cache
def axis_rule():
    """The scalar rules of taps.py, for channel c along axis d = 0, 1, 2 = T, H, W; in 2D, time stays."""
    split, value_weights = device_function(taps.split), device_function(taps.value_weights)
    slope_weights, away = device_function(taps.slope_weights), device_function(taps.reads_away_from_0)

    def fraction(shift, channels, d, c):
        """Whole part and fraction of the shift."""
        row = d - 3 + shift.shape[0] // channels
        return split(np.float64(shift[max(row, 0) * channels + c])) if row >= 0 else (0, 0.0)

    fraction = device_function(fraction)

    def values(shift, channels, d, c, quantize, published):
        """(whole part, first place that counts, weights at f and f + 1, 0 or nan) of the forward."""
        f, r = fraction(shift, channels, d, c)
        first = away(r, quantize, published and shift.shape[0] == 2 * channels and d > 0)
        return f, first, value_weights(r, quantize, True), r - r

    def back(shift, channels, d, c, quantize, published):
        """(whole part, first place that counts, weights at f - 1, f, f + 1: of the gradient to x, values, slopes)."""
        f, r = fraction(shift, channels, d, c)
        first = away(r, quantize, published and shift.shape[0] == 2 * channels and d > 0)
        low, high = value_weights(r, quantize, not published)
        of_values, of_slopes = slope_weights(r, published and shift.shape[0] == 3 * channels)
        return f, first, (r - r, low, high), of_values, of_slopes

    return device_function(values), device_function(back)


@cache
def forward_line(dtype):
    """The forward's taps along W: `number`s, read where they lie inside."""
    (read, _), number = _cuda_device.element(dtype), number_of(dtype)

    def line(x, row, step, place, rule, size):
        """The weighted taps at `place` of the row that begins at `row`."""
        (low, high), total = rule[2], number(0)
        if low != 0 and rule[1] <= place < size:
            total += number(low) * read(x, row + place * step)
        if high != 0 and rule[1] <= place + 1 < size:
            total += number(high) * read(x, row + (place + 1) * step)
        return total

    return device_function(line)


@cache
def line_of_g(dtype, unit):
    """What comes back to a pixel along W. Tap 0, 1, 2 is the output that read the pixel at f + 1 - tap."""
    (read, _), source, number = _cuda_device.element(dtype), _cuda_device.output_at(unit), number_of(dtype)
    pick = three()

    def line(g, row, step, place, rule, stride, outputs):
        """(gradient to x, value, slope)"""
        f, first, to_x, values, slopes = rule
        in_x, in_v, in_s = number(0), number(0), number(0)
        for d in range(3):
            o, wx, wv, ws = source(place - f + 1 - d, stride, outputs), pick(d, to_x), pick(d, values), pick(d, slopes)
            if o >= 0 and (wx != 0 or wv != 0 or ws != 0):
                value = read(g, row + o * step)
                in_x += number(wx if o >= first else 0.0) * value
                in_v += number(wv) * value
                in_s += number(ws) * value
        return in_x, in_v, in_s

    return device_function(line)


@cache
def plane_of_g(dtype, unit):
    """Along H and W."""
    line, source, number = line_of_g(dtype, unit), _cuda_device.output_at(unit), number_of(dtype)
    pick = three()

    def plane(g, frame, steps, place, rules, stride, out):
        """(gradient to x, value, slope along H, slope along W)"""
        f, first, to_x, values, slopes = rules[1]
        in_x, in_v, in_h, in_w = number(0), number(0), number(0), number(0)
        for b in range(3):
            wx, wv, ws = pick(b, to_x), pick(b, values), pick(b, slopes)
            o = source(place[1] - f + 1 - b, stride[1], out[1])
            if o >= 0 and (wx != 0 or wv != 0 or ws != 0):
                row = frame + o * steps[3]
                line_x, line_v, line_s = line(g, row, steps[4], place[2], rules[2], stride[2], out[2])
                in_x += number(wx if o >= first else 0.0) * line_x
                in_v += number(wv) * line_v
                in_h += number(ws) * line_v
                in_w += number(wv) * line_s
        return in_x, in_v, in_h, in_w

    return device_function(plane)


@cache
def clip_of_g(dtype, unit):
    """Along T, H and W."""
    plane, source, number = plane_of_g(dtype, unit), _cuda_device.output_at(unit), number_of(dtype)
    pick = three()

    def clip(g, start, steps, place, rules, stride, out):
        """At the padded place (t, h, w): (gradient to x, slopes along T, H, W); lost channels: nan."""
        f, _, to_x, values, slopes = rules[0]
        lost = number(to_x[0] + rules[1][2][0] + rules[2][2][0])  # 0, or nan if a shift is not finite
        in_x, in_t, in_h, in_w = lost, lost, lost, lost
        for a in range(3):
            wx, wv, ws = pick(a, to_x), pick(a, values), pick(a, slopes)
            o = source(place[0] - f + 1 - a, stride[0], out[0])
            if o >= 0 and (wx != 0 or wv != 0 or ws != 0):
                plane_x, plane_v, plane_h, plane_w = plane(g, start + o * steps[2], steps, place, rules, stride, out)
                in_x += number(wx) * plane_x
                in_t += number(ws) * plane_v
                in_h += number(wv) * plane_h
                in_w += number(wv) * plane_w
        return in_x, in_t, in_h, in_w

    return device_function(clip)


@cache
def seen_by_slopes(unit):
    """Whether any tap of the slopes along T, H and W reads a pixel: one that has no number counts only then."""
    source, pick = _cuda_device.output_at(unit), three()

    def axis(place, rule, stride, outputs):
        """(by the values, by the slopes) along one axis"""
        values, slopes = False, False
        for k in range(3):
            inside = source(place - rule[0] + 1 - k, stride, outputs) >= 0
            values = values or (inside and pick(k, rule[3]) != 0)
            slopes = slopes or (inside and pick(k, rule[4]) != 0)
        return values, slopes

    axis = device_function(axis)

    def seen(place, rules, stride, out):
        value_t, slope_t = axis(place[0], rules[0], stride[0], out[0])
        value_h, slope_h = axis(place[1], rules[1], stride[1], out[1])
        value_w, slope_w = axis(place[2], rules[2], stride[2], out[2])
        return slope_t and value_h and value_w, value_t and slope_h and value_w, value_t and value_h and slope_w

    return device_function(seen)
