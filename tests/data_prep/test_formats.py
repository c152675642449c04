"""The label files of the five systems: read as typed from their documentation, written as they read them."""

import json

import pytest

from data_prep.__main__ import main
from data_prep.formats import read_database, read_lists, read_mmaction_json, write_database, write_list
from data_prep.labels import Entry
from lib.data import Video, write_manifest

CLASSES = tuple(f"class {i}" for i in range(60))
# format, the documentation's example, what it says: (path, label, the other numbers)
EXAMPLES = [
    ("tsn", b"12345 48 17\n", [("12345", 17, {"frames": 48})]),
    ("tsn", b"100218 48 53", [("100218", 53, {"frames": 48})]),
    (
        "optplan",
        b"abseiling/0347ZoDXyP0_000095_000105 300 0\nmy videos/clip one.mp4 128 17\n",
        [
            ("abseiling/0347ZoDXyP0_000095_000105", 0, {"frames": 300}),
            ("my videos/clip one.mp4", 17, {"frames": 128}),
        ],
    ),
    (
        "mmaction_videos",
        b"zumba/AAAAAAAAAAA_000005_000015.mp4 1\nair_drumming/BBBBBBBBBBB_000120_000130.mp4 0\n",
        [("zumba/AAAAAAAAAAA_000005_000015.mp4", 1, {}), ("air_drumming/BBBBBBBBBBB_000120_000130.mp4", 0, {})],
    ),
    (
        "mmaction_rawframes",
        b"zumba/AAAAAAAAAAA_000005_000015 3 1\n",
        [("zumba/AAAAAAAAAAA_000005_000015", 1, {"frames": 3})],
    ),
    ("mmaction_offset", b"some/long_video 12 163 3\n", [("some/long_video", 3, {"offset": 12, "frames": 163})]),
]
FLAT = b"""{"labels": ["ApplyEyeMakeup", "ApplyLipstick"],
 "database": {"v_ApplyEyeMakeup_g08_c01": {"subset": "training", "annotations": {"label": "ApplyEyeMakeup"}},
              "v_ApplyEyeMakeup_g01_c01": {"subset": "validation", "annotations": {"label": "ApplyEyeMakeup"}}}}
"""
NESTED = b"""{"labels": ["abseiling", "acting in play"],
 "database": {"training": {"abc_000010_000020.mp4": {"subset": "training", "annotations": {"label": "abseiling"}, "n_frames": 300}},
              "validation": {"yq_M1PMw2hY_000038_000048.mp4": {"subset": "validation", "annotations": {"label": "abseiling"}, "n_frames": 250}}}}
"""  # noqa: E501


@pytest.mark.parametrize("form, content, said", EXAMPLES)
def test_lists_are_read_and_written(tmp_path, form, content, said):
    (tmp_path / "list.txt").write_bytes(content)
    listing = read_lists({"train": tmp_path / "list.txt"}, CLASSES, form)
    assert listing.problems == []
    got = [(entry.key, entry.label, entry.split) for entry in listing.entries]
    assert got == [(path, label, "train") for path, label, _ in said]
    for entry, (_, _, numbers) in zip(listing.entries, said, strict=True):
        assert {name: getattr(entry, name) for name in numbers} == numbers
    entries = [Entry(path, label, "train", **numbers) for path, label, numbers in said]
    write_list(tmp_path / "again.txt", entries, form)
    assert (tmp_path / "again.txt").read_bytes() == content.rstrip(b"\n") + b"\n"


def test_separators_that_people_use(tmp_path):
    """GST's lists have tabs, the public Kinetics list commas; the last line may lack its newline."""
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbfa b\t48\t1\r\nc,300,12\r\n\r\nd, 5, 3")
    listing = read_lists({"val": tmp_path / "list.txt"}, CLASSES, "tsn")
    assert [(e.key, e.frames, e.label) for e in listing.entries] == [("a b", 48, 1), ("c", 300, 12), ("d", 5, 3)]


def test_a_line_of_separators_is_no_video(tmp_path):
    (tmp_path / "list.txt").write_bytes(b",\n , ,\na.mp4 1\n")
    listing = read_lists({"val": tmp_path / "list.txt"}, CLASSES, "mmaction_videos")
    assert [entry.key for entry in listing.entries] == ["a.mp4"]
    assert len(listing.problems) == 2 and all(line.startswith("list.txt, line ") for line in listing.problems)


def test_what_a_list_cannot_hold_is_not_written(tmp_path):
    for form, entry in (("tsn", Entry("a b", 0, "train", frames=3)), ("optplan", Entry("a", 0, "train"))):
        with pytest.raises(ValueError, match=f"cannot be a line of {form}: path, frames, label"):
            write_list(tmp_path / "list.txt", [entry], form)
    with pytest.raises(ValueError, match="no list format 'csv'; there are tsn, optplan"):
        write_list(tmp_path / "list.txt", [], "csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content, nested, first", [(FLAT, False, None), (NESTED, True, 300)])
def test_the_json_of_efficient_3dcnns(tmp_path, content, nested, first):
    (tmp_path / "a.json").write_bytes(content)
    listing = read_database(tmp_path / "a.json")
    assert listing.problems == [] and listing.classes == tuple(json.loads(content)["labels"])
    assert [(e.label, e.split) for e in listing.entries] == [(0, "train"), (0, "val")]
    assert listing.entries[0].frames == first
    write_database(tmp_path / "b.json", listing.classes, listing.entries, nested=nested)
    assert json.loads((tmp_path / "b.json").read_bytes()) == json.loads(content)


def test_the_json_of_mmaction2(tmp_path):
    rows = b'[{"frame_dir": "zumba/a", "total_frames": 3, "label": [1]}, {"filename": "b.mp4", "label": [1, 2]}]'
    (tmp_path / "a.json").write_bytes(rows)
    listing = read_mmaction_json({"val": tmp_path / "a.json"}, CLASSES)
    assert [(e.key, e.label, e.frames) for e in listing.entries] == [("zumba/a", 1, 3)]
    assert "a.json, video 2" in listing.problems[0] and "one label" in listing.problems[0]


EXPORTS = {
    "tsn": {
        "category.txt": "up\ndown\n",
        "train_videofolder.txt": "x/a.mp4 12 1\n",
        "val_videofolder.txt": "x/b.mp4 5 0\n",
    },
    "optplan": {
        "classes.txt": "up\ndown\n",
        "tiny_train_list.txt": "x/a.mp4 12 1\n",
        "tiny_val_list.txt": "x/b.mp4 5 0\n",
    },
    "mmaction_videos": {
        "label_map.txt": "up\ndown\n",
        "tiny_train_list_videos.txt": "x/a.mp4 1\n",
        "tiny_val_list_videos.txt": "x/b.mp4 0\n",
    },
    "efficient3dcnns": {
        "tiny.json": '{"labels": ["up", "down"], "database": {"a": {"subset": "training", "annotations": {"label": '
        '"down"}}, "b": {"subset": "validation", "annotations": {"label": "up"}}}}'
    },
}


@pytest.mark.parametrize("form", EXPORTS)
def test_a_manifest_as_label_files(tmp_path, form):
    rows = [
        Video("x/a.mp4", 1, "train", None, None, 12, 30.0, 40, 32),
        Video("x/b.mp4", 0, "val", None, None, 5, 30.0, 40, 32),
        Video("x/c.mp4", 0, "val", None, None, 0, 0.0, 0, 0, "empty file"),
    ]
    write_manifest(tmp_path / "tiny", name="tiny", classes=["up", "down"], videos=rows, mirror_pairs=())
    main(f"export {tmp_path / 'tiny'} --format {form} --out {tmp_path / 'lists'}".split())
    assert {file.name: file.read_text() for file in (tmp_path / "lists").iterdir()} == EXPORTS[form]


def test_segments_are_not_exported(tmp_path):
    row = Video("a.mp4", 0, "train", 0.1, 0.2, 12, 30.0, 40, 32)
    write_manifest(tmp_path / "tiny", name="tiny", classes=["up"], videos=[row], mirror_pairs=())
    with pytest.raises(SystemExit, match="a.mp4 is a segment; no format here has start and end"):
        main(f"export {tmp_path / 'tiny'} --format tsn --out {tmp_path / 'lists'}".split())
