"""Run a suite, or what of it is not done yet.

The suite becomes a list of jobs, Snakemake works it off, then tables and figures are written. Stopped or killed at any
moment, the same command goes on.
"""

import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from bench.runner.suite import load_suite
from lib.files import locked, write_json
from lib.run import ROOT, done

EXAMPLE = "python -m bench run quick"


def add_arguments(parser):
    parser.add_argument("suite", help="a name of bench/suites, or a .yaml file")
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where data, runs and results lie (the clone)")
    parser.add_argument("--cores", type=int, help="cores to use (all)")
    parser.add_argument("--jobs", type=int, help="runs at a time (as many as cores); each has cores / jobs threads")
    parser.add_argument("--device", default="cpu", help="of the trainings, as torch names it (cpu)")
    parser.add_argument("--executor", help="a Snakemake executor, such as slurm (this machine)")
    parser.add_argument("extra", nargs="*", help="after --: further options for Snakemake")


def run(*, suite, **options):
    return run_suite(suite, **options)


def run_suite(name, *, out=ROOT, cores=None, jobs=None, device="cpu", executor=None, extra=()):
    """Run suite `name`, or what of it is not done yet; data, runs and results lie under `out`. Returns the exit status.

    Killed at any moment and called again, it goes on. A second call beside a living one waits for that to end.
    """
    suite, out = load_suite(name), Path(out).resolve()
    runs = out / "runs" / suite.name
    cores = cores or os.cpu_count()
    jobs = min(jobs or cores, cores)
    # Snakemake inherits the lock, so it also tells that a killed runner's Snakemake is still at work.
    with locked(runs, waiting=f"{suite.name}: another process is at work on this suite; waiting for it to end") as lock:
        listed = _write_jobs(runs, suite, out, device, max(1, cores // jobs))
        todo = [job for job in suite.jobs if not done(runs / job.id)]
        if todo:
            print(
                f"{suite.name}: {len(todo)} of {len(suite.jobs)} runs to do, {jobs} at a time on {cores} cores",
                flush=True,
            )
            _watch(_snakemake(listed, out, cores, executor, extra, lock), suite, runs, todo)
        else:
            print(f"{suite.name}: all {len(suite.jobs)} runs are done, nothing to do")
        missing = [job for job in suite.jobs if not done(runs / job.id)]
        for job in missing:
            print(f"not done: {job.id}; {_reason(runs / job.id)}")
        from bench.report.tables import write_results

        write_results(runs, out / "results" / suite.name)
        return 1 if missing else 0


def headline(record):
    """The one thing to say of a finished run."""
    if record and "test" in record:
        test = record["test"]
        return (
            f"top-1 {test['top1']:.1f} % [{test['top1_low']:.1f}, {test['top1_high']:.1f}] of {test['videos']} videos"
        )
    return (record or {}).get("headline", "")


def _write_jobs(runs, suite, out, device, threads_per_job):
    """jobs.json: what the Snakefile and the jobs read; the suite's YAML may change while they run."""
    jobs = [{**asdict(job), "id": job.id} for job in suite.jobs]
    common = {"suite": suite.name, "data": str(out / "data"), "device": device, "threads_per_job": threads_per_job}
    write_json(runs / "jobs.json", {**common, "jobs": jobs})
    return runs / "jobs.json"


def _snakemake(listed, out, cores, executor, extra, lock):
    """Start Snakemake. --nolock: our lock dies with its holders, Snakemake's own would be left behind by a kill."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(Path(__file__).with_name("Snakefile"))]
    command += ["--directory", str(out), "--config", f"jobs={listed}", "--cores", str(cores)]
    command += ["--rerun-incomplete", "--rerun-triggers", "mtime", "--nolock", "--keep-going", "--quiet", "all"]
    command += ["--executor", executor, "--jobs", str(cores)] if executor else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    with open(listed.with_name("snakemake.log"), "w") as log:
        return subprocess.Popen(
            [*command, *extra], stdout=log, stderr=log, env=environment, cwd=ROOT, pass_fds=[lock.fileno()]
        )


def _watch(snakemake, suite, runs, todo):
    """Print a line for every run that ends, until Snakemake does."""
    started, left = time.monotonic(), list(todo)
    try:
        while True:
            ended = snakemake.poll() is not None
            for job in [job for job in left if (runs / job.id / "done.json").exists()]:
                left.remove(job)
                at = f"[{len(suite.jobs) - len(left)}/{len(suite.jobs)}] {time.monotonic() - started:5.0f} s"
                print(f"{at}  {job.id}  {headline(done(runs / job.id))}", flush=True)
            if ended:
                return
            time.sleep(0.5)
    except KeyboardInterrupt:  # Snakemake got it too, and stops its jobs
        snakemake.wait()
        sys.exit("interrupted; the same command goes on from here")


def _reason(run_dir):
    """The last line that a run wrote before it failed."""
    log = run_dir / "log.txt"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return f"{lines[-1]} (all of it: {log})" if lines else f"it did not start; see {run_dir.parent / 'snakemake.log'}"
