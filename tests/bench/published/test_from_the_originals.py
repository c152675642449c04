"""bench/published/README.md: every command exists, every net can be built, the suite can be run."""

import argparse
import re
from importlib import import_module

import pytest
import torch
import yaml
from trees import TREES, build

from bench import __main__ as bench
from bench.runner.parameters import check_parameters, parameters_of
from data_prep import __main__ as data_prep
from lib import create_model
from lib.run import ROOT

PAGE = (ROOT / "bench" / "published" / "README.md").read_text(encoding="utf-8")
CODE = [code for line in PAGE.splitlines() for code in re.findall(r"`([^`]+)`", line)]
# dataset: the tree in miniature that its line is run on
MADE_OF = {"kinetics": "kinetics_csv", "jester": "jester_text", "ucf101": "ucf101", "something_v2": "something_v2"}
MINIATURE = {"ucf101": ["--splits", "1"]}  # the tree has one of the three


@pytest.mark.parametrize("line", [c for c in CODE if re.match(r"python -m (bench|data_prep) \w+ ", c)])
def test_every_command_takes_these_options(line):
    _, _, package, command, *options = line.split()
    parser, house = argparse.ArgumentParser(), {"bench": bench, "data_prep": data_prep}[package]
    getattr(house, "add_shared", lambda *_: None)(command, parser)
    import_module(house.COMMANDS[command]).add_arguments(parser)
    parser.parse_args(options)


@pytest.mark.parametrize("line", [c for c in CODE if c.startswith("python -m data_prep") and c.split()[3] in MADE_OF])
def test_data_is_prepared_by_its_line(line, tmp_path, tmp_path_factory):
    dataset = line.split()[3]
    root, labels = build(TREES[MADE_OF[dataset]], tmp_path, tmp_path_factory.getbasetemp(), "video")
    places = {"VIDEOS": str(root), "LABELS": str(labels)}
    words = [places.get(word, word.replace("data/", f"{tmp_path}/data/")) for word in line.split()[3:]]
    assert data_prep.main([*words, *MINIATURE.get(dataset, []), "--workers", "0", "--no-progress"]) == 0
    assert list((tmp_path / "data").rglob("manifest.csv"))


@pytest.mark.parametrize("line", [c for c in CODE if c.startswith("create_model(")])
def test_nets_are_built(line):
    with torch.device("meta"):
        assert isinstance(eval(line, {"create_model": create_model}), torch.nn.Module)


@pytest.mark.parametrize("line", [c for c in CODE if c.startswith("{model:")])
def test_what_stands_in_a_suite_is_a_net(line):
    said = yaml.safe_load(line)
    with torch.device("meta"):
        create_model(said["model"], **said["options"])


@pytest.mark.parametrize("line", [c for c in CODE if c.startswith("papermill ")])
def test_notebooks_have_these_parameters(line):
    _, notebook, _, *words = line.split()
    values = {name: yaml.safe_load(value) for name, value in zip(words[1::3], words[2::3], strict=True)}
    check_parameters(ROOT / notebook, values)


def test_the_suite_has_known_parameters():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    train = yaml.safe_load(text)["train"]
    known = parameters_of(ROOT / "notebooks" / "10_training.ipynb")
    for run in train["runs"]:
        assert {**train["defaults"], **run}.keys() <= known.keys()
        create_model(run["model"], **run["options"])
