"""The inner loops of the depthwise convolution's backward on a CPU: 16 channels side by side, four pixels at a time.

A scratch row holds pixel after pixel, 16 channels (lanes) each, so a vector register is one pixel. Four pixels in a
row share their taps: 6 loads serve 24 multiply-adds. Rows are padded up to a multiple of four, and rows of g by a
pixel on either side, too; what lies there is 0.
"""

from collections import namedtuple

from kernels._halves import bits, coded, floats, keep, place
from kernels._threads import jit

# A row of a tensor: so many channels and pixels, and the distances from one to the next in memory
Row = namedtuple("Row", "channels width channel pixel")
LANES, TILE = 16, 4
STEP = TILE * LANES


@jit
def gather_row(out, sums, x, above, here, below, w, tiles):
    """out += the 3 x 3 taps weighted with w, and sums += <x, every tap>, over a row; w, sums: 9 * LANES.

    The rows above, here and below begin one pixel to the left of out and x.
    """
    for tile in range(tiles):
        j = tile * STEP
        for i in range(LANES):
            p, q, r, s = x[j + i], x[j + i + 16], x[j + i + 32], x[j + i + 48]
            a, b, c, d = above[j + i], above[j + i + 16], above[j + i + 32], above[j + i + 48]
            e, f = above[j + i + 64], above[j + i + 80]
            u, v, z = w[i], w[i + 16], w[i + 32]
            y0, y1, y2, y3 = u * a + v * b + z * c, u * b + v * c + z * d, u * c + v * d + z * e, u * d + v * e + z * f
            sums[i] += p * a + q * b + r * c + s * d
            sums[i + 16] += p * b + q * c + r * d + s * e
            sums[i + 32] += p * c + q * d + r * e + s * f
            a, b, c, d = here[j + i], here[j + i + 16], here[j + i + 32], here[j + i + 48]
            e, f = here[j + i + 64], here[j + i + 80]
            u, v, z = w[i + 48], w[i + 64], w[i + 80]
            y0, y1 = y0 + u * a + v * b + z * c, y1 + u * b + v * c + z * d
            y2, y3 = y2 + u * c + v * d + z * e, y3 + u * d + v * e + z * f
            sums[i + 48] += p * a + q * b + r * c + s * d
            sums[i + 64] += p * b + q * c + r * d + s * e
            sums[i + 80] += p * c + q * d + r * e + s * f
            a, b, c, d = below[j + i], below[j + i + 16], below[j + i + 32], below[j + i + 48]
            e, f = below[j + i + 64], below[j + i + 80]
            u, v, z = w[i + 96], w[i + 112], w[i + 128]
            sums[i + 96] += p * a + q * b + r * c + s * d
            sums[i + 112] += p * b + q * c + r * d + s * e
            sums[i + 128] += p * c + q * d + r * e + s * f
            out[j + i] += y0 + u * a + v * b + z * c
            out[j + i + 16] += y1 + u * b + v * c + z * d
            out[j + i + 32] += y2 + u * c + v * d + z * e
            out[j + i + 48] += y3 + u * d + v * e + z * f


@jit
def gather_pairs(out, sums, x, g, w, tiles):
    """gather_row of one row of g, where g has stride 2: its pixel j lies at pixel 2 * j of x; w, sums: 3 * LANES.

    An even pixel has one tap, an odd one two. g begins where x does.
    """
    for tile in range(tiles):
        j, k = tile * STEP, tile * STEP // 2
        for i in range(LANES):
            p, q, r, s = x[j + i], x[j + i + 16], x[j + i + 32], x[j + i + 48]
            b, d, f = g[k + i], g[k + i + 16], g[k + i + 32]
            u, v, z = w[i], w[i + 16], w[i + 32]
            sums[i] += q * b + s * d
            sums[i + 16] += p * b + r * d
            sums[i + 32] += q * d + s * f
            out[j + i] += v * b
            out[j + i + 16] += u * b + z * d
            out[j + i + 32] += v * d
            out[j + i + 48] += u * d + z * f


@jit
def copy_pixel(out, a):
    """out[:16] = a[:16]. All loads first, then all stores: the compiler makes vectors of them."""
    p0, p1, p2, p3, p4, p5, p6, p7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
    q0, q1, q2, q3, q4, q5, q6, q7 = a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15]
    out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7] = p0, p1, p2, p3, p4, p5, p6, p7
    out[8], out[9], out[10], out[11], out[12], out[13], out[14], out[15] = q0, q1, q2, q3, q4, q5, q6, q7


@jit
def load(rows, length, memory, first, row, step, room):
    """A row of a tensor, all channels, into rows of lanes: block after block of 16 channels, `length` apart.

    memory: the tensor, flat, floats or bfloat16; first: its element of channel 0, pixel 0; row: Row; step: pixels go
    step places apart; room: for the floats of a row of bfloat16
    """
    if row.channel == 1:
        whole, pixels = row.channels // LANES, floats(memory[first : first + row.width * row.pixel], room)
        for w in range(row.width):
            pixel = pixels[w * row.pixel : (w + 1) * row.pixel]
            for block in range(whole):
                copy_pixel(rows[block * length + w * step * LANES :], pixel[block * LANES :])
            for c in range(whole * LANES, row.channels):
                rows[whole * length + w * step * LANES + c % LANES] = pixel[c]
    else:
        for c in range(row.channels):
            here, there = bits(rows, memory)[c // LANES * length + c % LANES :], memory[first + c * row.channel :]
            for w in range(row.width):
                here[w * step * LANES] = coded(there[w])


@jit
def store(rows, length, memory, first, row, room):
    """Rows of lanes back into a row of a tensor."""
    if row.channel == 1:
        whole, target = row.channels // LANES, memory[first : first + row.width * row.pixel]
        pixels = place(target, room)
        for w in range(row.width):
            pixel = pixels[w * row.pixel : (w + 1) * row.pixel]
            for block in range(whole):
                copy_pixel(pixel[block * LANES :], rows[block * length + w * LANES :])
            for c in range(whole * LANES, row.channels):
                pixel[c] = rows[whole * length + w * LANES + c % LANES]
        keep(target, pixels)
    else:
        for c in range(row.channels):
            here, there = bits(rows, memory)[c // LANES * length + c % LANES :], memory[first + c * row.channel :]
            for w in range(row.width):
                there[w] = coded(here[w * LANES])
