"""What is shipped of a suite's runs: their records, no weights; enough to make its tables again."""

import json
import shutil
from pathlib import Path

from bench.report.csv_files import read_table
from lib.files import read_json, write_json

KEPT = ("done.json", "metrics.jsonl")
TOLD = ("id", "rule", "notebook", "options", "modules")  # of a job: nothing of the machine
# table: the column that names its run folders
ROWS = {"trade_off": "runs", "runs": "run", "searches": "runs", "search_runs": "run", "claims": "runs"}


def ship_runs(runs, tables, target):
    """Copy the records of the finished runs in folder `runs` to `target`, with a jobs.json of theirs.

    ValueError: a row of `tables` is of a run that is not there; nothing is copied then
    """
    runs, target = Path(runs), Path(target)
    jobs = read_json(runs / "jobs.json")["jobs"] if (runs / "jobs.json").is_file() else []
    jobs = [job for job in jobs if job["rule"] != "lesson" and (runs / job["id"] / "done.json").is_file()]
    if missing := sorted(runs_of(tables) - {job["id"] for job in jobs}):
        raise ValueError(
            f"{tables} has rows of {len(missing)} runs that {runs} does not hold, such as {missing[0]}; "
            "run the suite again, which writes its tables anew"
        )
    if not jobs:
        return
    shutil.rmtree(target, ignore_errors=True)
    for job in jobs:
        (target / job["id"]).mkdir(parents=True)
        for name in KEPT:
            if (runs / job["id"] / name).is_file():
                shutil.copyfile(runs / job["id"] / name, target / job["id"] / name)
    write_json(target / "jobs.json", {"jobs": [{key: job[key] for key in TOLD if key in job} for job in jobs]})


def runs_of(folder):
    """The ids of all runs that the tables in `folder` have rows of."""
    found = set()
    for name, column in ROWS.items():
        if (path := Path(folder) / f"{name}.csv").is_file():
            found |= {run for cell in read_table(path, (column,))[column] for run in cell.split()}
    return found


def history_of(folder):
    """The epochs of a shipped run, from metrics.jsonl; [] where it keeps none."""
    path = Path(folder) / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
