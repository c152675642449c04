import numpy as np
import pytest
from video_files import moving_pattern, write_video

from lib.data import open_video
from lib.data.readers import READERS

# frames, height, width, GOP, B-frames, fps: usual; long GOP; no B-frames; a single frame; two widths at which decord
# mistakes the padding of a row for a fourth channel
FILES = [
    (30, 64, 86, 12, 2, 30),
    (31, 64, 64, 250, 2, 29.97),
    (17, 34, 130, 4, 0, 12),
    (1, 32, 32, 1, 0, 30),
    (20, 64, 48, 6, 3, 25),
    (9, 36, 72, 3, 1, 60),
]


@pytest.mark.parametrize("frames, height, width, gop, b_frames, fps", FILES)
def test_readers_give_the_same_frames(tmp_path, frames, height, width, gop, b_frames, fps):
    drawn = moving_pattern(frames, height, width)
    write_video(tmp_path / "a.mp4", drawn, gop=gop, b_frames=b_frames, fps=fps)
    rng = np.random.default_rng(0)
    with open_video(tmp_path / "a.mp4") as decord, open_video(tmp_path / "a.mp4", "pyav") as pyav:
        for video in (decord, pyav):
            assert (len(video), video.height, video.width) == (frames, height, width)
            assert video.fps == pytest.approx(fps, abs=1e-3)
        whole = pyav.read(range(frames))
        assert whole.dtype == np.uint8 and whole.shape == drawn.shape
        error = np.abs(whole[:, None].astype(int) - drawn[None]).mean((2, 3, 4))
        assert (error.argmin(axis=1) == np.arange(frames)).all(), "frame i shows what was drawn i-th"
        np.testing.assert_array_equal(decord.read(range(frames)), whole)
        for _ in range(5):  # any order, with repeats
            indices = rng.integers(0, frames, size=6)
            np.testing.assert_array_equal(decord.read(indices), whole[indices])
            np.testing.assert_array_equal(pyav.read(indices), whole[indices])
        assert decord.read([]).shape == (0, height, width, 3)


@pytest.mark.parametrize("reader", READERS)
def test_what_cannot_be_read_is_named(tmp_path, reader):
    file = tmp_path / "broken.mp4"
    with pytest.raises(FileNotFoundError, match="broken.mp4"):
        open_video(file, reader)
    write_video(file, moving_pattern(20, 64, 86))
    with open_video(file, reader) as video, pytest.raises(ValueError, match=r"broken.mp4 has frames 0..19; .* 3..20"):
        video.read([3, 20])
    content = file.read_bytes()
    for damaged in (b"", b"not a video" * 99, content[: len(content) // 2]):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="broken.mp4 cannot be read"):
            open_video(file, reader).read([19])


def test_unknown_reader(tmp_path):
    with pytest.raises(ValueError, match="no reader 'opencv'; there are decord, pyav"):
        open_video(tmp_path / "a.mp4", "opencv")
