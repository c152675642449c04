"""Run one job of a suite (Snakemake calls this).

A job is a notebook, run by papermill in a process of its own. It says that it is done last, after everything that it
promises exists: the executed notebook, its figures, the result, and for a dataset the videos.
"""

import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.runner import modules
from bench.runner.environment import KERNEL, inside, job_environment, make_home, told
from bench.runner.parameters import check_parameters, parameters_of
from bench.runner.processes import KilledError, train_together
from bench.runner.suite import NOTEBOOKS, ON_ALL_CORES
from lib.files import locked, read_json, remove_temporaries, write_json, write_text
from lib.run import checksum, done_or_aside, result, say_done
from lib.run import record as kept

EXAMPLE = "python -m bench job runs/quick/jobs.json c2d_nano-motion-s0-0123abcd --threads 1"
PROMISED = (".ipynb", ".png", ".svg", ".csv", ".json", ".jsonl")
OWN = ("done.json", "failed.json")
REUSED = "reused.json"  # in the folder of a run that was made elsewhere: where, and the checksum of its record
KILLED = ("KilledError", "DeadKernelError")  # ours, nbclient's
# what a notebook makes lies on disk when its last cell ends: waiting for Python's own end takes seconds
HOW = {"cwd": str(NOTEBOOKS), "kernel_name": KERNEL, "progress_bar": False, "shutdown_kernel": "immediate"}


def add_arguments(parser):
    parser.add_argument("jobs", metavar="JOBS.json", help="the jobs.json that `run` wrote")
    parser.add_argument("id", help="of the job")
    parser.add_argument(
        "--threads", type=int, default=1, help="cores of this machine for what no result depends on (1)"
    )
    parser.add_argument("--attempt", type=int, default=1, help="from 2 on: submitted again after it was killed (1)")


def run(*, jobs, id, threads=1, attempt=1):
    run_job(jobs, id, threads, attempt)


def run_job(jobs_path, id, threads, attempt=1):
    """Run the notebook of job `id`, unless it is done; then its folder holds done.json, and stamps/ a file of its name.

    RuntimeError if the notebook ends without a result: the notebook's own metadata says `completed` even of a
    kernel that was killed, so only the record counts. failed.json keeps why a job failed: of what failed by itself
    a further attempt fails at once, while what was killed goes on.
    """
    listed = read_json(jobs_path)
    job = next(job for job in listed["jobs"] if job["id"] == id)
    work(job, Path(jobs_path).resolve().parent, listed, threads, attempt)


def work(job, runs, listed, threads, attempt=1):
    """`run_job` of a job that is given, in the folder of its suite's runs."""
    run_dir = runs / job["id"]
    with locked(run_dir, "job.lock"):  # an orphan of a killed runner may still be at it: wait, then find it done
        remove_temporaries(run_dir)
        if attempt > 1 and (failed := kept(run_dir / "failed.json")) and not failed.get("killed"):
            raise RuntimeError(f"not tried again, for it was not killed: {failed.get('error')}")
        (run_dir / "failed.json").unlink(missing_ok=True)
        if not finished(run_dir, job, listed):
            try:
                _run(job, run_dir, listed, threads)
            except Exception as error:
                date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                failed = {"error": said(error), "date": date, "killed": type(error).__name__ in KILLED}
                write_json(run_dir / "failed.json", failed)
                raise
        write_text(runs / "stamps" / job["id"], "what Snakemake sees of this job; the run itself lies elsewhere\n")


def finished(run_dir, job, listed):
    """The content of done.json, if all that it promises is there; else None: the caller makes the run again."""
    record = done_or_aside(run_dir)
    if not record or not (_reused(run_dir, record) or _whole(run_dir, record)):
        return None
    if job["rule"] in ("train", "search") and other_threads(record, listed):
        return None  # run again, it says what is there and what is asked for
    return record if job["rule"] != "prepare" or _whole_data(Path(listed["data"]) / job["id"]) else None


def _whole(run_dir, record):
    return all((run_dir / name).is_file() for name in record.get("files", ()))


def _reused(run_dir, record):
    """Whether the record was made elsewhere: then nothing but it is here."""
    return (kept(run_dir / REUSED) or {}).get("record") == checksum(record)


def other_threads(record, listed):
    """Whether a finished training was computed with another number of threads than the suite says; not on a GPU."""
    wanted = listed.get("threads")
    return listed.get("device") == "cpu" and record.get("provenance", {}).get("threads", wanted) != wanted


def said(error):
    """What to tell of an error in one line: of a notebook's, the exception that was raised in it."""
    if hasattr(error, "ename"):  # papermill's
        return f"{error.ename}: {error.evalue or _raised_by(error)}".strip().splitlines()[0]
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


def _raised_by(error):
    """The line of the notebook that raised, which an assertion without words has to speak for itself."""
    plain = re.sub("\x1b\\[[0-9;]*m", "", "\n".join(error.traceback))
    lines = re.findall(r"^-+> *\d+ (.*)$", plain, re.MULTILINE)
    return lines[0].strip() if lines else ""


def _run(job, run_dir, listed, threads):
    notebook, home = NOTEBOOKS / f"{job['notebook']}.ipynb", run_dir.parent / ".environment"
    threads = threads if job["rule"] in ON_ALL_CORES else listed["threads"]
    parameters = {**job["options"], **_runtime(notebook, listed, run_dir, job, threads)}
    check_parameters(notebook, parameters)
    make_home(home)
    environment = job_environment(home, threads, passive=job["rule"] != "costs")
    environment |= modules.told(listed.get("modules", {}))
    with inside(environment):
        if job.get("processes", 1) > 1 and not result(run_dir):
            train_together(job, run_dir.parent)  # the notebook then finds it trained
        execute(notebook, run_dir / "notebook.ipynb", parameters)
    if not (record := result(run_dir)):
        raise KilledError(f"{notebook.name} ended without {run_dir / 'result.json'}; was its kernel killed?")
    files = {path.name: path.stat().st_size for path in sorted(run_dir.iterdir()) if _promised(path)}
    say_done(run_dir, {**record, "files": files, "environment": told()})


def _promised(path):
    return path.is_file() and path.suffix in PROMISED and path.name not in OWN and not path.name.startswith(".")


def _whole_data(folder):
    """Whether a made dataset is there: its manifests, and every video of theirs."""
    from lib.data.manifest import read_manifest

    homes = [path.parent for path in folder.glob("*/manifest.csv")]
    try:
        manifests = [read_manifest(home) for home in homes]
    except (ValueError, OSError):
        return False
    return bool(homes) and all((m.root / video.path).is_file() for m in manifests for video in m.videos)


def _runtime(notebook, listed, run_dir, job, threads):
    """What depends on this machine, for those parameters that the notebook has."""
    values = {"run_dir": str(run_dir), "runs": str(run_dir.parent), "threads": threads, "device": listed["device"]}
    values["data"] = job["data"] or str(Path(listed["data"]) / job["options"].get("data", job["id"]))
    values["weights"] = job["weights"]
    known = parameters_of(notebook)
    return {name: value for name, value in values.items() if name in known}


def execute(notebook, executed, parameters):
    """Papermill, `inside` an environment of ours with its home made; the kernel is this very Python.

    Tried again where two kernels that started at once were given the same port (papermill issue 511).
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # a grammar of IRIs, which nobody here writes: seconds to import
    import papermill

    paths = [str(path).replace("{", "{{").replace("}", "}}") for path in (notebook, executed)]  # it formats them
    for attempt in (1, 2, 3):
        try:
            return papermill.execute_notebook(*paths, parameters, **HOW)
        except RuntimeError as error:
            if attempt == 3 or "Kernel died before replying" not in str(error):
                raise
            time.sleep(attempt)
