"""Whole-frame shifts: TSM's published numbers, the CPU version against the reference, the online form."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from kernel_cases import FORMATS, assert_versions_agree, golden_cases, golden_clips, in_format

from kernels import frame_cache, frame_shift, shift3d, tsm_offset

BACKENDS = ["reference", "cpu"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", golden_cases("rubiksnet/tsm"), ids=["div8", "div4"])
def test_golden(case, backend):
    x, g = (golden_clips(case, seed) for seed in (1, 3))
    x.requires_grad_()
    y = frame_shift(x, tsm_offset(x.shape[1], case["shift_div"]), backend=backend)
    (gx,) = torch.autograd.grad(y, x, g)
    for got, want in ((y, case["output"]), (gx, case["grad_x"])):
        torch.testing.assert_close(got.transpose(1, 2).flatten(), torch.tensor(want), rtol=1e-5, atol=1e-5)


@given(
    some.tuples(*[some.sampled_from(s) for s in ([1, 2], [1, 3], [1, 2, 5, 8], [1, 3], [1, 4])]),
    some.lists(some.sampled_from([0, 1, -1, 2, -4, 9, -(2**63), 2**63 - 1]), min_size=3, max_size=3),
    some.sampled_from(FORMATS),
    some.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
)
def test_cpu_agrees_with_reference(shape, offset, layout, dtype):
    x = in_format(torch.randn(shape).to(dtype), layout).requires_grad_()
    offset = torch.tensor(offset[: shape[1]])
    assert_versions_agree(lambda x, backend: frame_shift(x, offset, backend=backend), (x,), rtol=0, atol=0)  # a copy


@pytest.mark.parametrize("backend", BACKENDS)
def test_is_a_learned_shift_by_whole_frames(backend):
    x, offset = torch.randn(2, 9, 4, 3, 3), tsm_offset(9, 4)
    shift = torch.zeros(3, 9)
    shift[0] = offset
    assert torch.equal(frame_shift(x, offset, backend=backend), shift3d(x, shift, backend=backend))


@pytest.mark.parametrize(
    "offset", [tsm_offset(16, causal=True), torch.tensor([-2, 0, -1, 0]), torch.zeros(3, dtype=torch.int64)]
)
@pytest.mark.parametrize("step", [1, 3])
def test_online_equals_the_whole_clip(offset, step):
    x = torch.randn(2, len(offset), 6, 3, 3)
    cache, parts = frame_cache(x, offset), []
    for t in range(0, 6, step):
        y, cache = frame_shift(x[:, :, t : t + step], offset, cache=cache)
        parts.append(y)
    assert torch.equal(torch.cat(parts, 2), frame_shift(x, offset))
    assert cache.shape[1] <= len(offset) and cache.shape[2] == -offset.min()


def test_causal_offset_needs_a_small_cache():
    x = torch.randn(1, 24, 1, 56, 56)  # MobileNetV2's first shift: (1, 3, 56, 56)
    assert frame_cache(x, tsm_offset(24, causal=True)).shape == (1, 3, 1, 56, 56)


def test_errors():
    x, back = torch.randn(1, 8, 2, 3, 3), tsm_offset(8, causal=True)
    with pytest.raises(ValueError, match="cannot look ahead"):
        frame_cache(x, tsm_offset(8))
    with pytest.raises(ValueError, match="with this cache it must be -1 to 0"):
        frame_shift(x, tsm_offset(8), cache=frame_cache(x, back))
    with pytest.raises(ValueError, match="cache has shape"):
        frame_shift(x, back, cache=frame_cache(x[..., :2], back))
    with pytest.raises(ValueError, match="offset is torch.float32"):
        frame_shift(x, back.float())
