"""frame_shift: every channel moves by its own whole number of frames, as in TSM.

Source  Lin, Gan, Han, TSM: Temporal Shift Module, ICCV 2019, arXiv:1811.08383, section 3
"""

import torch
from torch import Tensor

from kernels._autograd import differentiable_once, library_op
from kernels._backend import check_backend, choose
from kernels._checks import check, check_clip, check_flag, check_like, check_tensor, check_values, is_whole
from kernels._format import empty_for, plain
from kernels._transforms import Rules, forward_function, linear, transformed
from kernels.frame_shift.numba_cpu import frame_shift_cpu
from kernels.frame_shift.reference import frame_shift_reference

VERSIONS = {"reference": frame_shift_reference, "cpu": frame_shift_cpu}


def frame_shift(x, offset, *, cache=None, backend="auto"):
    """out[n, c, t] = x[n, c, t + offset[c]], 0 past the clip's ends.

    x       (N, C, T, H, W)  float16, bfloat16, float32, float64
    offset  (C,)             int64, frames; +1 looks one frame ahead. `tsm_offset` makes TSM's
    cache   (N, C', K, H, W) online use: the K frames before x of its first C' channels, from `frame_cache` or the
                             call before; then offsets are -K to 0, 0 from channel C' on, and (out, cache) comes back
    out     (N, C, T, H, W)
    """
    check_clip(x)
    check_like("offset", offset, x, (x.shape[1],), torch.int64)
    check_backend("frame_shift", VERSIONS, backend, x)
    return _shifted(x, offset, backend) if cache is None else _online(x, offset, cache, backend)


def _online(x, offset, cache, backend):
    """The clip after `cache`, and the cache for the next one."""
    check_tensor("cache", cache, "(N, C', K, H, W), from frame_cache")
    check(cache.dim() == 5, lambda: f"cache has shape {tuple(cache.shape)}; it must be (N, C', K, H, W)")
    check_like("cache", cache, x, (x.shape[0], *cache.shape[1:3], *x.shape[3:]), x.dtype)
    moving, frames = cache.shape[1:3]
    check(moving <= x.shape[1], lambda: f"cache is for {moving} channels; x has {x.shape[1]}")
    fits = (offset <= 0).all() & (offset >= -frames).all() & (offset[moving:] == 0).all()

    def wrong():
        return f"offset is {offset.tolist()}; with this cache it must be -{frames} to 0, and 0 from {moving} on"

    check_values(fits, offset, wrong, "offset must be -K to 0 for the channels of this cache of K frames, 0 for others")
    seen = torch.cat([cache, x[:, :moving]], 2)
    y = torch.cat([_shifted(seen, offset[:moving], backend)[:, :, frames:], x[:, moving:]], 1)
    return y, seen[:, :, seen.shape[2] - frames :].contiguous()


def tsm_offset(channels, div=8, causal=False):
    """TSM's offsets: the first C // div channels look one frame ahead, as many one back; causal: the first one back."""
    least = 1 if check_flag("causal", causal) else 2
    check(is_whole(channels, 1), lambda: f"channels is {channels!r}; it must be an int >= 1")
    check(is_whole(div, least), lambda: f"div is {div!r}; it must be an int >= {least}")
    offset, fold = torch.zeros(channels, dtype=torch.int64), channels // div
    offset[:fold] = -1 if causal else 1
    offset[fold : 2 * fold] = 0 if causal else -1
    return offset


def frame_cache(x, offset):
    """The empty cache to begin online use of frame_shift(x, offset) with: zeros (N, C', K, H, W)."""
    check_clip(x)
    check_like("offset", offset, x, (x.shape[1],), torch.int64)
    check((offset <= 0).all(), lambda: f"offset is {offset.tolist()}; online it cannot look ahead, so it must be <= 0")
    moving = int(offset.nonzero().max()) + 1 if offset.any() else 0
    frames = int(-offset.min())
    return x.new_zeros(x.shape[0], moving, frames, *x.shape[3:])


@library_op("frame_shift")
def _op(x: Tensor, offset: Tensor, backend: str) -> Tensor:
    return VERSIONS[choose("frame_shift", backend, x)](plain(x), offset.contiguous())


@library_op("frame_shift_backward")
def _backward_op(g: Tensor, offset: Tensor, backend: str) -> Tensor:
    return VERSIONS[choose("frame_shift", backend, g)](plain(g), -offset)  # the adjoint is the opposite shift


@_op.register_fake
@_backward_op.register_fake
def _(x, offset, backend):
    return empty_for(x, x.shape)


def _remember(ctx, inputs, output):
    _, offset, ctx.backend = inputs
    ctx.save_for_backward(offset)


def _backward(ctx, g):
    return _backward_op(g, *ctx.saved_tensors, ctx.backend), None, None


_op.register_autograd(_backward, setup_context=_remember)
differentiable_once(_backward_op)
_rules = Rules(
    "frame_shift",
    lambda options, x, offset: _op(x, offset, *options),
    lambda options, g, x, offset: [_backward_op(g, offset, *options)],
    linear,
)
_transformed = forward_function(_rules).apply


def _shifted(x, offset, backend):
    return _transformed((backend,), x, offset) if transformed() else _op(x, offset, backend)
