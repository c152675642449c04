"""Every dataset, from every source: label files as people have them, a manifest, a training step, an evaluation."""

from importlib import import_module

import pytest
import torch
from tiny_videos import put_frames, put_video
from torch import nn
from trees import SOURCES, TREES, Tree, build

from data_prep.__main__ import main
from lib.data import ClipDataset, own_protocol, read_manifest
from lib.train import fit


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


def train_and_evaluate(manifest, folder):
    """One step, an evaluation of val, and of test if there is one.  -> how many videos were tested"""
    head = nn.Linear(4, len(manifest.classes))
    net = nn.Sequential(nn.Conv3d(3, 4, 3, stride=2), nn.AdaptiveAvgPool3d(1), nn.Flatten(), head)
    before = net[0].weight.detach().clone()
    splits = [
        ClipDataset(manifest, split, own_protocol(4, 16, short_side=20), train=split == "train")
        for split in ("train", "val", "test")
        if manifest.split(split)
    ]
    record = fit(folder, net, *splits, epochs=1, batch_size=len(splits[0]), progress=False)
    assert not torch.equal(net[0].weight, before)
    return record["test"]["videos"] if "test" in record else len(splits[1])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", TREES)
def test_from_what_is_downloaded_to_a_trained_net(tmp_path, scratch, name, source):
    tree = TREES[name]
    root, labels = build(tree, tmp_path, scratch, source)
    module, common = import_module(f"data_prep.datasets.{tree.module}"), {"workers": 0, "progress": False}
    manifests = module.prepare(tmp_path / "out", root=root, labels=labels, **tree.options, **common)
    manifest = read_manifest(tmp_path / "out" / tree.home)
    assert manifests == {tree.home: manifest}
    assert manifest.source == source and manifest.classes == tree.classes
    assert (manifest.mirror_pairs, manifest.unmirrored) == (tree.mirror_pairs, tree.unmirrored)
    assert {(stem(video, tree), video.label, video.split) for video in manifest.videos} == tree.rows
    assert {video.status for video in manifest.videos} == {"ok"}
    for video in manifest.videos:
        place = next(i for i, path in enumerate(tree.videos) if path.endswith(stem(video, tree)))
        assert (video.frames, video.height, video.width) == (11 + place % 2, 32, 40)
    journal = (tmp_path / "out" / "scan.jsonl").read_bytes()
    assert module.prepare(tmp_path / "out", root=root, labels=labels, **tree.options, **common) == manifests
    assert (tmp_path / "out" / "scan.jsonl").read_bytes() == journal, "nothing is scanned twice"
    tested = "test" if manifest.split("test") else "val"
    assert train_and_evaluate(manifest, tmp_path / "run") == len([row for row in tree.rows if row[2] == tested])


def stem(video, tree):
    return video.path.rsplit("/", 1)[-1].removesuffix(tree.suffix)


def test_sources_agree_on_the_frames(tmp_path, scratch):
    """The same JPEG images from a folder and from LMDB are the same clip; the video shows the same picture."""
    clips = []
    for source in SOURCES:
        root, labels = build(TREES["jester_text"], tmp_path / source, scratch, source)
        out = tmp_path / source / "out"
        main(f"jester --root {root} --labels {labels} --out {out} --workers 0 --no-progress".split())
        dataset = ClipDataset(read_manifest(out), "val", own_protocol(5, 32), train=False)
        clips.append(dataset[0, 0][0].float())
    assert torch.equal(clips[1], clips[2])
    assert (clips[0] - clips[1]).abs().mean() < 12


@pytest.mark.parametrize("source", SOURCES)
def test_optplan_lists(tmp_path, scratch, source):
    """Paths with blanks, a last line without newline; frames in LMDB as optplan keeps them."""
    (tmp_path / "train.txt").write_bytes(b"abseiling/0347ZoDXyP0_000095_000105 11 0\nmy videos/clip one.mp4 12 17")
    (tmp_path / "val.txt").write_bytes(b"my videos/clip two.mp4 11 3\r\n")
    (tmp_path / "classes.txt").write_bytes(b"\n".join(b"class %d" % i for i in range(18)))
    videos = ("abseiling/0347ZoDXyP0_000095_000105.mp4", "my videos/clip one.mp4", "my videos/clip two.mp4")
    tree = Tree("lists", {}, videos, set(), (), suffix="")
    for i, video in enumerate(videos):
        if source == "video":
            put_video(tmp_path / "root" / video.removesuffix(".mp4"), scratch, frames=11 + i % 2)
    root = tmp_path / "root" if source == "video" else build(tree, tmp_path, scratch, source)[0]
    if source != "video":  # the list names this one without a suffix
        (root / videos[0]).rename(root / videos[0].removesuffix(".mp4"))
    files = {name: tmp_path / f"{name}.txt" for name in ("train", "val", "classes")}
    lists = import_module("data_prep.datasets.lists")
    (manifest,) = lists.prepare(
        tmp_path / "out", root=root, format="optplan", **files, workers=0, progress=False
    ).values()
    rows = [(video.label, video.split, video.frames, video.status) for video in manifest.videos]
    assert rows == [(0, "train", 11, "ok"), (17, "train", 12, "ok"), (3, "val", 11, "ok")]
    assert (tmp_path / "out" / "problems.txt").read_text() == ""
    assert train_and_evaluate(manifest, tmp_path / "run") == 1


def test_published_counts_are_what_is_expected(tmp_path, scratch):
    tree = TREES["ucf101"]
    root, labels = build(tree, tmp_path, scratch, "video")
    ucf101 = import_module("data_prep.datasets.ucf101")
    options = {"root": root, "labels": labels, "splits": (1,), "workers": 0, "progress": False}
    manifest = ucf101.prepare(tmp_path / "whole", **options, hold_out=0)["split1"]
    assert manifest.expected == {"train": 9537, "test": 3783} and manifest.found == {"train": 4, "test": 2}
    manifest = ucf101.prepare(tmp_path / "held", **options)["split1"]
    assert manifest.expected == {"train": 9535, "val": 2, "test": 3783}
    assert manifest.found == {"train": 2, "val": 2, "test": 2}


def test_a_published_val_becomes_test_when_train_gives_a_new_one(tmp_path, scratch):
    root, labels = build(TREES["something_v1"], tmp_path, scratch, "frames")
    for number, line in enumerate([b"100219;Holding something\n", b"100220;Holding something\n"]):
        with open(labels / "something-something-v1-train.csv", "ab") as file:
            file.write(line)
        put_frames(root / f"{100219 + number}", frames=5)
    prepare = import_module("data_prep.datasets.something_v1").prepare
    manifest = prepare(tmp_path / "out", root=root, labels=labels, hold_out=0.2, workers=0, progress=False)[""]
    assert manifest.found == {"train": 3, "val": 1, "test": 1}
    assert [video.path[-5:] for video in manifest.split("test")] == ["74225"]


def test_a_dry_run_writes_nothing(tmp_path, scratch, capsys):
    root, labels = build(TREES["jester_text"], tmp_path, scratch, "frames")
    main(f"jester --root {root} --labels {labels} --out {tmp_path / 'out'} --dry-run".split())
    told = capsys.readouterr().out
    assert "expected {'train': 118562, 'val': 14787}, listed {'train': 2, 'val': 1}, there {'train': 2" in told
    assert "3 of 3 videos under" in told and not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["kinetics", "lists", "check", "reencode", "export"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"example: python -m data_prep {command} " in capsys.readouterr().out
