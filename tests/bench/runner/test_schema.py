"""Suites as people write them: each mistake is one line that names the key, before anything runs."""

import json
import re

import pytest

from bench.runner.suite import load_suite
from bench.runner.yaml_files import read_suite
from lib import create_model
from lib.models.subkernels import SubKernelConv
from lib.recipe import RECIPE, RULES, complete
from lib.search.subkernels.search import write_deal

DATA = "data: {videos: 24, frames: 8, size: 32}\n"


def run(text):
    return f"{DATA}train:\n  runs:\n    - {{model: c2d_nano, frames: 4, size: 32, {text}}}\n"


MISTAKES = [
    ("train: {runs: []}", "needs data"),
    ("[]", "a suite is a mapping"),
    ("", "a suite is a mapping"),
    (f"{DATA}train: {{runs: [{{model: c2d_nano, frames: 1024, size: 1024, batch_size: 1024}}]}}", "batch of 12288 GiB"),
    (f"{DATA}1: 2", "the key 1 is no text; write it in quotes"),
    (f"{DATA}tran: {{}}", "the suite has no key 'tran'; there are about, data, train"),
    (f"{DATA}train: null", "train must be a mapping"),
    (f"{DATA}train: {{run: []}}", "train has no key 'run'; there are defaults, seeds, runs"),
    (f"{DATA}train: {{runs: c2d_nano}}", "train.runs must be a list"),
    (f"{DATA}train: {{runs: [c2d_nano]}}", "train.runs, entry 1 must be a mapping"),
    (f"{DATA}train: {{runs: [{{epochs: 3}}]}}", "train.runs, entry 1 needs a model"),
    (f"{DATA}train: {{seeds: 3, runs: []}}", "train.seeds must be a list of whole numbers"),
    (f"{DATA}train: {{seeds: [0, 0], runs: []}}", "without repetitions"),
    (f"{DATA}train: {{seeds: [true], runs: []}}", "whole numbers"),
    (f"{DATA}train: {{seeds: [-1], runs: []}}", "whole numbers"),
    (f"{DATA}searches: [{{parameters: {{}}}}]", "searches, entry 1 needs a notebook"),
    (f"{DATA}searches: [{{notebook: 06}}]", "searches, entry 1.notebook must be text"),
    (f"{DATA}searches: [{{notebook: 99_nothing}}]", "no notebook '99_nothing'; there are 00_quickstart"),
    (f"{DATA}lessons: [{{notebook: ../../x}}]", "no notebook '../../x'"),
    (f"{DATA}lessons: [{{notebook: 14_trade_offs, seeds: [0]}}]", "lessons, entry 1 has no key 'seeds'"),
    (f"{DATA}searches: [{{notebook: 11_search_sub_kernels, parameters: {{epoch: 1}}}}]", "no parameter 'epoch'"),
    (f"{DATA}searches: [{{notebook: 11_search_sub_kernels, parameters: {{model: cakes}}}}]", "cakes"),
    (f"{DATA}costs: {{timed_run: 3}}", None),
    ("data: {videos: 24, frame: 8}", "no parameter 'frame'"),
    ("data: {videos: 24, size: 33}", "size is 33; it must be even"),
    ("data: {videos: 3}", "at least 9"),
    ("data: {videos: '24'}", "videos should be int"),
    ("data: {videos: 24}\ndata: {videos: 25}", "the key 'data' stands twice"),
    (run("epochs: 1, epochs: 2"), "the key 'epochs' stands twice"),
    (run("epoch: 1"), "no parameter 'epoch'"),
    (run("epochs: 0"), "10_training.ipynb: epochs must be a whole number from 1 to 100000, not 0"),
    (run("epochs: '3'"), "epochs should be int, not '3'"),
    (run("learning_rate: '5e-1'"), "learning_rate should be float, not '5e-1'"),
    (run("learning_rate: -1"), "learning_rate must be a number from 0"),
    (run("learning_rate: 1e999"), "too large"),
    (run("cached: no"), "cached should be bool or int, not 'no'"),
    (run("cached: 1"), "cached must be true, false or a quality of JPEG from 50 to 95, not 1"),
    (run("cached: 96"), "cached must be true, false or a quality of JPEG from 50 to 95, not 96"),
    (run("recipe: {lable_smoothing: 0.1}"), "recipe: no training option 'lable_smoothing'; there are epochs"),
    (run("recipe: {schedule: cosin}"), "recipe: schedule must be 'cosine' or 'steps' or 'constant', not 'cosin'"),
    (run("recipe: {mixup: '5e-1'}"), "recipe: mixup must be a number from 0 to 1000, not .5e-1. .it is text: write"),
    (run("recipe: {class_sampling: even}"), "recipe: class_sampling must be 'natural'"),
    (run("recipe: {class_weights: {a: 1}}"), "recipe: class_weights must be 'equal', 'inverse'"),
    (run("recipe: {class_weights: ['2', 1]}"), "recipe: class_weights must be"),
    (run("recipe: {class_weights: [2, 1]}"), "recipe: class_weights has 2 numbers, but the videos have 8 classes"),
    (run("recipe: {milestones: [0.9, 0.5]}"), "milestones must be a list of rising fractions"),
    (run("recipe: {nesterov: no}"), "nesterov must be true or false"),
    (run("recipe: [mixup]"), "recipe should be dict"),
    (run("sampling: {segmens: 1}"), "sampling: .*segmens"),
    (run("freeze: backbones"), "freeze: no 'backbones'; it can be"),
    (run("options: {early_strid: 1}"), "early_strid"),
    (run("options: {dropout: '5e-1'}"), "c2d_nano: dropout should be float, such as 0.0, not '5e-1'"),
    (run("options: {frozen_bn: no}"), "frozen_bn should be bool"),
    (run("weights: nothing.pth"), "nothing.pth"),
    (run("run_dir: /tmp"), "run_dir is filled in by the runner"),
    (run("<<: {epochz: 3}"), "no parameter 'epochz'"),
    (run("<<: {epochs: 1, epochs: 2}"), "the key 'epochs' stands twice"),
    (run("<<: {epochs: 1}, <<: {epochs: 2}"), "the key '<<' stands twice"),
    (run("seed: 3"), r"train.runs, entry 1 has seed: write seeds: \[0\], a list"),
    (run("recipe: {seed: 3}"), "recipe: seed stands beside recipe, not in it"),
    (run("recipe: {epochs: 3}"), "recipe: epochs stands beside recipe"),
    (run("recipe: {milestones: [0.5]}"), "recipe: milestones are of schedule: steps; it is cosine"),
    (run("epochs: 2, recipe: {warmup_epochs: 5}"), "recipe: warmup_epochs: 5 are more than the training's 2 epochs"),
    (run("options: {in_channels: 1}"), "c2d_nano cannot take 4 frames of 32 x 32 pixels: Net takes clips of .*N, 1"),
    (run("weights: ~/a.pth"), "weights: there is no file '~/a.pth': ~ is the shell's"),
    (run("weights: https://x.org/a.pth"), "weights: there is no file 'https://x.org/a.pth': download it"),
    (run("weights: /tmp"), r"weights: there is no file '/tmp' \(it is a folder\)"),
    (f"{DATA}train: {{defaults: {{seed: 3}}, runs: []}}", r"train.defaults has seed: write seeds: \[0\], a list, in"),
    (f"{DATA}train: {{defaults: {{seeds: [0, 1]}}, runs: []}}", "train.defaults has seeds: they stand in train"),
    (f"{DATA}train: {{defaults: {{epcohs: 3}}, runs: []}}", "no parameter 'epcohs'"),
    (f"{DATA}train: {{defaults: {{epochs: x}}, runs: [{{model: c2d_nano, epochs: 1}}]}}", "epochs should be int"),
    (f"{DATA}train:\n  runs: [{{model: c2d_nano, learning_rate: 1}}, {{model: c2d_nano, learning_rate: 1.0}}]",
     "two runs are the same"),
    (f"{DATA}searches: [{{notebook: 12_plan_the_optimization, parameters: {{seed: 3}}}}]", "has seed: write seeds"),
    (f"{DATA}searches: [{{notebook: 11_search_sub_kernels, parameters: {{model: c2d_nano}}}}]", "c2d_nano: .*no 3x3x3"),
    (f"{DATA}searches: [{{notebook: 12_plan_the_optimization, parameters: {{options: {{a: 1}}}}}}]", "no option 'a'"),
    (f"{DATA}lessons: [{{notebook: 10_training, parameters: {{model: c2d_nan}}}}]", "no model 'c2d_nan'"),
    (f"{DATA}costs: {{nets: []}}", "costs has nets: all nets of train are counted"),
    (f"{DATA}train:\n  runs:\n    - {{model: shufflenet3d, frames: 8, size: 112}}\n", "it takes 16, 32"),
    (f"{DATA}train:\n  runs:\n    - {{model: c2d_nanoo}}\n", "c2d_nano"),
    (f"{DATA}train:\n  runs:\n    - {{model: [c2d_nano]}}\n", "model should be str"),
    ("a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b]\n"
     "d: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c]", "10000 values"),
    ("about: &a [*a]", "levels"),
    ("about: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
    ("[" * 3000, "recursion|nested"),
    ("data: {videos: 24\n", "while parsing"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), [case for case in MISTAKES if case[1]])
def test_a_mistake_is_said_before_anything_runs(text, message, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^mine.yaml: (.|\n)*({message})") as error:
        load_suite(path)
    assert len(str(error.value)) < 1500


def test_words_are_those_of_yaml_1_2(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: 1e-5\nb: 5e-1\nc: no\nd: on\ne: 1:30\nf: 010\ng: 2026-01-01\nh: [~, true, -3, .5, null]\ni:\n")
    found = read_suite(path)
    assert found == {"a": 1e-5, "b": 0.5, "c": "no", "d": "on", "e": "1:30", "f": 10, "g": "2026-01-01",
                     "h": [None, True, -3, 0.5, None], "i": None}  # fmt: skip


def test_merge_keys_and_aliases_work(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n")
    assert read_suite(path)["b"] == {"x": 1, "y": 3} and read_suite(path)["c"] == {"x": 1, "y": 2}


def test_what_is_written_goes_before_what_is_merged_however_often(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3}\nc: &c {<<: *b, y: 4}\nd: {<<: [*c, *a], x: 5}\ne: *b\n")
    found = read_suite(path)
    assert [found[name] for name in "bcd"] == [{"x": 1, "y": 3}, {"x": 1, "y": 4}, {"x": 5, "y": 4}]
    path.write_text("a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3, x: 4}\n")
    with pytest.raises(ValueError, match="the key 'x' stands twice"):
        read_suite(path)


def test_every_training_option_has_a_rule_and_its_default_fits():
    assert RULES.keys() == RECIPE.keys()
    assert complete(dict(RECIPE)) == RECIPE


@pytest.mark.parametrize("name", ["published", "shipped", "notebooks", "costs", "gpu"])
def test_no_suite_writes_where_results_are_committed(name, tmp_path):
    path = tmp_path / f"{name}.yaml"
    path.write_text(run("epochs: 1"))
    with pytest.raises(ValueError, match=f"no suite can be called {name}: results/{name} holds other things"):
        load_suite(path)


@pytest.mark.parametrize("name", [".hidden", "a\nb", "x" * 240])
def test_a_suites_name_is_one_part_of_a_path(name, tmp_path):
    path = tmp_path / f"{name}.yaml"
    try:
        path.write_text(run("epochs: 1"))
    except OSError:
        pytest.skip("no such file name here")
    with pytest.raises(ValueError, match="the suite's name"):
        load_suite(path)


def test_a_deal_can_be_a_path_or_stand_inline(tmp_path):
    """Ids are short slugs, whatever an option holds."""
    layers = [m for m in create_model("cakes_nano").modules() if isinstance(m, SubKernelConv)]
    deal = [{kind: len(weight) for kind, weight in layer.weights().items()} for layer in layers]
    write_deal(tmp_path / "deal {a}.json", deal)
    path, ids = tmp_path / "mine.yaml", set()
    for value in (str(tmp_path / "deal {a}.json"), deal):
        options = f"options: {{plan: {json.dumps(value)}}}"
        path.write_text(f"{DATA}train:\n  runs:\n    - {{model: cakes_nano, frames: 4, size: 32, {options}}}\n")
        ids.add(load_suite(path).jobs[1].id)
    assert all(re.fullmatch(r"[\w.=+-]{1,90}", id, re.ASCII) for id in ids) and len(ids) == 2
