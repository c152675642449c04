"""The standard suite searches on the base graph of the paper, with enough seeds; at smoke size it runs to its end."""

import pandas as pd
import pytest
import yaml

from bench.runner.run import run_suite
from bench.runner.suite import SUITES, load_suite

NOTEBOOK = "12_plan_the_optimization"


def test_the_base_graph_three_seeds_and_all_schedules():
    jobs = [job.options for job in load_suite("standard").jobs if job.notebook == NOTEBOOK]
    assert len({options["seed"] for options in jobs}) >= 3
    for options in jobs:
        assert (len(options["segments"]), len(options["factors"])) == (3, 3), "9 states"
        assert (options["attempt_epochs"], options["cap"]) == (5, 40)
        assert {schedule for schedule, _ in options["rivals"]} == {"cosine", "constant", "steps"}
        assert ["cosine", "path"] in options["rivals"] and ["cosine", "search"] in options["rivals"]


@pytest.mark.long
def test_at_smoke_size(tmp_path):
    spec = yaml.safe_load((SUITES / "standard.yaml").read_text())
    (entry,) = [entry for entry in spec["searches"] if entry["notebook"] == NOTEBOOK]
    tiny = {"size": 32, "batch_size": 8, "clips_per_epoch": 16, "attempt_epochs": 1, "cap": 2, "toy": 2}
    entry = {**entry, "seeds": [0, 1], "parameters": {**entry["parameters"], **tiny}}
    path = tmp_path / "tiny.yaml"
    data = {"videos": 72, "frames": 16, "size": 32, "seed": 2}
    path.write_text(yaml.safe_dump({"data": data, "searches": [entry]}))
    assert run_suite(path, out=tmp_path, cores=2, jobs=2) == 0
    rows = pd.read_csv(tmp_path / "results" / "tiny" / "search_runs.csv")
    assert set(rows.seed) == {0, 1} and rows.groupby("seed").variant.nunique().tolist() == [5, 5]
    same = rows[rows.variant.str.contains("path")].train_gmacs.to_numpy()
    planned = rows[rows.variant == "planned"].train_gmacs.to_numpy().repeat(3)
    one_epoch = 3 * 16 * 0.01
    assert (abs(same - planned) < one_epoch).all(), "of the same training cost, to an epoch"
    assert (tmp_path / "results" / "tiny" / f"{NOTEBOOK}.svg").exists()
