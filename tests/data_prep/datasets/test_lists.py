"""Lists of every format, from every source: typed from the projects' documentation, then a manifest, a trained net."""

import pytest
from test_trees import train_and_evaluate
from trees import SOURCES, Tree, build

from data_prep.datasets import lists

CLASSES = b"".join(b"class %d\n" % i for i in range(54))
# format: the training list and the one for val, byte for byte; videos; (name, label, split, frames shown)
LISTS = {
    "tsn": (b"12345 48 17\n", b"100218 48 53", ("12345", "100218"), [("12345", 17, 11), ("100218", 53, 12)]),
    "tsn with tabs": (
        b"12345\t48\t17\n",
        b"100218\t48\t53",
        ("12345", "100218"),
        [("12345", 17, 11), ("100218", 53, 12)],
    ),
    "optplan": (
        b"abseiling/0347ZoDXyP0_000095_000105 300 0\n",
        b"my videos/clip one.mp4 128 17\n",
        ("abseiling/0347ZoDXyP0_000095_000105", "my videos/clip one"),
        [("abseiling/0347ZoDXyP0_000095_000105", 0, 11), ("my videos/clip one", 17, 12)],
    ),
    "mmaction_videos": (
        b"zumba/AAAAAAAAAAA_000005_000015.mp4 1\n",
        b"air_drumming/BBBBBBBBBBB_000120_000130.mp4 0\r\n",
        ("zumba/AAAAAAAAAAA_000005_000015", "air_drumming/BBBBBBBBBBB_000120_000130"),
        [("zumba/AAAAAAAAAAA_000005_000015", 1, 11), ("air_drumming/BBBBBBBBBBB_000120_000130", 0, 12)],
    ),
    "mmaction_rawframes": (
        b"zumba/AAAAAAAAAAA_000005_000015 3 1\n",
        b"air_drumming/BBBBBBBBBBB_000120_000130 3 0",
        ("zumba/AAAAAAAAAAA_000005_000015", "air_drumming/BBBBBBBBBBB_000120_000130"),
        [("zumba/AAAAAAAAAAA_000005_000015", 1, 11), ("air_drumming/BBBBBBBBBBB_000120_000130", 0, 12)],
    ),
    "mmaction_offset": (
        b"some/long_video 2 163 3\n",
        b"some/clip 3 5 3\n",
        ("some/long_video", "some/clip"),
        [("some/long_video", 3, 9), ("some/clip", 3, 5)],  # the first ends with its video
    ),
    "mmaction_json": (
        b'[{"frame_dir": "zumba/AAAAAAAAAAA_000005_000015", "total_frames": 3, "label": [1]}]',
        b'[{"filename": "some/clip.mp4", "total_frames": 163, "label": [3]}]',
        ("zumba/AAAAAAAAAAA_000005_000015", "some/clip"),
        [("zumba/AAAAAAAAAAA_000005_000015", 1, 11), ("some/clip", 3, 12)],
    ),
}


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", LISTS)
def test_from_lists_to_a_trained_net(tmp_path, scratch, name, source):
    train, val, videos, rows = LISTS[name]
    files = {"train": train, "val": val, "classes": CLASSES}
    root, labels = build(Tree("lists", files, videos, set(), ()), tmp_path, scratch, source)
    files = {role: labels / role for role in files}
    options = {"root": root, "fps": 30.0, "workers": 0, "progress": False}
    manifest = lists.prepare(tmp_path / "out", format=name.split()[0], **files, **options)[""]
    told = [(v.path.removesuffix(".mp4"), v.label, len(v.frame_range())) for v in manifest.videos]
    assert told == rows and [(v.split, v.status) for v in manifest.videos] == [("train", "ok"), ("val", "ok")]
    assert manifest.source == source
    assert train_and_evaluate(manifest, tmp_path / "run") == 1


@pytest.mark.parametrize("source", SOURCES)
def test_the_json_of_efficient_3dcnns_as_a_list(tmp_path, scratch, source):
    database = b"""{"labels": ["abseiling", "acting in play"],
 "database": {"training": {"abc_000010_000020.mp4": {"subset": "training", "annotations": {"label": "abseiling"}, "n_frames": 300}},
              "validation": {"yq_M1PMw2hY_000038_000048.mp4": {"subset": "validation", "annotations": {"label": "abseiling"}, "n_frames": 250}}}}
"""  # noqa: E501
    videos = ("abseiling/abc_000010_000020", "abseiling/yq_M1PMw2hY_000038_000048")
    root, labels = build(Tree("lists", {"train": database}, videos, set(), ()), tmp_path, scratch, source)
    options = {"root": root, "train": labels / "train", "workers": 0, "progress": False}
    manifest = lists.prepare(tmp_path / "out", format="efficient3dcnns", **options)[""]
    assert [(v.label, v.split, v.frames) for v in manifest.videos] == [(0, "train", 11), (0, "val", 12)]
    assert train_and_evaluate(manifest, tmp_path / "run") == 1


def test_a_video_of_several_labels_is_a_problem(tmp_path, scratch):
    """mmaction2's multi-label line has more numbers than its offset line: nothing guesses which is meant."""
    files = {"train": b"some/clip 163 1 3 5\nzumba/a 3 1\n", "classes": CLASSES}
    root, labels = build(Tree("lists", files, ("zumba/a", "some/clip"), set(), ()), tmp_path, scratch, "frames")
    options = {"root": root, "train": labels / "train", "classes": labels / "classes", "workers": 0, "progress": False}
    manifest = lists.prepare(tmp_path / "out", format="mmaction_rawframes", **options)[""]
    assert [video.path for video in manifest.videos if video.status == "ok"] == ["zumba/a"]
