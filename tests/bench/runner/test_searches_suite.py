"""The suite `searches` asks what it should, with enough seeds and rivals; at smoke size it runs to its end."""

import pandas as pd
import pytest
import yaml

from bench.report.replayed import replayed
from bench.runner.run import run_suite
from bench.runner.suite import SUITES, load_suite

DEALS, PLAN = "11_search_sub_kernels", "12_plan_the_optimization"


def options_of(notebook):
    return [job.options for job in load_suite("searches").jobs if job.notebook == notebook]


def at_smoke_size(folder, notebook, seeds, **tiny):
    """search_runs.csv of the suite's searches by one notebook, with tiny numbers."""
    spec = yaml.safe_load((SUITES / "searches.yaml").read_text())
    entries = [{**entry, "seeds": seeds, "parameters": {**entry["parameters"], **tiny, "size": 32, "batch_size": 8}}
               for entry in spec["searches"] if entry["notebook"] == notebook]  # fmt: skip
    data = {**spec["data"], "videos": 72, "frames": 16, "size": 32}
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({"data": data, "searches": entries}))
    assert run_suite(path, out=folder, cores=2, jobs=2) == 0
    return pd.read_csv(folder / "results" / "tiny" / "search_runs.csv")


def test_deals_are_searched_with_five_seeds_and_five_random_rivals():
    for priority in ("cost", "performance"):
        mine = [o for o in options_of(DEALS) if (o["priority"], o["model"]) == (priority, "cakes_deep_nano")]
        assert len({o["seed"] for o in mine}) >= 5 and min(o["random_deals"] for o in mine) >= 5


def test_the_base_graph_five_seeds_and_every_schedule_at_both_costs():
    assert len({options["seed"] for options in options_of(PLAN)}) >= 5
    for options in options_of(PLAN):
        assert (len(options["segments"]), len(options["factors"])) == (3, 3), "9 states"
        assert (options["attempt_epochs"], options["cap"]) == (5, 40)
        asked = {(schedule, cost) for schedule in ("cosine", "constant", "steps") for cost in ("path", "search")}
        assert set(map(tuple, options["rivals"])) == asked


@pytest.mark.long
def test_deals_at_smoke_size(tmp_path):
    rows = at_smoke_size(tmp_path, DEALS, [0], epochs=1, search_epochs=1, random_deals=1, alone=[])
    assert set(rows.variant) == {"searched", "uniform", "random 1"} and set(rows.priority) == {"cost", "performance"}
    equal = rows[rows.variant != "uniform"].groupby("run").gmacs.nunique()
    assert len(equal) == 2 and (equal == 1).all()


@pytest.mark.long
def test_plans_at_smoke_size(tmp_path):
    rows = at_smoke_size(tmp_path, PLAN, [0, 1], clips_per_epoch=16, attempt_epochs=1, cap=2, toy=2)
    assert set(rows.seed) == {0, 1} and rows.groupby("seed").variant.nunique().tolist() == [8, 8]
    same = rows[rows.variant.str.contains("path")].train_gmacs.to_numpy()
    planned = rows[rows.variant == "planned"].train_gmacs.to_numpy().repeat(3)
    one_epoch = 3 * 16 * 0.01
    assert (abs(same - planned) < one_epoch).all(), "of the same training cost, to an epoch"
    assert (tmp_path / "results" / "tiny" / f"{PLAN}.svg").exists()
    again = {seed: sum(n for _, n in it.record["path"]) for (_, seed), it in replayed(tmp_path / "runs/tiny").items()}
    assert again == rows[rows.variant == "planned"].set_index("seed").train_epochs.to_dict(), "played back"
