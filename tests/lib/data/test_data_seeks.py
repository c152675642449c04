"""Which frames of a video are noted, and how a reader is asked for them: a seek that goes wrong anywhere is found."""

import numpy as np
import pytest
from zoo import painted, write_zoo_file

from lib.data import gops, readers, seeks
from lib.data.gops import Gop, checksum
from lib.data.verify import StrictReader

CLIP = painted(60)


class Seeking:
    """A reader of frames that decodes as decord does: from the key frame at or before, unless it stands there already.

    lands  {key frame: the key frame at which a seek for it ends instead}
    """

    def __init__(self, clip, keys, lands):
        self.clip, self.keys, self.lands, self.height, self.width = clip, keys, lands, *clip.shape[1:3]
        self.stands, self.slip = 1, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __len__(self):
        return len(self.clip)

    def read(self, numbers):
        return np.stack([self._read(number) if number else self.clip[0] for number in numbers])

    def _read(self, number):
        def key(place):
            return max(k for k in self.keys if k <= place)

        if self.stands != number and (key(number) != key(min(self.stands, len(self) - 1)) or number < self.stands):
            self.slip = self.lands.get(key(number), key(number)) - key(number)
        self.stands = number + 1
        return self.clip[min(number + self.slip, len(self) - 1)]


def told(tmp_path, monkeypatch, clip, lands, codec="h264"):
    write_zoo_file(tmp_path / "a.mp4", clip, codec)
    whole = StrictReader(tmp_path / "a.mp4")
    pixels = readers.PyAVReader(tmp_path / "a.mp4").read(range(len(clip)))
    keys = [min(gop.prints) for gop in whole.gops]
    monkeypatch.setattr(seeks, "open_video", lambda *_: Seeking(pixels, keys, lands))
    monkeypatch.setattr(seeks, "_explain", lambda whole, reader, prints, wrong: wrong)
    return seeks.find_disagreement(whole)


@pytest.mark.parametrize("codec", ["h264", "h264_b", "h264_intra"])
@pytest.mark.parametrize("key", [12, 24, 36, 48])
def test_a_wrong_seek_is_found_whichever_it_is(tmp_path, monkeypatch, key, codec):
    assert told(tmp_path, monkeypatch, CLIP, {}, codec) is None
    assert key in told(tmp_path, monkeypatch, CLIP, {key: key - 12}, codec)
    assert told(tmp_path, monkeypatch, CLIP, {key: 0}, codec)


@pytest.mark.parametrize("frames", [13, 24, 25, 36])
@pytest.mark.parametrize("codec", ["h264", "h264_b"])
def test_the_first_seek_back_is_asked(tmp_path, monkeypatch, frames, codec):
    assert told(tmp_path, monkeypatch, CLIP[:frames], {}, codec) is None
    assert told(tmp_path, monkeypatch, CLIP[:frames], {0: 12}, codec)


@pytest.mark.parametrize("moves", [5, 17, 40, 44])
def test_where_the_picture_stands_still_the_moment_it_changes_is_asked(tmp_path, monkeypatch, moves):
    """Slides: every GOP begins and ends with the same picture, but one moment tells them apart."""
    clip = CLIP[np.where(np.arange(60) == moves, 9, 0)]
    key = moves // 12 * 12
    assert told(tmp_path, monkeypatch, clip, {}) is None
    assert told(tmp_path, monkeypatch, clip, {key: key - 12 if key else 12})


def test_a_slide_in_a_long_gop(tmp_path, monkeypatch):
    clip = CLIP[np.where((np.arange(60) > 30) & (np.arange(60) < 50), 9, 0)]
    for slip in (-1, 1):
        assert told(tmp_path, monkeypatch, clip, {0: slip}, "h264_long")


def test_most_closed_gops_are_asked_for_one_frame(tmp_path):
    write_zoo_file(tmp_path / "a.mp4", np.concatenate([CLIP, CLIP[::-1], CLIP]), "h264")
    found = StrictReader(tmp_path / "a.mp4").gops
    assert [gop.closed for gop in found] == [True] * 15
    asked = list(seeks._numbers(found))
    assert asked[0] == [0, 1] and [len(numbers) > 1 for numbers in asked[1:]].count(True) < 15
    for codec in ("h264_b", "h264_refresh"):
        write_zoo_file(tmp_path / f"{codec}.mp4", CLIP, codec)
        found = StrictReader(tmp_path / f"{codec}.mp4").gops
        assert not any(gop.closed for gop in found[1:]), codec
    first, other = checksum(CLIP[0]), checksum(CLIP[1])
    alike = [Gop({12 * k: first if k != 2 else other, 12 * k + 11: k}, closed=True) for k in range(4)]
    assert [len(numbers) for numbers in seeks._numbers(alike)] == [2, 2, 1, 2], "what looks alike is asked wholly"


def test_h264_units():
    avcc = b"\1\x64\0\x0a\xff"
    assert gops.h264_units(b"\0\0\0\2\x67\0" + b"\0\0\0\1\x65", avcc) == {7, 5}
    assert gops.h264_units(b"\0\0\0\1\x67\0\0\1\x41\1\0\0\1", b"") == {7, 1}
    assert gops.h264_units(b"\0\0\0\xff", avcc) == gops.h264_units(b"", b"") == set()
    assert gops.h264_units(b"\0\0\0\0" * 5, avcc) == {0}
