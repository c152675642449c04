"""Slips in label files that would move labels in silence are refused or told; what is written otherwise is read."""

import json
import os
import socket
import unicodedata

import pytest
from tiny_videos import put_frames, put_video
from trees import TREES, build

from data_prep import export
from data_prep.class_names import read_classes
from data_prep.datasets import activitynet, hmdb51, jester, kinetics, lists, something_v1, something_v2, ucf101
from data_prep.formats import read_database, read_lists, write_list
from data_prep.labels import Entry, find_files, read_table
from data_prep.scan import scan_one
from lib.data import Video, write_manifest

QUIET = {"workers": 0, "progress": False}
MODULES = {
    m.__name__.rpartition(".")[2]: m for m in (activitynet, hmdb51, jester, kinetics, something_v1, something_v2)
}
MODULES["ucf101"] = ucf101


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


def prepared(folder, scratch, name, **changes):
    """A tree with other label files, {name before the last dot: f(bytes)}.  -> manifest, problems"""
    tree = TREES[name]
    root, labels = build(tree, folder, scratch, "video")
    for file, change in changes.pop("files").items():
        old = (labels / file).read_bytes() if (labels / file).exists() else b""
        (labels / file).write_bytes(change(old) if callable(change) else change)
    prepare = MODULES[tree.module].prepare
    (manifest,) = prepare(folder / "out", root=root, labels=labels, **QUIET, **tree.options).values()
    return manifest, (folder / "out" / "problems.txt").read_text()


def usable(manifest):
    rows = [video for video in manifest.videos if video.status == "ok"]
    return {(v.path.rpartition("/")[2].partition(".")[0], v.label, v.split) for v in rows}


HEADER = b"label,youtube_id,time_start,time_end,split\n"
# tree, file, its change: written otherwise, and meant as it was
SAME = [
    ("kinetics_csv", "kinetics_train.csv", lambda old: old.replace(b",", b", ")),
    ("kinetics_csv", "kinetics_train.csv", lambda old: old.replace(b"AAAAAAAAAAA,", b"AAAAAAAAAAA ,")),
    ("kinetics_csv", "._kinetics_train.csv", b"\0\5\x16\7"),
    ("something_v1", "something-something-v1-train.csv", lambda old: old.replace(b";", b" ; ")),
    ("something_v2", "something-something-v2-labels.json", lambda old: old.replace(b':"', b":").replace(b'",', b",")),
    ("hmdb51", "._wave_test_split3.txt", b"\0\5\x16\7\0\2\0\0Mac OS X"),
    ("ucf101", "trainlist01.txt", lambda old: old.replace(b"/", b"\\")),
    ("jester_text", "trainlist.txt", lambda old: b"\xef\xbb\xbf" + old.replace(b"\n", b"\r\n\xef\xbb\xbf", 1)),
]


@pytest.mark.parametrize("name, file, change", SAME)
def test_files_that_are_only_written_otherwise(tmp_path, scratch, name, file, change):
    if file == "something-something-v2-labels.json":
        names = json.loads(TREES[name].files[file])
        change = json.dumps({key: int(number) for key, number in names.items()}).encode()
    manifest, problems = prepared(tmp_path, scratch, name, files={file: change})
    assert usable(manifest) == TREES[name].rows and manifest.classes == TREES[name].classes
    assert file not in problems


# tree, file, its change, what is told; no class is added and no label moves
TOLD = [
    ("kinetics_csv", "kinetics_train.csv", lambda old: old + HEADER, "train.csv, line 5: .* is the header again"),
    ("kinetics_csv", "kinetics_train.csv", lambda old: old + b'"zum\nba",AAAAAAAAAAA,5,15,train\n',
     "line 6: .* has a quotation mark without its other"),
    ("kinetics_csv", "kinetics_train.csv", lambda old: old + b"zumba,CCCCCCCCCCC,1,2,validate\n",
     "line 5: it is of split 'validate', in the file of train"),
    ("kinetics_json", "kinetics.json",
     lambda old: old.replace(b'"validation": {', b'"validation": {"x.mp4": {"subset": "training", "annotations": '
                             b'{"label": "abseiling"}}, '),
     "'x.mp4': it stands under validation, and says training"),
    *(("activitynet", "activity_net.v1-3.min.json",
        lambda old, part=part: old.replace(b'"annotations": [{"segment": [0.1', b'"annotations": [{"segment": ' + part +
                                           b', "label": "Zumba"}, {"segment": [0.1', 1),
        "must have a label, and perhaps a segment") for part in (b'"01"', b"[false, true]", b'{"0": 1, "1": 2}')),
    *(("something_v2", "something-something-v2-train.json",
       lambda old, row=row: old.replace(b"[\n", b"[" + row + b",\n", 1), "video 1: .* must have an id and a template")
      for row in (b'{"id": null, "template": "Approaching [something] with your camera"}',
                  b'{"id": true, "template": "Approaching [something] with your camera"}',
                  b'{"id": "1", "template": 0}')),
]  # fmt: skip


@pytest.mark.parametrize("name, file, change, words", TOLD)
def test_slips_that_are_told(tmp_path, scratch, name, file, change, words):
    manifest, problems = prepared(tmp_path, scratch, name, files={file: change})
    assert usable(manifest) == TREES[name].rows and manifest.classes == TREES[name].classes
    assert any(all(part in line for part in words.split(" .* ")) for line in problems.splitlines()), problems


@pytest.mark.parametrize(
    "text, words",
    [('["a", "b"]', "classes.txt is JSON; it must be text"), ('{\n"a": 0,\n"b": 1\n}\n', "classes.txt is JSON"),
     ("Name\na\nb\n", "classes.txt, line 1: 'Name' looks like a header"), ("a,b,c\n", "'a,b,c' is its only line"),
     ("a\tb\n", "is its only line"), ("a\x1b[2J\nb\n", r"one line of text, not 'a\\x1b\[2J'")],
)  # fmt: skip
def test_class_files_of_another_form(tmp_path, text, words):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_classes(tmp_path / "classes.txt")


def test_class_files_that_were_joined(tmp_path):
    (tmp_path / "classes.txt").write_bytes(b"\xef\xbb\xbfa\r\n\xef\xbb\xbfb, c\r\n")
    assert read_classes(tmp_path / "classes.txt") == ("a", "b, c")


def test_a_column_that_is_there_twice(tmp_path):
    (tmp_path / "t.csv").write_text("label,id,label\na,1,b\n")
    with pytest.raises(ValueError, match="t.csv, line 1: column label is there twice"):
        list(read_table(tmp_path / "t.csv", ("label", "id"), []))


@pytest.mark.parametrize("labels", ['{"a": 1, "b": 0}', '"ab"', "2"])
def test_labels_of_a_database_are_a_list(tmp_path, labels):
    (tmp_path / "x.json").write_text(f'{{"labels": {labels}, "database": {{}}}}')
    with pytest.raises(ValueError, match='x.json: "labels" must be a list of names'):
        read_database(tmp_path / "x.json")


def test_a_part_without_frames_costs_its_line_alone(tmp_path):
    (tmp_path / "t.txt").write_text("a.mp4 3 0 0\na.mp4 2 4 1\n")
    listing = read_lists({"train": tmp_path / "t.txt"}, ["a", "b"], "mmaction_offset")
    assert [entry.label for entry in listing.entries] == [1]
    assert listing.problems == ["t.txt, line 1: the part of 'a.mp4' from frame 3 on has no frames"]


def test_counts_that_pandas_wrote(tmp_path):
    """A column with gaps becomes one of floats; the number is only compared, so it costs no video."""
    rows = {"v": {"subset": "training", "annotations": {"label": "a"}, "n_frames": 300.0}}
    (tmp_path / "x.json").write_text(json.dumps({"labels": ["a"], "database": rows}))
    assert [entry.frames for entry in read_database(tmp_path / "x.json").entries] == [300]


def test_hidden_files_are_no_second_list(tmp_path):
    for name in ("train.csv", "._train.csv"):
        (tmp_path / name).touch()
    assert find_files(tmp_path, [({"train": "*train*.csv"}, None)])[0] == {"train": tmp_path / "train.csv"}


def listed(folder, *keys, **more):
    """Keys, one of each class in turn, looked for under folder/v.  -> {key's path: status}"""
    (folder / "classes.txt").write_text("a\nb\n")
    (folder / "train.txt").write_text("".join(f"{key} {i % 2}\n" for i, key in enumerate(keys)))
    given = {"train": folder / "train.txt", "classes": folder / "classes.txt", "root": folder / "v", **QUIET, **more}
    manifest = lists.prepare(folder / "out", format="mmaction_videos", **given)[""]
    return [(video.path, video.label, video.frames) for video in manifest.videos]


def test_accents_are_found_however_they_are_composed(tmp_path):
    nfc, nfd = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    put_video(tmp_path / "v" / nfd, tmp_path, frames=9)
    assert listed(tmp_path, f"{nfc}.mp4") == [(f"{nfd}.mp4", 0, 9)]
    put_video(tmp_path / "v" / nfc, tmp_path, frames=12)
    assert listed(tmp_path, f"{nfc}.mp4", f"{nfd}.mp4") == [(f"{nfc}.mp4", 0, 12), (f"{nfd}.mp4", 1, 9)]


def test_backslashes_of_windows(tmp_path):
    """A video that is missing is not taken for that of another class's folder, and nothing leads out."""
    put_video(tmp_path / "v" / "zumba" / "1", tmp_path, frames=9)
    put_video(tmp_path / "v" / "zumba" / "2", tmp_path, frames=12)
    rows = listed(tmp_path, "zumba\\1.mp4", "D:\\data\\zumba\\2.mp4", "dance\\1.mp4", "..\\..\\1.mp4")
    assert rows == [("zumba/1.mp4", 0, 9), ("zumba/2.mp4", 1, 12), ("dance/1.mp4", 0, 0)]
    assert "leads out of the dataset's root" in (tmp_path / "out" / "problems.txt").read_text()


def test_backslashes_that_are_part_of_a_name(tmp_path):
    put_video(tmp_path / "v" / "a\\1", tmp_path, frames=9)
    assert listed(tmp_path, "a\\1.mp4") == [("a\\1.mp4", 0, 9)]


@pytest.mark.parametrize("pattern", ["%05d.jpg", "../x/{:05d}.jpg", "img.jpg", "/a/{:05d}.jpg", ""])
def test_a_frame_pattern_that_cannot_be_is_told_before_anything_is_scanned(tmp_path, pattern):
    put_frames(tmp_path / "v" / "x", frames=3)
    with pytest.raises(ValueError, match="--frame-pattern .* must be a file name with one number"):
        listed(tmp_path, "x", frame_pattern=pattern)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("pattern", ["{{1}}_{:05d}.jpg", "{:05d}_}}.jpg"])
def test_braces_in_the_names_of_frames(tmp_path, pattern):
    put_frames(tmp_path / "v" / "x", frames=3, pattern=pattern)
    assert listed(tmp_path, "x", frame_pattern=pattern) == [("x", 0, 3)]


def test_a_folder_without_its_first_frame_does_not_decide_for_others(tmp_path):
    for name in "ab":
        put_frames(tmp_path / "v" / name, frames=3)
    (tmp_path / "v" / "a" / "00001.jpg").unlink()
    assert listed(tmp_path, "a", "b") == [("a", 0, 0), ("b", 1, 3)]


def test_what_is_no_file_is_told_as_that(tmp_path):
    os.mkfifo(tmp_path / "fifo.mp4")
    (tmp_path / "zero.mp4").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "door.mp4"))
        for name in ("fifo.mp4", "zero.mp4", "door.mp4"):
            assert "but a pipe or a device" in scan_one(name, root=str(tmp_path), source="video").status


def test_a_list_keeps_no_blank_at_a_name_s_ends(tmp_path):
    with pytest.raises(ValueError, match="cannot be a line of optplan"):
        write_list(tmp_path / "t.txt", [Entry(" a.mp4", 0, "train", frames=3)], "optplan")


@pytest.mark.parametrize("name", ["a ", "\u00a0a", "\ta"])
def test_a_class_keeps_no_blank_at_its_ends(tmp_path, name):
    rows = [Video("a.mp4", 0, "train", None, None, 3, 0.0, 40, 32)]
    write_manifest(tmp_path / "m", name="n", classes=[name, "b"], videos=rows, mirror_pairs=())
    with pytest.raises(ValueError, match="m: class .* has blanks at an end; who reads classes.txt drops them"):
        export.run(tmp_path / "m", out=tmp_path / "out", format="optplan")
    assert not (tmp_path / "out").exists()


def test_a_byte_order_mark_in_a_name_is_refused_before_it_is_written(tmp_path):
    """A script that read a text file with one wrote it into its JSON; a manifest of it could not be read again."""
    (tmp_path / "x.json").write_text(json.dumps({"labels": ["\ufeffa"], "database": {}}))
    with pytest.raises(ValueError, match=r"x.json: a class must have a name, one line of text, not '\\ufeffa'"):
        read_database(tmp_path / "x.json")
    with pytest.raises(ValueError, match="classes.txt, line 1"):
        write_manifest(tmp_path / "m", name="n", classes=["\ufeffa"], videos=[], mirror_pairs=())


def test_a_dot_in_a_folder_s_name_is_exported(tmp_path):
    """Two clips of one recording, v1.0 and v1.1, are not both v1."""
    for name in ("v1.0", "v1.1"):
        put_frames(tmp_path / name, frames=3)
    rows = [Video(name, 0, "train", None, None, 3, 0.0, 40, 32) for name in ("v1.0", "v1.1")]
    frames = {"source": "frames", "frame_pattern": "{:05d}.jpg", "first_index": 1}
    write_manifest(tmp_path / "m", name="n", root="..", classes=["a"], videos=rows, mirror_pairs=(), **frames)
    export.run(tmp_path / "m", out=tmp_path / "out", format="efficient3dcnns")
    assert set(json.loads((tmp_path / "out" / "n.json").read_text())["database"]) == {"v1.0", "v1.1"}
