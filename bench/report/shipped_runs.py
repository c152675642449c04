"""What is shipped of a suite's runs: their records, no weights; enough to make its tables again."""

import json
import os
import shutil
from pathlib import Path

from bench.report.csv_files import read_table
from bench.report.records import EPOCH, record_of
from bench.runner.listed import listed_jobs
from lib.files import write_json
from lib.run import checksum
from lib.shapes import check_form

TRAIN_AGAIN = "delete the run's folder and run the suite again"
BEFORE = ".before"  # what the records of the last time are called while they are exchanged
KEPT = ("done.json", "metrics.jsonl")
TOLD = ("id", "rule", "notebook", "options", "modules", "processes")  # of a job: nothing of the machine
# table: the column that names its run folders; claims are made of the others
ROWS = {"trade_off": "runs", "runs": "run", "searches": "runs", "search_runs": "run"}


def check_runs(runs, tables):
    """ValueError: a row of the tables in folder `tables` is of a run that is not done in folder `runs`."""
    if missing := sorted(runs_of(tables) - {job["id"] for job, _ in _finished(runs)}):
        raise ValueError(
            f"{tables} has rows of {len(missing)} runs that {runs} does not hold, such as {missing[0]}; "
            "run the suite again, which writes its tables anew"
        )


def _finished(runs):
    """[(job, its record)] of those in folder `runs` that are done, but for lessons."""
    jobs = listed_jobs(runs) if Path(runs).is_dir() else []
    return [(job, found) for job in jobs if job["rule"] != "lesson" and (found := record_of(runs, job))]


def ship_runs(runs, target):
    """Copy the records of the finished runs in folder `runs` to `target`, with a jobs.json of theirs.

    `target` is replaced when the copy is whole.
    ValueError: a run's epochs are not those of its record
    """
    runs, target = Path(runs), Path(target)
    if not (ended := _finished(runs)):
        return
    for job, record in ended:
        check_epochs(runs / job["id"], record)
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        for job, _ in ended:
            (fresh / job["id"]).mkdir(parents=True)
            for name in KEPT:
                if (runs / job["id"] / name).is_file():
                    shutil.copyfile(runs / job["id"] / name, fresh / job["id"] / name)
        write_json(fresh / "jobs.json", {"jobs": [_told(*each) for each in ended]})
        _exchange(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _told(job, record):
    return {**{key: job[key] for key in TOLD if key in job}, "record": checksum(record)}


def put_right(target):
    """What a `ship` left that was killed is removed; if it was killed between its renames, `target` is back first."""
    target = Path(target)
    left = [path for path in target.parent.glob(f".{target.name}.*.tmp*") if not _alive(path.name.split(".")[2])]
    left.sort(key=lambda path: (path.name.endswith(BEFORE), path.stat().st_mtime))
    if left and left[-1].name.endswith(BEFORE) and not target.exists():
        os.rename(kept := left.pop(), target)
        print(f"{target}: a `ship` was killed while it exchanged them; those of before are back, from {kept.name}")
    for path in left:
        shutil.rmtree(path)


def _alive(process):
    try:
        os.kill(int(process), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:  # another user's
        return True
    return int(process) != os.getpid()


def _exchange(fresh, target):
    """Rename `fresh` to `target`, which stays as it was if that fails."""
    before = fresh.with_name(f"{fresh.name}{BEFORE}")
    if target.exists():
        os.rename(target, before)
    try:
        os.rename(fresh, target)
    except BaseException:
        if before.exists():
            os.rename(before, target)
        raise
    shutil.rmtree(before, ignore_errors=True)


def runs_of(folder):
    """The ids of all runs that the tables in `folder` have rows of."""
    found = set()
    for name, column in ROWS.items():
        if (path := Path(folder) / f"{name}.csv").is_file():
            found |= {run for cell in read_table(path, (column,))[column] for run in cell.split()}
    return found


def check_epochs(folder, record):
    """ValueError: metrics.jsonl in a run's folder is damaged, or holds other epochs than the run's `record`."""
    if not (path := Path(folder) / "metrics.jsonl").is_file():
        return
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        check_form(rows, [EPOCH], "the epochs")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}; {TRAIN_AGAIN}") from None
    if record.get("history", rows) != rows:
        raise ValueError(f"{path} and done.json beside it tell of different epochs: one was changed; {TRAIN_AGAIN}")
