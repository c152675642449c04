"""A video is encoded to the same bytes whatever the process encoded before it: x264's macroblock tree remembered."""

import os

import numpy as np
import pytest
from tiny_videos import write_file

from data_prep.encode import encode_one

NAMES = [f"{i}.mp4" for i in range(6)]


def wandering(seed, frames=90, height=128, width=160):
    """Noise that moves, each video at its own speed; every second one turns to its negative halfway."""
    noise = np.random.default_rng(seed).integers(0, 255, (2 * height, 2 * width, 3), dtype=np.uint8)
    shown = [np.roll(noise, (i * (seed + 1), 2 * i), (0, 1))[:height, :width] for i in range(frames)]
    return np.stack([255 - image if seed % 2 and i >= frames // 2 else image for i, image in enumerate(shown)])


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for seed, name in enumerate(NAMES):
        write_file(folder / name, wandering(seed))
    return folder


def encode_all(videos, out, names):
    for name in names:
        assert encode_one(name, root=str(videos), out=str(out), short_side=36, gop=12, crf=23) == (None, "")


def unlike(videos, home):
    """Names of those that have other bytes in another order, or alone in a process."""
    encode_all(videos, home / "row", NAMES)
    encode_all(videos, home / "back", NAMES[::-1])
    for name in NAMES:
        if not (child := os.fork()):
            encode_all(videos, home / "alone", [name])
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return [n for n in NAMES if len({(home / how / n).read_bytes() for how in ("row", "back", "alone")}) > 1]


def test_a_reencoded_video_does_not_depend_on_what_came_before(videos, tmp_path):
    """What x264 remembers shows in some videos alone, and not in every process; what it was told stands in the file."""
    assert unlike(videos, tmp_path) == []
    assert all(b" mbtree=0 " in (tmp_path / "row" / name).read_bytes() for name in NAMES)
