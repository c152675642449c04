"""The papers' suites: each is checked whole on a stand-in of its dataset, and says the published numbers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from stand_in import golden, stand_in, write_stand_in

from bench.runner.estimate import lines
from bench.runner.suite import SUITES, load_suite
from lib.run import ROOT
from lib.schedules import learning_rate_factor
from lib.search.schedule import published_schedules
from lib.search.schedule.staged import schedule_recipe, stage_recipe, stages

PAPERS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((SUITES / "papers").glob("*.yaml"))}
STARTED = ("cakes", "csn_ig65m", "optplan")  # those that start from weights
SCRATCH = sorted(set(PAPERS) - set(STARTED))
LONG = pytest.mark.long
NETS = {"cakes": 10, "csn": 4, "csn_ig65m": 3, "efficient3dcnns": 20, "jester": 20, "optplan": 5, "rubiksnet": 5}


@pytest.fixture(scope="module")
def home(tiny_shapes, tmp_path_factory):
    """A folder where every suite finds the manifest that it names, and weights that fit."""
    home = tmp_path_factory.mktemp("papers")
    for spec in PAPERS.values():
        folder = home / spec["data"]["manifest"]
        folder.parent.mkdir(exist_ok=True)
        if not folder.exists():
            folder.symlink_to(tiny_shapes / "motion")
    return home


@pytest.fixture(scope="module")
def weights(home):
    (home / "weights").mkdir()
    torch.save(stand_in("optplan/imagenet_resnet50"), home / "weights" / "resnet50-19c8e357.pth")
    for layout, name in {"csn/ircsn_r50": "ircsn_r50_ig65m", "csn/vmz_ircsn_r152": "ircsn_r152_ig65m"}.items():
        write_stand_in(layout, home / "weights").rename(home / "weights" / f"{name}.pth")


@pytest.fixture
def at_home(home, monkeypatch):
    monkeypatch.chdir(home)


def check(name):
    """It expands, asks for what can be had, and says in its head the hours that its estimate comes to."""
    suite = load_suite(f"papers/{name}")
    trainings = [job for job in suite.jobs if job.rule == "train"]
    assert len(trainings) == NETS[name] and suite.resources["train"]["gpus"] == 1
    text = (SUITES / "papers" / f"{name}.yaml").read_text()
    videos = re.search(rf"bench status papers/{name} --estimate a100 --videos ([\d,]+)$", text, re.MULTILINE)[1]
    said = float(re.search(r"^# a100: (\d+)$", text, re.MULTILINE)[1])
    counted = float(lines(suite, "a100", videos)[-1].split()[0])
    assert abs(said - counted) <= 0.5, f"{name}: {counted:.0f} GPU-hours, its head says {said}"
    assert "Not as published, or not known" in text


@pytest.mark.parametrize("name", ["rubiksnet", *(pytest.param(name, marks=LONG) for name in SCRATCH[:-1])])
def test_a_suite_from_scratch(name, at_home):
    check(name)


@LONG
@pytest.mark.parametrize("name", STARTED)
def test_a_suite_from_weights(name, at_home, weights):
    check(name)


@pytest.mark.parametrize("name", ["rubiksnet", *(pytest.param(name, marks=LONG) for name in SCRATCH[:-1])])
def test_a_dry_run_plans_every_job(name, home, tmp_path):
    command = [sys.executable, "-m", "bench", "run", f"papers/{name}", "--out", str(tmp_path), "--"]
    command += ["--dry-run", "--quiet", "host"]
    said = subprocess.run(command, cwd=home, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    log = (tmp_path / "runs" / name / "snakemake.log").read_text()
    assert f"{NETS[name] + 1} of {NETS[name] + 1} runs to do" in said.stdout, said.stderr
    assert re.search(rf"^job +{NETS[name] + 1}$", log, re.MULTILINE), log[-2000:]


def rates(name, epochs, run=0):
    """A suite's learning rates at the beginnings of these epochs, from 0, of 1000 steps each."""
    train = PAPERS[name]["train"]
    options = {**train["defaults"], **train["runs"][run]}
    recipe, total = options["recipe"], 1000 * options["epochs"]
    how = {"milestones": recipe["milestones"]} if recipe["schedule"] == "steps" else {}
    how["warmup_steps"] = 1000 * recipe["warmup_epochs"]
    return [options["learning_rate"] * learning_rate_factor(1000 * e, total, recipe["schedule"], **how) for e in epochs]


def test_efficient3dcnns_rates_are_those_of_its_code():
    (published,) = golden("efficient3dcnns/pipeline")["lr_schedule"]
    wanted = {int(epoch) - 1: rate * (1 - 0.9) for epoch, rate in published["lr"].items()}  # dampening
    assert rates("efficient3dcnns", wanted) == pytest.approx(list(wanted.values()))


def test_cakes_rates_are_those_of_its_code():
    rows = golden("cakes/data_schedule")["schedule"][0]["rows"]
    wanted = {row["epoch"]: row["groups"]["normal_weight"] for row in rows if row["epoch"] > 5 and row["iter"] == 0}
    assert wanted and rates("cakes", wanted) == pytest.approx([rate for rate, _ in wanted.values()])
    assert {decay for _, decay in wanted.values()} == {PAPERS["cakes"]["train"]["defaults"]["weight_decay"]}


def test_csns_rates_are_those_of_mmaction2():
    tuned, _ = golden("csn/protocol")["lr_0x"]
    wanted = {epoch: rate for epoch, iteration, rate in tuned["epoch_iter_lr"] if epoch >= 16 and iteration == 0}
    assert len(wanted) == 3 and rates("csn_ig65m", wanted) == pytest.approx(list(wanted.values()))


@pytest.mark.parametrize("run", PAPERS["optplan"]["train"]["runs"], ids=lambda run: run["model"])
def test_optplans_recipe_is_the_released_one(run):
    (schedule,) = [s for s in published_schedules().values() if s["model"] == run["model"] and "nodes" not in s]
    (stage,) = stages(schedule)
    options = PAPERS["optplan"]["train"]["defaults"]
    said = ("epochs", "batch_size", "learning_rate", "weight_decay")
    ours = {**options["recipe"], **{key: options[key] for key in said}}
    assert {**stage_recipe(stage, gpus=4), **schedule_recipe(schedule)} == pytest.approx({**ours, "momentum": 0.9})
    assert (stage["num_segments"], stage["clip_length"]) == (options["sampling"]["segments"], options["frames"])


def test_their_sums_of_clips_are_the_published_batches():
    def batch(name, run=0):
        options = {**PAPERS[name]["train"]["defaults"], **PAPERS[name]["train"]["runs"][run]}
        return options["batch_size"] * options["recipe"].get("accumulate", 1)

    assert [batch(name) for name in sorted(PAPERS) if name != "jester"] == [96, 32, 24, 64, 256, 64]
    assert batch("cakes", -1) == 24


def test_pixels_belong_to_the_weights(at_home, tmp_path):
    torch.save({}, tmp_path / "w.pth")
    (tmp_path / "x.yaml").write_text(
        "data: {videos: 24}\ntrain: {runs: [{model: p3d_18, frames: 4, size: 32, sampling: {pixels: imagenet}, "
        f"weights: {tmp_path / 'w.pth'}}}]}}\n"
    )
    with pytest.raises(ValueError, match="sampling: pixels is of nets without weights"):
        load_suite(Path(tmp_path / "x.yaml"))
