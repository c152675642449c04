"""One channel's taps along one axis, as scalars: compiled for the CPU by numba_cpu.py, for CUDA by numba_cuda.py.

The rules are those of reference.py, which explains them; test_shift.py holds the two together. Taps lie at
f - 1, f, f + 1, where f is the whole part of the shift; a tap of weight 0 is not read.
"""

from math import floor

FARTHEST = 1e9
NEARLY_WHOLE = 1e-7


def split(s):
    """Whole part f and fraction r of a shift; (0, nan) if it is not finite."""
    rest = s - s  # 0, or nan
    if rest != 0:
        return 0, rest
    if s >= FARTHEST:
        return 1_000_000_000, rest
    if s <= -FARTHEST:
        return -1_000_000_000, rest
    return int(floor(s)), s - floor(s)


def value_weights(r, quantize, half_up):
    """Weights at f, f + 1 in the forward; with half_up False, in the published gradient to x."""
    if not quantize:
        return 1 - r, r
    one = 1 + (r - r)  # nan if r is
    if r > 0.5 or (half_up and r == 0.5):
        return 0 * one, one
    return one, 0 * one


def slope_weights(r, published):
    """Weights at f - 1, f, f + 1 of the values, then of the differences, in the gradient to the shift."""
    one = 1 + (r - r)
    zero = one - one
    whole = r == 0 or (r < NEARLY_WHOLE and not published)
    if not whole:
        return (zero, 1 - r, r), (zero, -one, one)
    if published:
        return (one, zero, zero), (-one, zero, one)
    return (zero, one, zero), (-0.5 * one, zero, 0.5 * one)


def reads_away_from_0(r, quantize, published_2d):
    """1 if a quantized tap never lands on index 0: the published 2D kernel rounds halves of the coordinate away."""
    return 1 if quantize and published_2d and r == 0.5 else 0
