"""Which file a list means, which class a number means: what cannot be told is not guessed, what is odd is said."""

import pytest
from tiny_videos import put_frames, put_video

from data_prep import check
from data_prep.class_names import read_classes
from data_prep.datasets import jester, lists, ucf101
from data_prep.doubts import doubts
from data_prep.labels import read_table
from lib.data import Video, read_manifest, write_manifest
from lib.data.manifest import make_manifest

QUIET = {"workers": 0, "progress": False}
NOT_THERE = "not found under the root"


def prepared(folder, videos, classes="a\nb\n", **texts):
    """{video: frames} under folder/videos, a list a split.  -> {(path, label, split): status or frames}"""
    options = texts.pop("options", {})
    for name, frames in videos.items():
        put_video(folder / "videos" / name, folder, frames=frames)
    files = {"classes": classes, **texts}
    for name, text in files.items():
        (folder / f"{name}.txt").write_bytes(text.encode())
    given = {name: folder / f"{name}.txt" for name in files} | {"root": folder / "videos", **QUIET, **options}
    manifest = lists.prepare(folder / "out", format="mmaction_videos", **given)[""]
    return {(v.path, v.label, v.split): v.frames if v.status == "ok" else v.status for v in manifest.videos}


@pytest.mark.parametrize("last", ["", "b/2 1\n"])
def test_a_missing_video_is_not_that_of_another_class(tmp_path, last):
    """Videos are numbered in each class, and one is missing: its name is another's in another folder."""
    told = prepared(tmp_path, {"a/1": 5, "b/1": 6, "b/2": 7}, train=f"a/1 0\na/2 0\nb/1 1\n{last}")
    wanted = {("a/1.mp4", 0, "train"): 5, ("a/2", 0, "train"): NOT_THERE, ("b/1.mp4", 1, "train"): 6}
    assert told == wanted | ({("b/2.mp4", 1, "train"): 7} if last else {})


def test_a_missing_video_is_not_that_of_another_split(tmp_path):
    told = prepared(tmp_path, {"train/1": 5, "train/2": 6, "val/2": 7}, train="2 0\n", val="1 1\n2 1\n")
    assert told == {("train/2.mp4", 0, "train"): 6, ("1", 1, "val"): NOT_THERE, ("val/2.mp4", 1, "val"): 7}


def test_a_split_s_folder_may_have_another_name(tmp_path):
    """train/1 of the list is train_videos/1 on disk; what is missing there is not the other split's."""
    videos = {"train_videos/1": 5, "train_videos/2": 6, "val_videos/1": 7}
    told = prepared(tmp_path, videos, train="train/1 0\ntrain/2 1\n", val="val/1 0\nval/2 1\n")
    assert told.pop(("val/2", 1, "val")) == NOT_THERE
    assert [(path, frames) for (path, _, _), frames in told.items()] == [(f"{k}.mp4", n) for k, n in videos.items()]


def test_what_is_held_out_is_looked_for_where_it_is_listed(tmp_path):
    """Held out of train it is val, and still lies in the training videos' folder."""
    videos = {f"{split}/{k}": 4 + k + 4 * (split == "val") for split in ("train", "val") for k in (1, 2, 3)}
    lines = {"train": "1 0\n2 0\n3 1\n", "val": "1 1\n2 1\n3 0\n"}
    told = prepared(tmp_path, videos, **lines, options={"hold_out": 0.4})
    assert {(path, label) for path, label, _ in told} == {
        ("train/1.mp4", 0), ("train/2.mp4", 0), ("train/3.mp4", 1), ("val/1.mp4", 1), ("val/2.mp4", 1), ("val/3.mp4", 0)
    }  # fmt: skip
    assert {split for path, _, split in told if path.startswith("val")} == {"test"}


@pytest.mark.parametrize("place", ["{0}/{1}", "{1}", "moved/{1}", "train/{0}/{1}"])
def test_names_that_tell_are_found_in_any_folder(tmp_path, place):
    """One name is listed twice by mistake; all others still say which video they are."""
    names = {f"{'ab'[k % 2]}/video{k}": k % 2 for k in range(12)}
    videos = {place.format(*name.split("/")): 5 + k for k, name in enumerate(names)}
    told = prepared(tmp_path, videos, train="".join(f"{n} {k}\n" for n, k in names.items()) + "b/video0 1\n")
    assert sum(NOT_THERE != status for status in told.values()) >= 11


@pytest.mark.parametrize("text", ["a\n\nb\n", "\na\nb\n", "a\r\n \r\nb\r\n"])
def test_a_blank_line_would_shift_the_classes(tmp_path, text):
    (tmp_path / "classes.txt").write_bytes(text.encode())
    with pytest.raises(ValueError, match="classes.txt, line [12] is blank: is it a class"):
        read_classes(tmp_path / "classes.txt")
    (tmp_path / "classes.txt").write_bytes(b"a\r\nb\r\n\r\n\n")
    assert read_classes(tmp_path / "classes.txt") == ("a", "b")


@pytest.mark.parametrize(
    "text, words",
    [
        (b"1 b\n0 a\n", "its lines have numbers, but are not in their order"),
        (b"id,name\n0,a\n1,b\n", "its lines have numbers, but are not in their order"),
        (b"0 a\n1 b\n3 d\n", "its lines have numbers, but are not in their order"),
        (b"5;a\n6;b\n", "its lines are numbered from 5 on"),
        ("a\nb\n".encode("utf-16"), "is not UTF-8"),
    ],
)
def test_classes_whose_own_numbers_are_not_their_lines(tmp_path, text, words):
    (tmp_path / "classes.txt").write_bytes(text)
    with pytest.raises(ValueError, match=f"classes.txt.*{words}"):
        read_classes(tmp_path / "classes.txt")


@pytest.mark.parametrize("names", [("0 a", "1 b"), ("1 hand", "2 hands"), ("10 pin bowling", "a", "b"), ("3D", "4D")])
def test_classes_with_numbers_that_are_right(tmp_path, names):
    (tmp_path / "classes.txt").write_text("\n".join(names))
    assert read_classes(tmp_path / "classes.txt") == names


def test_names_that_begin_with_numbers_have_a_way_in(tmp_path):
    """They look like a list that is out of order; the message says how to tell that they are none, and that works."""
    names = ("1 m springboard", "3 m springboard", "10 m platform")
    (tmp_path / "classes.txt").write_text("\n".join(names))
    with pytest.raises(ValueError, match="number all lines from 0 on, the first as '0 1 m springboard'"):
        read_classes(tmp_path / "classes.txt")
    numbered = tuple(f"{line} {name}" for line, name in enumerate(names))
    (tmp_path / "classes.txt").write_text("\n".join(numbered))
    assert read_classes(tmp_path / "classes.txt") == numbered


def test_lines_of_an_old_mac_are_no_class(tmp_path):
    with pytest.raises(ValueError, match="a class must have a name, one line of text"):
        prepared(tmp_path, {"x": 5}, classes="a\rb", train="x 0\n")


def test_labels_that_count_from_zero_though_one_was_said(tmp_path):
    with pytest.raises(ValueError, match="train.txt: class 0 occurs, and never 2: do labels count from 0"):
        prepared(tmp_path, {"x": 5, "y": 6}, train="x 0\ny 1\n", options={"first_label": 1})


def test_a_cell_too_many_is_no_shorter_label(tmp_path):
    (tmp_path / "t.csv").write_text('id,label\n1,Swiping Left, slowly\n2,"Swiping Left, slowly"\n3,Drumming,\n')
    problems = []
    rows = [row["label"] for _, row in read_table(tmp_path / "t.csv", ("id", "label"), problems)]
    assert rows == ["Swiping Left, slowly", "Drumming"] and "t.csv, line 2" in problems[0]
    assert jester.EXAMPLE


def test_a_class_number_that_is_not_its_folders(tmp_path):
    """trainlist01.txt of a converter that counts from 0: every label is its neighbour's."""
    (tmp_path / "c").write_text("1 A\n2 B\n3 C\n")
    (tmp_path / "t").write_text("A/v_A_g01_c01.avi 1\nB/v_B_g01_c01.avi 1\n/data/ucf/C/v_C_g01_c01.avi 2\n")
    (tmp_path / "v").write_text("B/v_B_g02_c01.avi\n")
    listing = ucf101.read_official({"classes": tmp_path / "c", "train": tmp_path / "t", "test": tmp_path / "v"})
    assert [(entry.key[:1], entry.label) for entry in listing.entries] == [("A", 0), ("B", 1)]
    assert [line.split(":")[0] for line in listing.problems] == ["t, line 2", "t, line 3"]


def test_doubts(tmp_path, capsys):
    def row(path, label, split, content):
        return Video(path, label, split, None, None, 9, 30.0, 40, 32, content=content * 16)

    rows = [row("a", 0, "train", "1"), row("b", 1, "val", "1"), row("c", 2, "test", "2"), row("d", 0, "train", "3")]
    rows += [row("e", 0, "train", "3"), row("f", 1, "train", "3"), row("g", 0, "test", "")]
    names = ["Zumba", "Cafe\u0301", "Caf\xe9 ", "zum ba"]
    told = doubts(make_manifest(name="n", classes=names, videos=rows, mirror_pairs=()))
    assert told == [
        "classes 'Zumba' and 'zum ba': are they one?",
        "classes 'Cafe\u0301' and 'Caf\xe9 ': are they one?",
        "no video is listed of class 'zum ba'",
        "no training video, but others: of class 'Caf\xe9 '",
        "one video under two names: 'a' (train, 'Zumba') and 'b' (val, 'Cafe\u0301')",
        "one video under two names: 'd' (train, 'Zumba') and 'f' (train, 'Cafe\u0301')",
        "one video under two names: 'e' (train, 'Zumba') and 'f' (train, 'Cafe\u0301')",
    ]


def test_doubts_are_shown_by_preparation_and_check(tmp_path, capsys):
    prepared(tmp_path, {"x": 5, "y": 5}, train="x 0\n", val="y 1\n", options={"progress": True})
    line = "one video under two names: 'x.mp4' (train, 'a') and 'y.mp4' (val, 'b')"
    assert line in capsys.readouterr().out and line in (tmp_path / "out" / "doubts.txt").read_text()
    (tmp_path / "out" / "doubts.txt").unlink()
    check.run(tmp_path / "out", workers=0)
    assert line in capsys.readouterr().out and line in (tmp_path / "out" / "doubts.txt").read_text()


def test_images_keep_the_rates_that_their_rows_say(tmp_path):
    for name in "ab":
        put_frames(tmp_path / "v" / name, frames=6)
    rows = [Video(name, 0, "train", 0.0, 0.1, 6, fps, 40, 32) for name, fps in (("a", 10.0), ("b", 25.0))]
    images = {"source": "frames", "frame_pattern": "{:05d}.jpg", "first_index": 1, "root": "../v"}
    write_manifest(tmp_path / "m", name="n", classes=["a"], videos=rows, mirror_pairs=(), **images)
    check.run(tmp_path / "m", **QUIET)
    assert [video.fps for video in read_manifest(tmp_path / "m").split("train")] == [10.0, 25.0]
