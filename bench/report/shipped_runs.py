"""What is shipped of a suite's runs: their records, no weights; enough to make its tables again."""

import json
import os
import shutil
from pathlib import Path

from bench.report.csv_files import read_table
from bench.report.records import EPOCH
from bench.runner.listed import listed_jobs
from lib.files import write_json
from lib.run import done
from lib.shapes import check_form

KEPT = ("done.json", "metrics.jsonl")
TOLD = ("id", "rule", "notebook", "options", "modules", "processes")  # of a job: nothing of the machine
# table: the column that names its run folders
ROWS = {"trade_off": "runs", "runs": "run", "searches": "runs", "search_runs": "run", "claims": "runs"}


def check_runs(runs, tables):
    """ValueError: a row of the tables in folder `tables` is of a run that is not done in folder `runs`."""
    if missing := sorted(runs_of(tables) - {job["id"] for job in _finished(runs)}):
        raise ValueError(
            f"{tables} has rows of {len(missing)} runs that {runs} does not hold, such as {missing[0]}; "
            "run the suite again, which writes its tables anew"
        )


def _finished(runs):
    """The jobs in folder `runs` that are done, but for lessons."""
    jobs = listed_jobs(runs) if Path(runs).is_dir() else []
    return [job for job in jobs if job["rule"] != "lesson" and done(Path(runs) / job["id"])]


def ship_runs(runs, target):
    """Copy the records of the finished runs in folder `runs` to `target`, with a jobs.json of theirs.

    `target` is replaced when the copy is whole.
    """
    runs, target = Path(runs), Path(target)
    if not (jobs := _finished(runs)):
        return
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        for job in jobs:
            (fresh / job["id"]).mkdir(parents=True)
            for name in KEPT:
                if (runs / job["id"] / name).is_file():
                    shutil.copyfile(runs / job["id"] / name, fresh / job["id"] / name)
        write_json(fresh / "jobs.json", {"jobs": [{key: job[key] for key in TOLD if key in job} for job in jobs]})
        if target.exists():
            os.rename(target, before := fresh.with_name(f"{fresh.name}.before"))
            try:
                os.rename(fresh, target)
            except BaseException:
                os.rename(before, target)
                raise
            shutil.rmtree(before)
        else:
            os.rename(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def runs_of(folder):
    """The ids of all runs that the tables in `folder` have rows of."""
    found = set()
    for name, column in ROWS.items():
        if (path := Path(folder) / f"{name}.csv").is_file():
            found |= {run for cell in read_table(path, (column,))[column] for run in cell.split()}
    return found


def history_of(folder):
    """The epochs of a shipped run, from metrics.jsonl; [] where it keeps none.

    ValueError: a line is no epoch's row, or they are not those of done.json beside it
    """
    path = Path(folder) / "metrics.jsonl"
    if not path.is_file():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        check_form(rows, [EPOCH], "the epochs")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if (record := done(folder)) and record.get("history", rows) != rows:
        raise ValueError(f"{path} and done.json beside it tell of different epochs: one was changed; ship it again")
    return rows
