"""Tables hold what runs recorded and nothing else; figures are drawn from tables alone."""

import pandas as pd
import pytest

from bench.report import tables
from bench.report import trade_off_figure as figures
from bench.runner.suite import load_suite
from lib.files import write_json

MODELS = {"ircsn_nano": (80.0, 0.02), "c2d_nano": (12.5, 0.05), "mobilenetv2_3d_nano": (70.0, 0.01)}


@pytest.fixture
def runs(tmp_path):
    """A run folder with three finished trainings, one that is not, one of another suite, and their costs."""
    net = {"options": {}, "frames": 8, "size": 64}
    jobs = [
        {
            "id": f"{model}-0",
            "rule": "train",
            "options": {"model": model, **net, "labels": "motion", "seed": 0, "data": "d"},
        }
        for model in (*MODELS, "i3d_nano")
    ]
    costs = {"id": "costs-0", "rule": "costs", "options": {}}
    write_json(tmp_path / "plan.json", {"jobs": [*jobs, costs]})
    origin = dict.fromkeys(("device", "torch", "threads", "commit", "date"), "x")
    for model, (top1, _) in MODELS.items():
        hits = round(top1 / 12.5)
        test = {"top1": top1, "top1_low": top1 - 5, "top1_high": top1 + 5, "top5": 90.0, "clip_top1": top1}
        test |= {"videos": 8, "views": 1, "classes": 8, "labels": [0] * 8, "predicted": [0] * hits + [1] * (8 - hits)}
        record = {"test": test, "history": [{"seconds": 1.0}], "provenance": origin}
        write_json(tmp_path / f"{model}-0" / "done.json", record)
    write_json(tmp_path / "another-0" / "done.json", record)
    rows = [
        {"model": model, **net, "gmacs": gmacs, "params_m": 0.1, "mbytes_moved": 9.0, "latency_ms_p50": 5.0}
        for model, (_, gmacs) in MODELS.items()
    ]
    write_json(tmp_path / "costs-0" / "done.json", {"nets": rows, "provenance": origin})
    return tmp_path


def test_only_finished_runs_of_the_plan_are_read(runs):
    table = tables.trade_off(runs)
    assert dict(zip(table.model, table.top1, strict=True)) == {model: top1 for model, (top1, _) in MODELS.items()}
    assert dict(zip(table.model, table.gmacs, strict=True)) == {model: gmacs for model, (_, gmacs) in MODELS.items()}
    assert table.other_commit.all(), "made by another state of the code"
    assert set(table.system) == {"CSN", "Optimization Planning", "Efficient-3DCNNs"}


def test_differences_are_paired_and_honest(runs):
    pairs = tables.differences(runs).set_index(["a", "b"])
    assert len(pairs) == 3
    close = pairs.loc[("ircsn_nano", "mobilenetv2_3d_nano")]
    assert close.verdict == "not distinguishable" and close.low < 0 < close.high
    assert pairs.loc[("ircsn_nano", "c2d_nano")].verdict == "ircsn_nano is better"


def test_a_table_survives_its_file_and_its_figure_is_reproducible(runs, tmp_path):
    table = tables.trade_off(runs)
    tables.write(table, tmp_path / "results" / "mine", "trade_off")
    first = figures.trade_off(table, tmp_path / "results" / "mine")
    svg, png = first.with_suffix(".svg").read_bytes(), first.read_bytes()
    figures.redraw(tmp_path)
    assert (first.with_suffix(".svg").read_bytes(), first.read_bytes()) == (svg, png)
    assert b"ircsn_nano" in svg and "| net | labels |" in (tmp_path / "results/mine/trade_off.md").read_text()


def test_a_search_is_compared_with_what_it_found(tmp_path):
    def variant(hits, **figures):
        predicted = [0] * hits + [1] * (100 - hits)
        shares = {"top1": hits, "top1_low": hits - 5, "top1_high": hits + 5}
        return {"test": {**shares, "videos": 100, "labels": [0] * 100, "predicted": predicted}, **figures}

    options = {"model": "p3d_nano", "labels": "motion", "seed": 0, "size": 48, "data": "d"}
    jobs = [{"id": name, "rule": "search", "notebook": "search", "options": options} for name in ("one", "open")]
    write_json(tmp_path / "plan.json", {"jobs": jobs})
    origin = dict.fromkeys(("device", "torch", "threads", "commit", "date"), "x")
    variants = {"found": variant(70, epochs=9), "near": variant(68, epochs=9), "far": variant(20, outcome="capped")}
    write_json(tmp_path / "one" / "done.json", {"variants": variants, "provenance": origin})
    table = tables.searches(tmp_path)
    assert table.variant.tolist() == ["found", "near", "far"] and table.points.tolist()[1:] == [2, 50]
    assert table.verdict.tolist()[1:] == ["not distinguishable", "the found one is better"]
    assert table.epochs.tolist()[:2] == [9, 9] and table.outcome[2] == "capped"
    tables.write(table, tmp_path / "results", "searches")
    assert "| search | p3d_nano | 0 | 48 | near | 68.0 |" in (tmp_path / "results" / "searches.md").read_text()


def test_a_missing_cost_is_empty(runs):
    (runs / "costs-0" / "done.json").unlink()
    table = tables.trade_off(runs)
    assert table.gmacs.isna().all() and "ircsn_nano" in tables.to_text(table)


def test_pareto_front():
    costs, scores = [1, 2, 3, 4, 2], [50, 60, 55, 70, 60]
    assert figures.pareto_front(costs, scores) == [0, 1, 3]
    assert figures.pareto_front([1, 1], [5, 6]) == [1]


def test_unknown_costs_and_empty_results_say_so(runs, tmp_path):
    with pytest.raises(ValueError, match="no cost 'macs'; there are gmacs"):
        figures.draw_trade_off(tables.trade_off(runs), "macs")
    with pytest.raises(ValueError, match="no trade_off.csv under"):
        figures.redraw(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no tables"):
        tables.ship("mine", tmp_path)


def test_ship_copies_tables_and_figures(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROOT", tmp_path / "clone")
    table = tables.trade_off(runs)
    tables.write(table, tmp_path / "results" / "mine", "trade_off")
    tables.ship("mine", tmp_path)
    shipped = pd.read_csv(tmp_path / "clone/results/shipped/mine/trade_off.csv")
    assert shipped.model.tolist() == table.model.tolist()


def test_a_search_s_figure_is_drawn_again_from_its_table(tmp_path):
    rows = [
        {"search": "s", "variant": "found", "top1": 70.0, "top1_low": 65.0, "top1_high": 75.0, "seed": 0},
        {"search": "s", "variant": "rival", "top1": 60.0, "top1_low": 55.0, "top1_high": 65.0, "seed": 0}
        | {"points": 10.0, "low": 4.0, "high": 16.0},
    ]  # fmt: skip
    table = pd.DataFrame(rows).assign(model="p3d_nano", size=48)
    figures.searches(table, tmp_path)
    first = (tmp_path / "s.svg").read_bytes()
    table.to_csv(tmp_path / "searches.csv", index=False)
    figures.searches(pd.read_csv(tmp_path / "searches.csv"), tmp_path)
    assert (tmp_path / "s.svg").read_bytes() == first and b"+10.0 [+4.0, +16.0]" in first


def test_the_shipped_table_is_that_of_the_suite():
    shipped = pd.read_csv(tables.ROOT / "results/shipped/quick/trade_off.csv")
    trained = [job.options for job in load_suite("quick").jobs if job.rule == "train"]
    assert sorted(zip(shipped.net, shipped.labels, strict=True)) == sorted(
        (tables.net_name(options), options["labels"]) for options in trained
    )
    searches = pd.read_csv(tables.ROOT / "results/shipped/quick/searches.csv")
    assert set(searches.search) == {job.notebook for job in load_suite("quick").jobs if job.rule == "search"}
    assert not shipped.other_commit.any() and not searches.other_commit.any(), "rows of several states of the code"
