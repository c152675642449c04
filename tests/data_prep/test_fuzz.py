"""Every reader of label files and manifests, on files that are wrong in any way: a clear refusal names the file.

A few examples here, 1,000 a reader in `make test-long`.
"""

import json
from functools import partial
from importlib import import_module

import pytest
from damage import damaged, every_odd_value, examples_of, write
from trees import TREES

from data_prep.datasets import hmdb51, ucf101
from data_prep.formats import LISTS, read_database, read_list_files, read_lists, read_mmaction_json
from data_prep.labels import find_files
from lib.data import Video, read_manifest, write_manifest

CLASSES = b"one\ntwo\nthree\n"
LINES = {"tsn": b"12345 48 2\n7 3 0\n", "optplan": b"a b.mp4 128 1\n", "mmaction_videos": b"z/A.mp4 1\n",
         "mmaction_rawframes": b"z/A 3 1\n", "mmaction_offset": b"v 12 163 2\n"}  # fmt: skip
SEGMENTS = (
    b'{"labels": ["a", "b"], "database": {"v": {"subset": "training", "annotations": {"label": "a", "segment": [1, 9]}}'
    b', "w": {"subset": "testing", "annotations": {}}}}'
)


def of_tree(name, folder):
    tree = TREES[name]
    if tree.module == "hmdb51":
        return hmdb51.read_split(folder, tree.options["splits"][0])
    layouts = ucf101.layouts(tree.options["splits"][0]) if tree.module == "ucf101" else module(tree.module).LAYOUTS
    files, read = find_files(folder, layouts)
    return read(files)


def module(name):
    return import_module(f"data_prep.datasets.{name}")


def of_list(form, folder):
    return read_list_files({"train": folder / "train.txt", "classes": folder / "classes.txt"}, form)


# reader: its files as they should be, f(folder) -> Listing
READERS = {name: (tree.files, partial(of_tree, name)) for name, tree in TREES.items()}
READERS |= {form: ({"train.txt": line, "classes.txt": CLASSES}, partial(of_list, form)) for form, line in LINES.items()}
READERS["one_based"] = (
    {"train.txt": b"a.mp4 1\n"},
    lambda folder: read_lists({"train": folder / "train.txt"}, ["a"], "mmaction_videos", first_label=1),
)
READERS["mmaction_json"] = (
    {"train.json": b'[{"frame_dir": "zumba/a", "total_frames": 3, "label": [1]}, {"filename": "b.mp4", "label": [1]}]'},
    lambda folder: read_mmaction_json({"train": folder / "train.json"}, ["a", "b"]),
)
READERS["segments_in_frames"] = ({"a.json": SEGMENTS}, lambda folder: read_database(folder / "a.json"))
READERS["segments_in_seconds"] = (
    {"a.json": SEGMENTS}, lambda folder: read_database(folder / "a.json", unit="seconds")
)  # fmt: skip
READERS["jester_mirror"] = (
    {name: b"video_id,label,frames\n1,Swiping Left,12\n2,Swiping Up,12\n" for name in ("Train.csv", "Validation.csv")},
    lambda folder: module("jester").read_mirror({"train": folder / "Train.csv", "val": folder / "Validation.csv"}),
)


def assert_clear(read, folder, names):
    """It returns what can be used, or refuses; either way each line names a file, and is short, on one line."""
    try:
        listing = read(folder)
    except (ValueError, OSError) as error:
        assert type(error) in (ValueError, FileNotFoundError), repr(error)
        told = [str(error)]
    else:
        told = listing.problems
        for entry in listing.entries:
            assert 0 <= entry.label < len(listing.classes) and entry.key.encode() and "\n" not in entry.key
    for line in told:
        assert any(name in line for name in (*names, folder.name)), line
        assert len(line) < 6000 and "\n" not in line.strip(), line


def run(name, folder, examples):
    contents, read = READERS[name]
    write(folder, contents)
    assert read(folder).entries, "the files are read as they should be"

    @examples_of(damaged(contents), examples)
    def check(wrong):
        write(folder, wrong)
        assert_clear(read, folder, wrong)

    check()


@pytest.mark.parametrize("name", READERS)
def test_label_files(tmp_path, name):
    run(name, tmp_path, 25)


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_label_files_long(tmp_path, name):
    run(name, tmp_path, 1000)


@pytest.mark.long
@pytest.mark.parametrize(
    "name", [name for name, (files, _) in READERS.items() if any("json" in file for file in files)]
)
def test_every_odd_value_of_label_files(tmp_path, name):
    contents, read = READERS[name]
    for file in [file for file in contents if file.endswith(".json")]:
        for wrong in every_odd_value(contents[file]):
            write(tmp_path, contents | {file: wrong})
            assert_clear(read, tmp_path, contents)


ROWS = [
    Video("videos/a.mp4", 0, "train", None, None, 30, 29.97, 86, 64),
    Video("videos/b, c.mp4", 1, "train", 0.5, 0.9, 30, 30.0, 86, 64),
    Video("videos/d.mp4", 1, "val", None, None, 0, 0.0, 0, 0, "cannot be read"),
]


def manifest_files(folder):
    """A dataset's three files; the hash is left out, else it is what refuses."""
    write_manifest(folder, name="tiny", classes=["left", "right", "up"], videos=ROWS, mirror_pairs=[(0, 1)])
    contents = {file.name: file.read_bytes() for file in folder.iterdir()}
    dataset = json.loads(contents["dataset.json"])
    del dataset["hash"]
    return contents | {"dataset.json": json.dumps(dataset).encode()}


def assert_clear_manifest(folder, names):
    try:
        manifest = read_manifest(folder)
    except (ValueError, FileNotFoundError) as error:
        assert type(error) in (ValueError, FileNotFoundError), repr(error)
        assert any(name in str(error) for name in names), error
    else:
        assert all(manifest.root / video.path for video in manifest.videos)


def run_manifest(folder, examples):
    contents = manifest_files(folder)

    @examples_of(damaged(contents), examples)
    def check(wrong):
        write(folder, wrong)
        assert_clear_manifest(folder, contents)

    check()


def test_every_odd_value_of_a_manifest(tmp_path):
    contents = manifest_files(tmp_path)
    for wrong in every_odd_value(contents["dataset.json"]):
        (tmp_path / "dataset.json").write_bytes(wrong)
        assert_clear_manifest(tmp_path, contents)


def test_manifests(tmp_path):
    run_manifest(tmp_path, 60)


@pytest.mark.long
def test_manifests_long(tmp_path):
    run_manifest(tmp_path, 1500)


def test_every_format_is_tried():
    assert set(LISTS) == set(LINES)
