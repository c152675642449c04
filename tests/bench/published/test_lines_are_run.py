"""bench/published/README.md: its lines are run, at toy size."""

import re

import pytest
import torch

from bench.__main__ import main
from data_prep.__main__ import main as prepare
from lib import create_model, load_published
from lib.data import read_manifest
from lib.run import ROOT
from lib.weights.published import save_published

PAGE = (ROOT / "bench" / "published" / "README.md").read_text(encoding="utf-8")
CODE = [code for line in PAGE.splitlines() for code in re.findall(r"`([^`]+)`", line)]
HEAVY = ("ircsn_152", "rubiksnet_tiny", "dg_p3d_50")  # half a minute each
EXTRACTS = [
    pytest.param(line, marks=[pytest.mark.long] * (line.split()[4] in HEAVY), id=" ".join(line.split()[4:8:3]))
    for line in CODE
    if line.startswith("python -m bench extract ")
]
# what a protocol gets here, so that its net sees few small clips
TOY = {
    "csn_10x3": ["--frames", "4", "--clips", "1"],
    "optplan_20x3": ["--clips", "1"],
    "cakes_1clip": ["--frames", "4"],
}
FILES = {"mobilenet3d": "kinetics_mobilenet_1.0x_RGB_16_best.pth"}  # as published: the pixels go by the name


def saved(name, folder, num_classes=8):
    """A file in the published layout, with random weights."""
    torch.manual_seed(0)
    path = folder / FILES.get(name, f"{name}.pth")
    save_published(name, create_model(name, num_classes=num_classes), path)
    return str(path)


@pytest.mark.parametrize("line", EXTRACTS)
def test_a_checkpoint_is_looked_at_its_scores_extracted_and_merged(line, tiny_shapes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _, _, _, command, name, _, _, *options = line.split()
    weights, protocol = saved(name, tmp_path), options[options.index("--protocol") + 1]
    main(["checkpoint", weights])
    assert name in capsys.readouterr().out
    shown = [str(tiny_shapes / "shape"), *options, "--size", "32", *TOY.get(protocol, [])]
    main([command, name, weights, *shown])
    main(["merge", "scores.npz"])
    said = capsys.readouterr().out
    assert protocol in said and "10 videos" in said and "top-1" in said


@pytest.mark.parametrize("line", sorted({line for line in CODE if line.startswith("load_published(")}))
def test_published_weights_are_loaded(line, tmp_path):
    name = re.search(r'"(\w+)"', line)[1]
    net = eval(line, {"load_published": load_published, "FILE": saved(name, tmp_path, 174)})
    assert isinstance(net, torch.nn.Module)


def test_lists_go_out_and_come_back_in_the_form_of_optimization_planning(tiny_shapes, tmp_path, monkeypatch):
    """Both lines, one after the other: the same videos, labels and splits."""
    monkeypatch.chdir(tmp_path)
    lines = {line.split()[3]: line.split()[3:] for line in CODE if line.startswith("python -m data_prep ")}
    given = read_manifest(tiny_shapes / "shape")
    assert prepare([str(tiny_shapes / "shape") if word.startswith("data/") else word for word in lines["export"]]) == 0
    files = {f"{split}.txt": f"lists/{given.name}_{split}_list.txt" for split in ("train", "val")}
    places = {**files, "VIDEOS": str(given.root), "classes.txt": "lists/classes.txt"}
    assert prepare([*(places.get(word, word) for word in lines["lists"]), "--workers", "0", "--no-progress"]) == 0
    found = read_manifest("data/lists")
    for split in ("train", "val"):
        assert {(v.path, v.label) for v in found.split(split)} == {(v.path, v.label) for v in given.split(split)}
