import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.data.sampling import sample_frames

small = st.integers(1, 12)


@given(frames=st.integers(1, 400), segments=small, run=small, stride=small, clips=small, seed=st.none() | small)
def test_any_video_gives_a_clip(frames, segments, run, stride, clips, seed):
    rng = None if seed is None else np.random.default_rng(seed)
    numbers = sample_frames(frames, segments, rng, run=run, frame_stride=stride, clips=clips)
    assert numbers.shape == (clips, segments * run) and numbers.dtype == np.int64
    assert numbers.min() >= 0 and numbers.max() < frames
    if (run - 1) * stride < frames:  # the run fits: no wrapping, segments in order
        steps = np.diff(numbers.reshape(clips, segments, run), axis=2)
        assert (steps == stride).all()
        assert (np.diff(numbers.reshape(clips, segments, run)[:, :, 0]) >= 0).all()


def test_centres():
    assert sample_frames(64, 8).tolist() == [[4, 12, 20, 28, 36, 44, 52, 60]]
    assert sample_frames(20, 1, run=16).tolist() == [list(range(2, 18))]
    assert sample_frames(40, 1, run=16, frame_stride=2).tolist() == [list(range(5, 37, 2))]
    assert sample_frames(64, 2, clips=2).tolist() == [[8, 40], [24, 56]]


def test_short_videos_repeat_frames():
    assert sample_frames(3, 8).tolist() == [[0, 0, 0, 1, 1, 2, 2, 2]]
    assert sample_frames(3, 1, run=8).tolist() == [[0, 1, 2, 0, 1, 2, 0, 1]]


def test_training_draws_every_frame_of_a_segment_alike():
    rng = np.random.default_rng(0)
    drawn = np.concatenate([sample_frames(24, 4, rng) for _ in range(3000)])
    for segment in range(4):
        counts = np.bincount(drawn[:, segment], minlength=24)
        assert (counts.nonzero()[0] == np.arange(6 * segment, 6 * segment + 6)).all()
        assert abs(counts[counts > 0] - 500).max() < 100  # 5 standard deviations are 102


@pytest.mark.parametrize("name", ["frames_in_video", "segments", "run", "frame_stride", "clips"])
def test_nothing_may_be_less_than_one(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
        sample_frames(**({"frames_in_video": 8, "segments": 4} | {name: 0}))
