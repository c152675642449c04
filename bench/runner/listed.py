"""jobs.json, what a suite expanded to: its jobs, each known by the hash of its options."""

from pathlib import Path

from lib.bounds import BOUNDS, whole
from lib.files import file_name, read_json
from lib.run import run_id
from lib.shapes import MAPPING, TEXT, check_form

NET = {"model": TEXT, "options": MAPPING, "frames": BOUNDS["frames"], "size": BOUNDS["size"]}
VIDEOS = {"labels": TEXT, "data": TEXT, "seed": BOUNDS["seed"]}
# rule: what the options of its jobs hold, of what tables read
OPTIONS = {"train": {**NET, **VIDEOS}, "search": {"size": BOUNDS["size"], "?model": TEXT, **VIDEOS}}
JOB = {"id": TEXT, "rule": TEXT, "notebook": TEXT, "options": MAPPING}
JOB |= {"?modules": TEXT, "?processes": whole(1, 1024), "?record": TEXT}  # record: of a shipped one, its checksum


def id_of(label, rule, notebook, options, modules="", processes=1):
    """A job's id: `label`, and the hash of all that makes it this job. No path and no machine is in it."""
    own = {"modules": modules} if modules else {}
    own |= {"processes": processes} if processes > 1 else {}
    return run_id(label, {"rule": rule, "notebook": notebook, **own, **options})


def told_options(options):
    """What a training's names say beside its model: the options that this was given, and that its pixels are lossy."""
    kept = options.get("cached", True)
    return {**options["options"], **({} if isinstance(kept, bool) else {"jpeg": kept})}


def listed_jobs(runs):
    """The jobs of jobs.json in a suite's folder of runs, as dicts.

    ValueError: there is none, or it holds no jobs; or a job's options are not those that its id was made of
    """
    file = Path(runs) / "jobs.json"
    if not file.is_file():
        raise ValueError(f"{runs} holds no jobs.json: it is not the folder of a suite's runs, `bench run` makes that")
    listed = read_json(file)
    check_form(listed, {"jobs": [JOB]}, str(file))
    for job in listed["jobs"]:
        _check(job, str(file))
    ids = [job["id"] for job in listed["jobs"]]
    if doubles := sorted({id for id in ids if ids.count(id) > 1}):
        raise ValueError(f"{file} lists {doubles[0]} twice")
    return listed["jobs"]


def _check(job, file):
    where = f"{file}, {job['id']}"
    file_name(job["id"], f"{file}: id")
    check_form(job["options"], OPTIONS.get(job["rule"], {}), where)
    told = {key: job[key] for key in ("rule", "notebook", "options", "modules", "processes") if key in job}
    made = id_of("", **{key: value for key, value in told.items() if value is not None})
    if job["id"].rpartition("-")[2] != made.rpartition("-")[2]:
        raise ValueError(
            f"{where}: its options are not those that this id was made of ({made.rpartition('-')[2]}): somebody "
            "changed one or the other; run the suite again"
        )


def stands_twice(jobs):
    """Whether two jobs do the same. 1 is 1.0 here, though an id is made of what was written."""
    return len({_hashable((job.notebook, job.options, job.data)) for job in jobs}) < len(jobs)


def _hashable(value):
    """Equal for equal values, of dicts and lists too."""
    if isinstance(value, dict):
        return frozenset((key, _hashable(item)) for key, item in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
