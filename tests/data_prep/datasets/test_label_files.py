"""Label files with mistakes: each gives its clear line, and the good part is used."""

from importlib import import_module

import pytest
from trees import TREES, build

from data_prep.class_names import read_classes
from data_prep.labels import Listing, find_files, read_table
from data_prep.splits import mirror_pairs

# a tree, one of its label files, its content with a mistake; the line that tells, and how many videos remain
MISTAKES = [
    ("jester_text", "trainlist.txt", b"34870 2\n100118\n", "trainlist.txt, line 2: '100118' must be: path, label", 2),
    ("jester_text", "trainlist.txt", b"34870 2\n100118 4\n", "trainlist.txt, line 2: class 3 is out of range 0..2", 2),
    ("jester_text", "trainlist.txt", b"34870 2\n100118 0\n1 3\n", "trainlist.txt, line 2: class -1 is out of range", 2),
    (
        "jester_text",
        "trainlist.txt",
        b"34870 2\n34870 3\n",
        "line 2: '34870' is listed twice; trainlist.txt, line 1",
        2,
    ),
    ("jester_text", "vallist.txt", b"9223 1\n34870 2\n", "vallist.txt, line 2: '34870' is listed twice", 3),
    ("jester_text", "trainlist.txt", b"./34870 2\n34870 3\n", "'34870' is the file of trainlist.txt, line 1 again", 2),
    (
        "jester_text",
        "trainlist.txt",
        b"34870 2\n../../34870 3\n",
        "line 2: '../../34870' leads out of the dataset's",
        2,
    ),
    ("jester_text", "trainlist.txt", b"34870 2\n/etc/34870 3\n", "line 2: '/etc/34870' leads out of the dataset's", 2),
    ("jester_text", "trainlist.txt", b"34870 2\n10\xff0118 3\n", r"line 2: b'10\xff0118 3' is not UTF-8", 2),
    ("jester_text", "trainlist.txt", b"34870 2\na\0b 3\n", r"line 2: 'a\x00b' is not the name of a video", 2),
    ("jester_text", "trainlist.txt", b"\xef\xbb\xbf34870 2\r\n100118 3", None, 3),
    ("jester_20bn", "jester-v1-train.csv", b"34870;Swiping\n56557;Doing other things", "no class 'Swiping' among", 2),
    ("jester_20bn", "jester-v1-train.csv", b"34870\n56557;Doing other things", "line 1: '34870' must be: id;label", 2),
    ("ucf101", "trainlist01.txt", b"ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi\n", "line 1: .* and a class number", 2),
    ("ucf101", "testlist01.txt", b"v_ApplyEyeMakeup_g01_c01.avi", "line 1: .* must be: class/video", 4),
    ("hmdb51", "wave_test_split3.txt", b"50_FIRST_DATES_wave_u_cm_np1_fr_goo_30.avi 3\n", "then 0, 1 or 2", 4),
    (
        "kinetics_csv",
        "kinetics_val.csv",
        b"label,youtube_id,time_start,time_end,split\r\nabseiling,yq_M1PMw2hY,38,48,val\r\nzumba,short,1",
        "kinetics_val.csv, line 3: 'zumba,short,1' has 3 columns instead of 5",
        4,
    ),
    (  # more than Python's reader takes for one cell
        "kinetics_csv",
        "kinetics_val.csv",
        b"label,youtube_id,time_start,time_end,split\r\nabseiling,yq_M1PMw2hY,38,48,val\r\n" + b"x" * 140_000,
        "kinetics_val.csv, line 3: .* has 0 columns instead of 5",
        4,
    ),
    (
        "kinetics_csv",
        "kinetics_val.csv",
        b"label,youtube_id,time_start,time_end,split\nabseiling,yq_M1PMw2hY,soon,48,val\n",
        "kinetics_val.csv, line 2: 'soon', '48' must be seconds",
        3,
    ),
    ("something_v2", "something-something-v2-train.json", b'[{"id": "78687"}]', "video 1: .* must have an id and a", 1),
    ("diving48", "Diving48_V2_train.json", b'[{"vid_name": "6mCFrFoZXyQ_00001", "label": 9}]', "class 9 is out of", 1),
    (
        "activitynet",
        "activity_net.v1-3.min.json",
        b'{"database": {"sJ1jKxGuFGs": {"subset": "training", "annotations": [{"segment": [0.2, 0.1], "label": "A"},'
        b' {"segment": [0, "x"], "label": "A"}, {"segment": [0.1, 0.3], "label": "A"}]}}}',
        r"the segment 0.2..0.1 s of 'sJ1jKxGuFGs' is empty",
        1,
    ),
    (
        "activitynet",
        "activity_net.v1-3.min.json",
        b'{"database": {"sJ1jKxGuFGs": {"subset": "training", "annotations": [{"segment": [0.5, 0.6], "label": "A"},'
        b' {"segment": [0.1, 0.3], "label": "A"}]}, "sJ1jKxGuFGs": {"subset": "validation"}}}',
        r"activity_net.v1-3.min.json: 'sJ1jKxGuFGs' is listed twice; the first counts",
        1,
    ),
]


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize("name, file, content, line, usable", MISTAKES)
def test_a_mistake_gives_its_line_and_the_rest_is_used(tmp_path, scratch, capsys, name, file, content, line, usable):
    tree = TREES[name]
    root, labels = build(tree, tmp_path, scratch, "video")
    (labels / file).write_bytes(content)
    prepare = import_module(f"data_prep.datasets.{tree.module}").prepare
    (manifest,) = prepare(tmp_path / "out", root=root, labels=labels, workers=0, **tree.options).values()
    told, problems = capsys.readouterr().out, (tmp_path / "out" / "problems.txt").read_text().splitlines()
    assert sum(manifest.found.values()) == usable
    if line is None:
        assert problems == []
    else:
        matching = [problem for problem in problems if all(part in problem for part in line.split(" .* "))]
        assert matching and matching[0] in told


# a tree, one of its label files, its content; the words of the ValueError
FATAL = [
    ("jester_text", "classInd.txt", b"1 a\n3 b\n", "classInd.txt: class 2 is missing"),
    ("jester_text", "classInd.txt", b"1 a\n1 b\n", "classInd.txt, line 2: class '1 b' stands twice"),
    ("jester_text", "classInd.txt", b"1 a\n2 \xff\n", "classInd.txt, line 2: .* is not UTF-8"),
    ("jester_text", "classInd.txt", b"a\n", "classInd.txt, line 1: 'a' must be a number and a class name"),
    ("jester_text", "trainlist.txt", b"1 1\n", "no listed video is under .*: listed are 1, .* there are 20bn-jester"),
    ("kinetics_csv", "kinetics_train.csv", b"youtube_id,time_start\n", "line 1: column label, time_end is missing"),
    ("kinetics_csv", "train.csv", b"", "which one is .train..csv. kinetics_train.csv, train.csv; keep one"),
    ("kinetics_json", "kinetics.json", b'{"labels": [', "kinetics.json is not JSON: Expecting value"),
    ("kinetics_json", "kinetics.json", b'{"labels": []}', 'kinetics.json: "database" is missing'),
    ("something_v2", "something-something-v2-labels.json", b'{"a": "1"}', "must give every class a number, from 0"),
    ("something_v2", "something-something-v2-train.json", b"{}", "train.json must be a list of videos"),
]


@pytest.mark.parametrize("name, file, content, words", FATAL)
def test_a_file_that_cannot_be_understood(tmp_path, scratch, name, file, content, words):
    root, labels = build(TREES[name], tmp_path, scratch, "video")
    if name == "jester_text" and file == "trainlist.txt":
        (labels / "vallist.txt").write_bytes(b"")
    (labels / file).write_bytes(content)
    prepare = import_module(f"data_prep.datasets.{TREES[name].module}").prepare
    with pytest.raises(ValueError, match=words):
        prepare(tmp_path / "out", root=root, labels=labels, workers=0)
    assert not (tmp_path / "out").exists()


def test_videos_that_are_not_there(tmp_path, scratch):
    root, labels = build(TREES["jester_text"], tmp_path, scratch, "video")
    (root / "20bn-jester-v1" / "34870.mp4").unlink()
    options = {"root": root, "labels": labels, "workers": 0, "progress": False}
    manifest = import_module("data_prep.datasets.jester").prepare(tmp_path / "out", **options)[""]
    assert {video.path: video.status for video in manifest.videos if video.status != "ok"} == {
        "34870": "not found under the root"
    }


def test_listed_frame_counts_are_compared_not_believed(tmp_path, scratch, capsys):
    root, labels = build(TREES["something_v2_cakes"], tmp_path, scratch, "frames")
    prepare = import_module("data_prep.datasets.something_v2").prepare
    manifest = prepare(tmp_path / "out", root=root, labels=labels, workers=0)[""]
    assert {video.path[-5:]: video.frames for video in manifest.split("train")} == {"12345": 11}
    line = "train_video_folder.txt, line 1: '12345' is listed with 48 frames, 11 are there"
    problems = (tmp_path / "out" / "problems.txt").read_text().splitlines()
    assert line in capsys.readouterr().out and problems[1:] == [line] and "never mirrored" in problems[0]


def test_segments_need_constant_times(tmp_path, scratch):
    """A part of a video is found by its seconds: past the end, or without a rate, it is not."""
    tree, content = TREES["activitynet"], b'{"database": {"a": {"subset": "training", "annotations": [%s]}}}'
    root, labels = build(tree, tmp_path, scratch, "frames")
    (root / "v_sJ1jKxGuFGs").rename(root / "v_a")
    parts = b'{"segment": [0.1, 0.3], "label": "A"}, {"segment": [0.7, 0.8], "label": "A"}'
    (labels / "activity_net.v1-3.min.json").write_bytes(content % parts)
    prepare, options = import_module("data_prep.datasets.activitynet").prepare, {"workers": 0, "progress": False}
    for fps, statuses in (
        (30.0, ["ok", "it starts at 0.7 s, but the video ends at 0.37 s"]),
        (0.0, ["it is a part of a video: where it starts needs a frame rate, --fps"] * 2),
    ):
        manifest = prepare(tmp_path / f"out{fps}", root=root, labels=labels, fps=fps, **options)[""]
        assert [video.status for video in manifest.videos] == statuses


def test_offsets_become_times(tmp_path, scratch):
    root, labels = build(TREES["jester_text"], tmp_path, scratch, "frames")
    (labels / "train.txt").write_bytes(b"34870 3 5 1\n")
    (labels / "classes.txt").write_bytes(b"up\ndown\n")
    options = {"train": labels / "train.txt", "classes": labels / "classes.txt", "workers": 0, "progress": False}
    lists = import_module("data_prep.datasets.lists")
    manifest = lists.prepare(tmp_path / "out", root=root, format="mmaction_offset", fps=12.0, **options)[""]
    assert manifest.videos[0].frame_range() == range(3, 8)


@pytest.mark.parametrize(
    "classes, pairs",
    [
        (["Swiping Left", "Stop", "Swiping Right"], [(0, 2)]),
        (["from left to right", "from right to left"], [(0, 1)]),
        (["Clockwise", "Counterclockwise", "CleanAndJerk", "cartwheel"], [(0, 1)]),
        (["upright", "leftovers"], []),
        (["turning left", "stop"], []),
        (["TurnLeft", "TurnRight", "anticlockwise", "clockwise"], [(0, 1), (2, 3)]),
        (["pulling it right out", "left", "all right"], []),
    ],
)
def test_mirror_pairs_by_name(classes, pairs):
    assert mirror_pairs(classes) == pairs


def test_a_split_is_one_that_a_manifest_knows():
    """A reader that hands on its files' own word would lose these videos later, or with a hold-out make them test's."""
    listing = Listing(["a"])
    listing.add("x.txt, line 1", "one", 0, "train")
    listing.add("x.txt, line 2", "two", 0, "training")
    assert [entry.key for entry in listing.entries] == ["one"]
    assert listing.problems == ["x.txt, line 2: split 'training' of 'two' must be train, val, test"]


def test_small_helpers(tmp_path):
    with pytest.raises(ValueError, match="twice: a"):
        Listing(["a", "b", "a"])
    with pytest.raises(ValueError, match="holds no label files that are known: a.txt, b.txt; or c.json"):
        find_files(tmp_path, [({"x": "a.txt", "y": "b.txt"}, None), ({"z": "c.json"}, None)])
    with pytest.raises(ValueError, match="no such folder of label files"):
        find_files(tmp_path / "missing", [])
    (tmp_path / "a.csv").write_bytes(b'label,id\n"massaging, slowly",3\n')
    assert [row for _, row in read_table(tmp_path / "a.csv", ("id",), [])] == [
        {"label": "massaging, slowly", "id": "3"}
    ]
    (tmp_path / "classes.txt").write_bytes(b"a b\r\nc")
    assert read_classes(tmp_path / "classes.txt") == ("a b", "c")
