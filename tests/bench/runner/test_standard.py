"""The standard suite asks what it should; at smoke size it runs to its end."""

import pandas as pd
import pytest
import yaml

from bench.report.shipped_seeds import SHIPPED
from bench.runner.run import run_suite
from bench.runner.suite import SUITES, load_suite
from bench.runner.tune import read_tries
from data_prep.moving_shapes import split_counts
from lib.evaluate.comparisons import SEEDS_FOR_A_VERDICT
from lib.models import system_of
from lib.recipe import RECIPE, complete

SPEC = yaml.safe_load((SUITES / "standard.yaml").read_text())
SYSTEMS = ("Efficient-3DCNNs", "CSN", "RubiksNet", "CAKES", "Optimization Planning")
TINY = {"size": 32, "epochs": 1, "batch_size": 8}


def test_learned_shifts_beside_fixed_ones_and_none():
    shifts = [job.options for job in load_suite("standard").jobs if job.options.get("model") == "rubiksnet_nano"]
    assert {each["options"].get("shift") for each in shifts} >= {None, "fixed-cube", "fixed", "none"}


def test_enough_nets_seeds_and_videos():
    """Twelve nets with five seeds, of all five systems; three widths of each light family; 512 videos to test on."""
    jobs = load_suite("standard").jobs
    seeds = {}
    for options in (job.options for job in jobs if job.rule == "train"):
        seeds.setdefault((options["model"], str(options["options"])), set()).add(options["seed"])
    many = [net for net, found in seeds.items() if len(found) >= 5]
    assert len(many) >= 12 and {system_of(model) for model, _ in many} >= set(SYSTEMS)
    assert min(map(len, seeds.values())) >= SEEDS_FOR_A_VERDICT
    for light in ("mobilenet3d_nano", "shufflenet3d_nano", "mobilenetv2_3d_nano", "shufflenetv2_3d_nano"):
        assert len([net for net in many if net[0] == light]) >= 3
    (made,) = [job.options for job in jobs if job.rule == "prepare"]
    assert split_counts(made["videos"])["test"] >= 512


def test_it_ships_no_seed_that_it_was_chosen_on():
    """Nor with videos, pixels or a recipe that no net was tried with."""
    jobs = load_suite("standard").jobs
    (made,) = [job.options for job in jobs if job.rule == "prepare"]
    tries = read_tries(SHIPPED / "tuning" / "standard.yaml")  # a ValueError, were a seed of them a suite's
    tried = [settings(each["data"], each["net"], each["recipe"]) for each in tries]
    for options in (job.options for job in jobs if job.rule == "train"):
        assert settings(made, options, complete({**options["recipe"], **shared(options, RECIPE)})) in tried


def settings(data, net, recipe):
    made = map(data.get, ("videos", "frames", "size", "difficulty"))
    return [*made, net["frames"], net["size"], {**recipe, "seed": 0}]


def shared(options, names):
    return {name: options[name] for name in options.keys() & names.keys()}


@pytest.mark.long
def test_at_smoke_size(tmp_path):
    """The same jobs with one seed and tiny numbers."""
    runs = [{**run, "seeds": [0]} for run in SPEC["train"]["runs"]]
    data = {"videos": 72, "frames": 16, "size": 32, "seed": 2, "difficulty": SPEC["data"]["difficulty"]}
    train = {"defaults": {**SPEC["train"]["defaults"], **TINY}, "seeds": [0], "runs": runs}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump({"data": data, "train": train, "costs": {"timed_runs": 2}}))
    assert run_suite(path, out=tmp_path, cores=2, jobs=2) == 0
    rows = pd.read_csv(tmp_path / "results" / "tiny" / "trade_off.csv")
    assert len(rows) == len(runs) and (rows.seeds == 1).all()
