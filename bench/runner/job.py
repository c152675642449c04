"""Run one job of a suite (Snakemake calls this).

A job is a notebook, run by papermill in a process of its own.
"""

import os
import time
from pathlib import Path

from bench.runner.parameters import check_parameters, parameters_of
from bench.runner.suite import NOTEBOOKS
from lib.files import locked, read_json
from lib.run import done

# glibc keeps the memory of a step for the next one, which else fetches every page anew: up to a third of a step
KEEP_MEMORY = {name: str(2 * 10**9) for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")}


EXAMPLE = "python -m bench job runs/quick/jobs.json c2d_nano-motion-s0-0123abcd --threads 1"


def add_arguments(parser):
    parser.add_argument("jobs", metavar="JOBS.json", help="the jobs.json that `run` wrote")
    parser.add_argument("id", help="of the job")
    parser.add_argument("--threads", type=int, default=1, help="that it may use (1)")


def run(*, jobs, id, threads=1):
    run_job(jobs, id, threads)


def run_job(jobs_path, id, threads):
    """Run the notebook of job `id`; afterwards its folder holds done.json and the executed notebook.

    RuntimeError if the notebook ends without done.json: the notebook's own metadata says `completed` even of a
    kernel that was killed, so only the record counts.
    """
    runs = Path(jobs_path).resolve().parent
    listed = read_json(jobs_path)
    job = next(job for job in listed["jobs"] if job["id"] == id)
    run_dir = runs / id
    with locked(run_dir, "job.lock"):  # an orphan of a killed runner may still be at it: wait, then find it done
        if done(run_dir):
            return
        notebook = NOTEBOOKS / f"{job['notebook']}.ipynb"
        parameters = {**job["options"], **_runtime(notebook, listed, run_dir, job, threads)}
        check_parameters(notebook, parameters)
        _set_up(threads)
        _execute(notebook, run_dir / "notebook.ipynb", parameters)
    if not done(run_dir):
        raise RuntimeError(f"{notebook.name} ended without {run_dir / 'done.json'}; was its kernel killed?")


def _runtime(notebook, listed, run_dir, job, threads):
    """What depends on this machine, for those parameters that the notebook has."""
    values = {"run_dir": str(run_dir), "runs": str(run_dir.parent), "threads": threads, "device": listed["device"]}
    values["data"] = job["data"] or str(Path(listed["data"]) / job["options"].get("data", job["id"]))
    values["weights"] = job["weights"]
    known = parameters_of(notebook)
    return {name: value for name, value in values.items() if name in known}


def _set_up(threads):
    """For the kernel that papermill starts: as many threads as the job was given, none spinning while it waits."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    os.environ.update({name: str(threads) for name in names}, OMP_WAIT_POLICY="passive", **KEEP_MEMORY)


def _execute(notebook, executed, parameters):
    """Papermill, tried again where two kernels that started at once were given the same port (papermill issue 511)."""
    import papermill

    for attempt in (1, 2, 3):
        try:
            return papermill.execute_notebook(
                str(notebook), str(executed), parameters, cwd=str(NOTEBOOKS), kernel_name="python3", progress_bar=False
            )
        except RuntimeError as error:
            if attempt == 3 or "Kernel died before replying" not in str(error):
                raise
            time.sleep(attempt)
