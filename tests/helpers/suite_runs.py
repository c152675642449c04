"""Run folders of a suite without its trainings: jobs, and records whose predictions give the wanted accuracies.

And what two outputs of one suite, run in different ways, must have in common.
"""

import pandas as pd

from bench.report.tables import TIMED
from bench.runner.listed import id_of
from lib.evaluate.intervals import wilson_interval
from lib.files import write_json

ORIGIN = dict.fromkeys(("device", "torch", "commit", "date"), "x") | {"threads": 1}


def a_test(top1, videos=8, turn=0):
    """The record of a test with this top-1 in points; `turn` moves the right answers along the videos."""
    right = round(top1 * videos / 100)
    predicted = [0] * right + [1] * (videos - right)
    predicted = predicted[turn:] + predicted[:turn]
    low, high = wilson_interval(right, videos)
    shares = {"top1": 100 * right / videos, "top1_low": 100 * low, "top1_high": 100 * high}
    rest = {"top5": 100.0, "clip_top1": 100 * right / videos, "videos": videos, "views": 1, "classes": 8}
    return {**shares, **rest, "labels": [0] * videos, "predicted": predicted}


def a_job(label, rule, options, notebook="a_notebook"):
    """An entry of jobs.json; its id is its options'."""
    told = {"rule": rule, "notebook": notebook, "options": options}
    return {"id": id_of(label, **told), **told}


def home_of(runs, label):
    """The folder of the job whose id begins with `label`."""
    return next(folder for folder in sorted(runs.iterdir()) if folder.name.rpartition("-")[0] == label)


def write_runs(folder, nets, costs=None, videos=8):
    """A suite's run folder.

    nets   [(model, {seed: top-1}, further options)]
    costs  {model: GMACs}, or None: the job of the costs failed
    """
    jobs = []
    for model, tops, *further in nets:
        options = {"model": model, "options": {}, "frames": 8, "size": 64, "labels": "motion", "data": "shapes-1"}
        options |= further[0] if further else {}
        for seed, top1 in tops.items():
            jobs.append(a_job(f"run-{len(jobs)}", "train", {**options, "seed": seed}))
            if top1 is not None:
                test, seconds = a_test(top1, videos), 1 + len(jobs) / 1000  # no two trainings take as long
                record = {"test": test, "history": [{"seconds": seconds}], "provenance": ORIGIN}
                write_json(folder / jobs[-1]["id"] / "done.json", record)
    jobs.append(a_job("costs", "costs", {}))
    if costs:
        figures = {"params_m": 0.1, "mbytes_moved": 9.0, "latency_ms_p50": 5.0, "threads": 2}
        net = {"options": {}, "frames": 8, "size": 64}
        rows = [{"model": model, **net, "gmacs": gmacs, **figures} for model, gmacs in costs.items()]
        write_json(folder / jobs[-1]["id"] / "done.json", {"nets": rows, "provenance": {**ORIGIN, "device": "timed"}})
    write_json(folder / "jobs.json", {"jobs": jobs})
    return folder


def write_search(folder, searches, **further_options):
    """A suite's run folder of searches: {(id, seed): {variant: top-1 or (top-1, further figures)}}."""
    jobs = []
    for (name, seed), variants in searches.items():
        options = {"model": "p3d_nano", "labels": "motion", "seed": seed, "size": 48, "data": "shapes-1"}
        options |= further_options
        jobs.append(a_job(f"{name}-{seed}", "search", options, name))
        kept = {}
        origin = {**ORIGIN, "date": f"second {len(jobs)}"}
        for variant, top1 in variants.items():
            top1, further = top1 if isinstance(top1, tuple) else (top1, {})
            kept[variant] = {"test": a_test(top1, 100), **further}
        write_json(folder / jobs[-1]["id"] / "done.json", {"variants": kept, "provenance": origin})
    write_json(folder / "jobs.json", {"jobs": jobs})
    return folder


def same_results(a, b, suite="smoke"):
    """Equal tables but for what was timed; equal figures, byte for byte."""
    for name in ("runs", "trade_off", "differences", "searches", "search_runs", "rematch"):
        paths = [out / "results" / suite / f"{name}.csv" for out in (a, b)]
        if not any(path.exists() for path in paths):  # a suite without searches
            continue
        first, second = map(pd.read_csv, paths)
        timed = [column for column in TIMED if column in first]
        pd.testing.assert_frame_equal(first.drop(columns=timed), second.drop(columns=timed))
    figures = [out / "results" / suite / "trade_off.svg" for out in (a, b)]
    assert figures[0].read_bytes() == figures[1].read_bytes()
