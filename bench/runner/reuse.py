"""Runs that are done elsewhere need not be made again: their records are copied, as `ship` does, without weights."""

import shutil
from pathlib import Path

from bench.runner.job import REUSED, other_threads
from lib.files import held, replacing, write_json
from lib.run import checksum, done

RULES = ("train", "search")  # costs are of this machine, and a lesson reads weights
BEGUN = ("notebook.ipynb", "run.json", "result.json", "done.json")


def take(source, runs, jobs, facts):
    """Copy the records of those `jobs` that are done in folder `source` to folder `runs`.  -> a line to tell

    source  a suite's folder of runs, of another clone or shipped: results/shipped/standard
    facts   of the suite here: a training of another number of threads than its own is left there
    A run that was begun here goes on here.
    ValueError: `source` holds no runs; or a record there is damaged, was changed, or is of another form
    """
    from bench.report.records import finished  # pandas comes with it

    home = Path(source) if (Path(source) / "jobs.json").exists() else Path(source) / "runs"
    there = {job["id"]: record for rule in RULES for job, record in finished(home, rule)}
    wanted = [job.id for job in jobs if job.id in there and not _begun(runs / job.id)]
    taken = [id for id in wanted if not other_threads(there[id], facts)]
    for id in taken:
        _copy(home / id, runs / id)
    made = sorted({"{device}, torch {torch}".format(**there[id]["provenance"]) for id in taken})
    said = [f"{len(taken)} runs are taken from {source}, without weights"]
    if made:
        said.append("made on " + "; ".join(made))
    if len(taken) < len(wanted):
        said.append(f"{len(wanted) - len(taken)} by another number of threads than {facts['threads']} are not")
    return "; ".join(said)


def _begun(folder):
    return folder.is_dir() and (held(folder, "job.lock") or any((folder / name).exists() for name in BEGUN))


def _copy(there, here):
    """A run's record, last of all: what was killed in between counts as not done."""
    from bench.report.shipped_runs import KEPT, check_epochs

    check_epochs(there, record := done(there))
    write_json(here / REUSED, {"from": str(there.resolve()), "record": checksum(record)})
    for name in sorted(KEPT, reverse=True):
        if (there / name).is_file():
            with replacing(here / name) as copy:
                shutil.copyfile(there / name, copy)
