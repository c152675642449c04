"""Slips of the hand in a manifest that would change, in silence, what is trained on: each is refused by its place."""

import json

import pytest

from lib.data import Video, read_manifest, write_manifest
from lib.data.manifest import make_manifest

ROW = {"label": 0, "split": "train", "start": None, "end": None, "frames": 30, "fps": 30.0, "width": 40, "height": 32}


def of(*rows):
    videos = [Video(**{**ROW, "path": "a.mp4", **row}) for row in rows]
    return make_manifest(name="n", classes=["a", "b"], videos=videos, mirror_pairs=())


@pytest.mark.parametrize(
    "rows, words",
    [
        ([{"start": 1.0}], "line 2, column start: it starts at 1.0 s, but the video ends at 1.00 s"),
        ([{"start": 99.0, "end": 100.0}], "column start: it starts at 99.0 s"),
        ([{"status": "OK"}], "column status: 'OK' must be ok, or say why"),
        ([{}, {"status": "ok "}], "line 3, column status: 'ok ' must be ok"),
        ([{}, {"split": "test"}], "frames of 'a.mp4' stand in train and in test; keep one"),
        ([{}, {"split": "val", "path": "x/.././a.mp4", "label": 1}], "frames of 'a.mp4' stand in train and in val"),
        ([{"end": 0.5}, {"split": "test", "start": 0.4}], "frames of 'a.mp4' stand in train and in test"),
        ([{"split": "val", "end": 0.5}, {"start": 0.2, "end": 0.4}], "stand in val and in train"),
        ([{}, {"path": "b.mp4"}, {"path": "./a.mp4"}], "'a.mp4' stands twice in train, and would count twice"),
        ([{"split": "test", "start": 0.5}, {"split": "test", "start": 0.5}], "'a.mp4' stands twice in test"),
        ([{"status": "Okay"}], "column status: 'Okay' must be ok, or say why"),
        ([{"status": "o\0k"}], "column status: .* must be ok, or say why"),
        ([{"width": 0}], "column width: a video whose status is ok has pixels, not 0x32"),
        ([{"end": 1e308}], "column end: '1e\\+308' must be a number in 0..1000000000"),
        ([{"fps": 1e308}], "column fps: '1e\\+308' must be a number in 0..1000000"),
    ],
)
def test_rows_that_cannot_be_meant(rows, words):
    with pytest.raises(ValueError, match=words):
        of(*rows)


def test_rows_that_are_meant():
    """Parts of one video in two splits, a part twice in one, a video that is not used."""
    of({"end": 0.5}, {"split": "test", "start": 0.5})
    of({"end": 0.5}, {"start": 0.3, "label": 1}, {"end": 0.5, "label": 1})
    of({}, {"split": "test", "status": "not found under the root"})
    of({"split": "val"}, {"split": "test"})  # a set whose test videos have no labels is tested on val
    of({"end": 0.52}, {"split": "test", "start": 0.5})  # a frame of rounding
    of({"start": 99.0, "status": "it starts at 99 s, but the video ends at 1.00 s"})


def test_what_editors_add_is_no_slip(tmp_path):
    """A byte order mark before each file, CRLF, blank lines at the end: it is the dataset of this hash."""
    before = write_manifest(tmp_path, name="n", classes=["a"], videos=[Video(path="a.mp4", **ROW)], mirror_pairs=())
    for file in ("manifest.csv", "classes.txt", "dataset.json"):
        content = (tmp_path / file).read_bytes().replace(b"\n", b"\r\n")
        (tmp_path / file).write_bytes(b"\xef\xbb\xbf" + content + b"\r\n" * 2)
    assert read_manifest(tmp_path) == before


@pytest.mark.parametrize("cell", ['"a".mp4', '"a.mp4', 'a.mp4,"'])
def test_quotation_marks_that_do_not_end_a_cell(tmp_path, cell):
    write_manifest(tmp_path, name="n", classes=["a"], videos=[Video(path="a.mp4", **ROW)], mirror_pairs=())
    (tmp_path / "manifest.csv").write_text((tmp_path / "manifest.csv").read_text().replace("a.mp4", cell))
    with pytest.raises(ValueError, match="manifest.csv, line 2: (',' expected|unexpected end of data)"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("cell", ["3_0", " 30 ".replace(" ", "\u2003"), "\u0663\u0660", "0x1e"])
def test_numbers_as_nobody_writes_them(tmp_path, cell):
    write_manifest(tmp_path, name="n", classes=["a"], videos=[Video(path="a.mp4", **ROW)], mirror_pairs=())
    rows = (tmp_path / "manifest.csv").read_text().replace(",30,30.0", f",{cell},30.0")
    (tmp_path / "manifest.csv").write_text(rows)
    with pytest.raises(ValueError, match="line 2, column frames: .* must be an integer"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "before, after, words",
    [
        ('"unmirrored"', '"unmirored"', "'unmirored' is no entry of it; there are name, source.*is unmirrored meant"),
        ('"source"', '"frame_patern": "x", "source"', "'frame_patern' is no entry.*; is frame_pattern meant"),
        ('"source"', '"Mirror pairs": [], "source"', "'Mirror pairs' is no entry.*; is mirror_pairs meant"),
        ('"source"', '"author": "x", "source"', "'author' is no entry of it; there are .*, hash$"),
        ('"mirror_pairs": []', '"mirror_pairs": null, "mirror_pairs": []', "is not JSON: 'mirror_pairs' stands twice"),
    ],
)
def test_entries_that_would_be_passed_over(tmp_path, before, after, words):
    write_manifest(tmp_path, name="n", classes=["a"], videos=[Video(path="a.mp4", **ROW)], mirror_pairs=())
    text = (tmp_path / "dataset.json").read_text()
    assert before in text and json.loads(text)["unmirrored"] == []
    (tmp_path / "dataset.json").write_text(text.replace(before, after))
    with pytest.raises(ValueError, match=f"dataset.json.*{words}"):
        read_manifest(tmp_path)
