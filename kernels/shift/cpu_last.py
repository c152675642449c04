"""The shift's forward on a CPU in channels_last_3d: row by row, all channels of a pixel side by side.

Channels read at different places, so each place is read for all of them, with weight 0 where a channel does not want
it: along T and H together, then along W. Of shifts from -1 to 1 that is 9 + 3 multiply-adds per pixel and channel, in
whole vectors; where shifts lie far apart it is more, and planes (cpu_forward.py) are faster.
"""

import numpy as np
import torch
from numba import prange

from kernels._format import as_array
from kernels._halves import floats, keep, place
from kernels._threads import jit, parallel_jit, run
from kernels.shift.reading import split

MOST_PLACES = 36  # along T times along H; from there on, turning a clip round and back is cheaper
TOGETHER = 1024  # elements of a row whose weights lie side by side


@jit
def blend(out, size, a, b, c, weights, length):
    """out += a * weights[0] + b * weights[1] + c * weights[2], over `size` elements; weights repeat after `length`."""
    u, v, w = weights[0], weights[1], weights[2]
    for start in range(0, size, length):
        o, p, q, r = out[start : min(start + length, size)], a[start:], b[start:], c[start:]
        for i in range(o.size):
            o[i] += p[i] * u[i] + q[i] * v[i] + r[i] * w[i]


@jit
def row_at(x, rooms, held, n, t, h, size):
    """Row h of frame t of clip n as floats, or one of zeros past the ends.

    rooms  (places along T, along H, row), for rows of bfloat16, which outputs that follow each other read again; the
           last are the zeros
    held   (places along T, along H): the number of the row that each of them holds
    """
    row = rooms.shape[2]
    if t < 0 or t >= size[0] or h < 0 or h >= size[1]:
        return rooms[-1, 0]
    number = (n * size[0] + t) * size[1] + h
    here = x[number * row : (number + 1) * row]
    i, j = t % held.shape[0], h % held.shape[1]
    there, held[i, j] = held[i, j] == number, number
    return floats(here, rooms[i, j], there)


@jit
def pick(out, source, weights, step, channels):
    """out[w, c] = the sum over k of source[w * step + k, c] * weights[k, c]."""
    for w in range(out.size // channels):
        here, there = out[w * channels : (w + 1) * channels], source[w * step * channels :]
        here[:] = 0
        for k in range(weights.shape[0]):
            tap = there[k * channels :]
            for c in range(channels):
                here[c] += tap[c] * weights[k, c]


@jit
def forward_rows(x, planes, columns, y, finite, numbers, start, stop):
    """Output rows `start` to `stop` of all clips.

    x, y     flat memory (N, T, H, W, C), floats or bfloat16
    planes   (places along T, along H in threes, 3, length): weights along T and H, repeated up to `length` elements
    columns  (places along W in threes, 3, length): weights along W
    finite   (rows,): what a row's sum times 0 is: 0, or nan if it holds a nan or infinity
    """
    C, T, H, W, To, Ho, Wo = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]
    kt, kh, kw, low_t, low_h, low_w = numbers[7], numbers[8], numbers[9], numbers[10], numbers[11], numbers[12]
    row, length, size, reach = W * C, planes.shape[3], (T, H), 3 * columns.shape[0]
    before, after = max(0, -low_w), max(0, low_w + reach)
    held = np.full((planes.shape[0], 3 * planes.shape[1]), -1)
    rooms = np.zeros((held.shape[0] + 1, held.shape[1], row), planes.dtype)
    mixed, made = np.zeros((before + W + after) * C, planes.dtype), np.empty(Wo * C, planes.dtype)
    here = mixed[before * C : before * C + row]
    for item in range(start, stop):
        n, t, h = item // (To * Ho), item // Ho % To * kt + low_t, item % Ho * kh + low_h
        out = place(y[item * Wo * C : (item + 1) * Wo * C], made)
        here[:] = 0
        for i in range(planes.shape[0]):
            for j in range(planes.shape[1]):
                a = row_at(x, rooms, held, n, t + i, h + 3 * j, size)
                b = row_at(x, rooms, held, n, t + i, h + 3 * j + 1, size)
                c = row_at(x, rooms, held, n, t + i, h + 3 * j + 2, size)
                blend(here, row, a, b, c, planes[i, j], length)
        source = mixed[(before + low_w) * C :]
        if kw == 1:
            out[:] = 0
            for j in range(columns.shape[0]):
                a = source[3 * j * C :]
                blend(out, row, a, a[C:], a[2 * C :], columns[j], length)
        else:
            pick(out, source, columns.reshape(reach, length), kw, C)
        total = out.dtype.type(0)
        for j in range(out.size):
            total += out[j] * 0
        finite[item] = total
        keep(y[item * Wo * C : (item + 1) * Wo * C], out)


@parallel_jit
def forward_rows_parallel(x, planes, columns, y, finite, numbers, chunks):
    rows = finite.size
    for k in prange(chunks):
        forward_rows(x, planes, columns, y, finite, numbers, rows * k // chunks, rows * (k + 1) // chunks)


def axis_weights(s):
    """Weights (places, C) of every place that some channel reads, and the first place; None if they are far apart."""
    f, r = split(s)
    low, places = int(f.min()), int((f + (r > 0)).max() - f.min()) + 1
    if places > MOST_PLACES:
        return None
    weights = torch.zeros(places + 1, len(s), dtype=s.dtype)
    weights.scatter_(0, (f - low)[None], (1 - r)[None]).scatter_add_(0, (f - low + 1)[None], r[None])
    return weights[:places], low


def in_threes(weights):
    """(places, ...) -> (places / 3 rounded up, 3, ...), zeros at the end."""
    return torch.nn.functional.pad(weights, (0, 0, 0, -len(weights) % 3)).unflatten(0, (-1, 3))


def shift_rows(x, y, shift, stride):
    """y (N, C, T', H', W') from x (N, C, T, H, W), both in channels_last_3d.  -> whether it was done: not where shifts
    are far apart or not finite, nor where something in y is not finite: a place of weight 0 must not be read.
    """
    rows = torch.cat([shift.new_zeros(3 - len(shift), shift.shape[1]), shift.detach()])
    if not rows.isfinite().all() or None in (axes := [axis_weights(s) for s in rows]):
        return False
    (along_t, low_t), (along_h, low_h), (along_w, low_w) = axes
    if len(along_t) * len(along_h) > MOST_PLACES or len(along_w) > MOST_PLACES:
        return False
    n, c, *size = x.shape
    repeats = max(1, min(size[2], TOGETHER // c))
    planes = torch.stack([in_threes(t * along_h) for t in along_t]).repeat(1, 1, 1, repeats)
    columns = in_threes(along_w).repeat(1, 1, repeats)
    numbers = np.array([c, *size, *y.shape[2:], *stride, low_t, low_h, low_w])
    finite = np.empty(n * y.shape[2] * y.shape[3], np.float64)
    memory = [as_array(a.permute(0, 2, 3, 4, 1).reshape(-1)) for a in (x, y)]
    work = memory[0], planes.numpy(), columns.numpy(), memory[1], finite, numbers
    run(forward_rows, forward_rows_parallel, len(finite), x.numel(), *work)
    return bool(np.isfinite(finite).all())
