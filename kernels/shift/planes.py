"""The inner loops of the shift on a CPU: all arrays here are flat, and most loops run over whole planes.

A *tap* reads a scratch plane at a fixed distance from the pixel it is for. Four taps (top and bottom row, left and
right column) serve a pixel, and four bits of an int32 per pixel say which of them lie inside: so what wraps around
the end of a row is dropped by a select, which vectorises, and not by a branch, which does not.
"""

from kernels._threads import jit

TOP, BOTTOM, LEFT, RIGHT = 0b0011, 0b1100, 0b0101, 0b1010  # TOP & LEFT = 1, TOP & RIGHT = 2, ...


@jit
def mix(out, a, weight_a, b, weight_b):
    """out = weight_a * a + weight_b * b; what has weight 0 is not read."""
    wa, wb = out.dtype.type(weight_a), out.dtype.type(weight_b)
    if weight_a == 0 and weight_b == 0:
        out[:] = 0
    elif weight_b == 0:
        for i in range(out.size):
            out[i] = wa * a[i]
    elif weight_a == 0:
        for i in range(out.size):
            out[i] = wb * b[i]
    else:
        for i in range(out.size):
            out[i] = wa * a[i] + wb * b[i]


@jit
def mix_frames(out, src, size, a, weight_a, b, weight_b):
    """Frames of `size` pixels: out[i] = weight_a * src[a + i] + weight_b * src[b + i], 0 past the ends of src.

    Frames that are alike in what lies inside are one loop.
    """
    count, frames, i = out.size // size, src.size // size, 0
    while i < count:
        has_a, has_b, end = 0 <= a + i < frames, 0 <= b + i < frames, i + 1
        while end < count and has_a == (0 <= a + end < frames) and has_b == (0 <= b + end < frames):
            end += 1
        from_a, from_b = src[max(a + i, 0) * size :], src[max(b + i, 0) * size :]
        mix(out[i * size : end * size], from_a, weight_a if has_a else 0.0, from_b, weight_b if has_b else 0.0)
        i = end


@jit
def spread(out, src, width, stride, pitch):
    """out[h * stride_h * pitch + w * stride_w] = src[h * width + w]: a strided gradient back on the input's grid."""
    for h in range(src.size // width):
        row = out[h * stride[0] * pitch :]
        for w in range(width):
            row[w * stride[1]] = src[h * width + w]


@jit
def axis_bits(out, start, step, size, first, low, high, low_bits, high_bits):
    """Which taps count for every output o of one axis: start + o*step (weight low), the next one (high). Any at all?"""
    some = 0
    for o in range(out.size):
        i = start + o * step
        out[o] = low_bits if low != 0 and first <= i < size else 0
        if high != 0 and first <= i + 1 < size:
            out[o] |= high_bits
        some |= out[o]
    return some != 0


@jit
def plane_bits(bits, rows, cols):
    """The bits of a plane's pixels, repeated until `bits` is full."""
    width = cols.size
    for h in range(bits.size // width):
        row, here = rows[h % rows.size], bits[h * width : h * width + width]
        for w in range(width):
            here[w] = row & cols[w]


@jit
def gather(out, src, step, pitch, bits, weights):
    """out[i] = the four weighted taps at src[i * step]; pitch = from one row of src to the next."""
    zero = out.dtype.type(0)
    w0, w1 = out.dtype.type(weights[0]), out.dtype.type(weights[1])
    w2, w3 = out.dtype.type(weights[2]), out.dtype.type(weights[3])
    top, bottom = src, src[pitch:]
    for i in range(out.size):
        k, j = bits[i], i * step
        a, b, c, d = top[j], top[j + 1], bottom[j], bottom[j + 1]
        upper = w0 * (a if k & 1 else zero) + w1 * (b if k & 2 else zero)
        out[i] = upper + w2 * (c if k & 4 else zero) + w3 * (d if k & 8 else zero)


@jit
def gather_rows(out, src, row_step, step, pitch, bits, weights, width):
    """The same, row by row, where the rows of out and src differ in length."""
    for h in range(out.size // width):
        o, j = h * width, h * row_step
        if step == 2:  # a constant here, so that the compiler loads whole vectors and sorts them
            gather(out[o : o + width], src[j:], 2, pitch, bits[o : o + width], weights)
        else:
            gather(out[o : o + width], src[j:], step, pitch, bits[o : o + width], weights)


@jit
def gather_and_slopes(gx, x, u, d, pitch, bits, top, bottom, left, right):
    """gx from the taps of u with weights top * left, ...; and <x, d(gx)/ds> along T (from the taps of d), H and W."""
    zero = gx.dtype.type(0)
    w0, w1 = gx.dtype.type(top * left), gx.dtype.type(top * right)
    w2, w3 = gx.dtype.type(bottom * left), gx.dtype.type(bottom * right)
    u_bottom, d_bottom = u[pitch:], d[pitch:]
    s0 = s1 = s2 = s3 = along_t = zero
    for i in range(gx.size):
        k, here = bits[i], x[i]
        k0, k1, k2, k3 = (k & 1) != 0, (k & 2) != 0, (k & 4) != 0, (k & 8) != 0
        a, b, c, e = u[i], u[i + 1], u_bottom[i], u_bottom[i + 1]
        a, b, c, e = a if k0 else zero, b if k1 else zero, c if k2 else zero, e if k3 else zero
        gx[i] = w0 * a + w1 * b + w2 * c + w3 * e
        s0 += here * a
        s1 += here * b
        s2 += here * c
        s3 += here * e
        a, b, c, e = d[i], d[i + 1], d_bottom[i], d_bottom[i + 1]
        a, b, c, e = a if k0 else zero, b if k1 else zero, c if k2 else zero, e if k3 else zero
        along_t += here * (w0 * a + w1 * b + w2 * c + w3 * e)
    # g's top tap is where x was read one row further down: its slope is +1
    return along_t, left * (s0 - s2) + right * (s1 - s3), top * (s0 - s1) + bottom * (s2 - s3)


@jit
def slopes_by_tap(x, u, d, width, pitch, start, taps_h, taps_w):
    """The same three sums for up to 3 x 3 taps, a sum for each: whole and quantized shifts, and padding.

    Rows of x are `width` long, rows of u and d `pitch`; tap (a, b) of pixel (h, w) is at h + start[0] - a, ...
    """
    (values_h, slopes_h), (values_w, slopes_w) = taps_h, taps_w
    along_t = along_h = along_w = 0.0
    height, depth = x.size // width, u.size // pitch
    for a in range(3):
        for b in range(3):
            for_t, for_h, for_w = values_h[a] * values_w[b], slopes_h[a] * values_w[b], values_h[a] * slopes_w[b]
            if for_t == 0 and for_h == 0 and for_w == 0:
                continue
            down, right = start[0] - a, start[1] - b
            left, past = max(0, -right), min(width, pitch - right)
            sum_u = sum_d = x.dtype.type(0)
            for h in range(max(0, -down), min(height, depth - down)):
                if past > left:
                    j = (h + down) * pitch + left + right
                    row_x, row_u, row_d = x[h * width + left : h * width + past], u[j:], d[j:]
                    for w in range(row_x.size):
                        sum_u += row_x[w] * row_u[w]
                        sum_d += row_x[w] * row_d[w]
            along_t += for_t * sum_d
            along_h += for_h * sum_u
            along_w += for_w * sum_u
    return along_t, along_h, along_w
