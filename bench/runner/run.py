"""Run a suite, or what of it is not done yet.

The suite becomes a list of jobs, Snakemake works it off, then tables and figures are written. Stopped or killed at any
moment, the same command goes on.
"""

import os
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

from bench.runner import slurm, snakemake
from bench.runner.job import finished
from bench.runner.resources import RESTARTS, asked
from bench.runner.reuse import take
from bench.runner.suite import load_suite
from lib.files import locked, remove_temporaries, write_json
from lib.run import ROOT, claim, done, read_record, record
from lib.run import cores as usable_cores

EXAMPLE = "python -m bench run quick"


def add_arguments(parser):
    parser.add_argument("suite", help="a name of bench/suites, or a .yaml file")
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where data, runs and results lie (the clone)")
    parser.add_argument("--cores", type=int, help="cores to use (all)")
    parser.add_argument("--jobs", type=int, help="runs at a time (cores / the suite's threads; of a cluster 100)")
    parser.add_argument("--device", default="cpu", help="of the trainings, as torch names it (cpu)")
    parser.add_argument("--executor", help="slurm, or another of Snakemake's: bench/README.md (this machine)")
    parser.add_argument(
        "--reuse", metavar="DIR", help="take what is done there, as in results/shipped/standard (nothing)"
    )
    parser.add_argument("extra", nargs="*", help="after --: further options for Snakemake")


def run(*, suite, **options):
    return run_suite(suite, **options)


def run_suite(name, *, out=ROOT, cores=None, jobs=None, device="cpu", executor=None, reuse=None, extra=()):
    """Run suite `name`, or what of it is not done yet; data, runs and results lie under `out`. Returns the exit status.

    reuse  a suite's folder of runs, of another clone or shipped: what is done there is not made again
    Killed at any moment and called again, it goes on. A second call beside a living one waits for that to end.
    """
    suite, out = load_suite(name), Path(out).resolve()
    runs, results = out / "runs" / suite.name, out / "results" / suite.name
    machine = _machine(suite, cores, jobs, device, executor)
    # Snakemake inherits the lock, so it also tells that a killed runner's Snakemake is still at work.
    with locked(runs, waiting=f"{suite.name}: another process is at work on this suite; waiting for it to end") as lock:
        claim_suite(runs, suite)
        if reuse:
            print(take(reuse, runs, suite.jobs, facts(suite, out, device)), flush=True)
        listed = _write_jobs(runs, suite, out, device, machine["cores"], executor or "", machine["requests"])
        todo = [job for job in suite.jobs if job.id in listed["todo"]]
        if todo:
            print(f"{suite.name}: {len(todo)} of {len(suite.jobs)} runs to do, {machine['said']}", flush=True)
            _leave_nothing(runs, todo, executor)
            _work(snakemake.start(runs, machine["options"], extra, lock), suite, runs, todo)
        else:
            print(f"{suite.name}: all {len(suite.jobs)} runs are done, nothing to do")
        missing = [job for job in todo if not (runs / "stamps" / job.id).exists()]
        reasons = {}
        for job in missing:
            reasons.setdefault(reason(runs / job.id), []).append(job.id)
        for why, ids in reasons.items():  # where Snakemake itself failed, all have the same one
            print(f"not done: {', '.join(ids[:3])}{f' and {len(ids) - 3} more' if ids[3:] else ''}; {why}")
        remove_temporaries(results)
        _write_results(runs, results)
        return 1 if missing else 0


def headline(record):
    """The one thing to say of a finished run."""
    if record and "test" in record:
        test = record["test"]
        return (
            f"top-1 {test['top1']:.1f} % [{test['top1_low']:.1f}, {test['top1_high']:.1f}] of {test['videos']} videos"
        )
    return (record or {}).get("headline", "")


def reason(run_dir):
    """Why a run failed: the exception that was raised, what killed its Slurm job, else what Snakemake says."""
    failed, log = run_dir / "failed.json", run_dir / "log.txt"
    if failed.exists():
        return f"{(read_record(failed) or {}).get('error')} (all of it: {log})"
    said, killed_log = slurm.why(run_dir)
    if said:
        return f"{said} (all of it: {killed_log})"
    said = snakemake.complaint(run_dir.parent)
    return f"it did not end; {log if log.exists() else run_dir.parent / 'snakemake.log'} says more: {said}"


def claim_suite(runs, suite):
    """One folder, one suite: two files of one name in different folders would overwrite each other's results."""
    file, there = str(suite.file), runs / "suite.json"
    other = (record(there) or {}).get("file")  # torn, it is set aside
    if isinstance(other, str) and other not in ("", file) and os.path.exists(other):
        raise ValueError(f"{runs} belongs to the suite {other}: rename {file}, or choose another --out")
    claim(runs, {"file": file}, file="suite.json", what="suite", free=lambda _: ("file",))


def facts(suite, out, device):
    """What all jobs of a suite are told."""
    where = {"suite": suite.name, "data": str(out / "data"), "device": device}
    return {**where, "threads": suite.threads, "modules": suite.modules}


def _machine(suite, cores, jobs, device, executor):
    """Where the jobs run.  -> {"options" of Snakemake, "said" of it, "cores" of a job, "requests" by rule}

    ValueError: this machine has no such executor, or its cluster cannot do what the suite's `resources` ask for
    """
    if not executor:
        cores = cores or usable_cores()
        jobs = max(1, min(jobs or cores // (suite.threads * suite.processes), cores))
        said = f"{jobs} at a time on {cores} cores"
        return {"options": ["--cores", str(cores)], "cores": max(1, cores // jobs), "requests": {}, "said": said}
    requests = {job.rule: asked(suite.resources, job.rule, suite, device) for job in suite.jobs}
    slurm.check(executor, requests)
    jobs, restarts = jobs or 100, suite.resources.get("restarts", RESTARTS)
    options = ["--executor", executor, "--jobs", str(jobs), "--restart-times", str(restarts), "--latency-wait", "60"]
    options += slurm.options() if executor == "slurm" else []
    return {"options": options, "cores": 1, "requests": requests, "said": f"at most {jobs} at a time by {executor}"}


def _leave_nothing(runs, todo, executor):
    """Forget why runs failed that are tried anew; end jobs that a killed runner left in the queue, they go on anew."""
    for job in todo:
        (runs / job.id / "failed.json").unlink(missing_ok=True)
    if executor == "slurm":
        if left := slurm.cancel(runs):
            print(f"{left} jobs of an earlier call were in the queue: cancelled, their runs go on where they were")
        shutil.rmtree(runs / slurm.LOGS, ignore_errors=True)


def _write_jobs(runs, suite, out, device, cores_per_job, executor="", requests=None):
    """jobs.json: what the Snakefile and the jobs read; the suite's YAML may change while they run.  -> its content"""
    requests = requests or {}
    jobs = [{**asdict(job), "id": job.id, "resources": requests.get(job.rule, {})} for job in suite.jobs]
    listed = {**facts(suite, out, device), "cores_per_job": cores_per_job, "executor": executor}
    listed["todo"] = [job["id"] for job in jobs if not finished(runs / job["id"], job, listed)]
    write_json(runs / "jobs.json", {**listed, "jobs": jobs})
    return listed


def _work(process, suite, runs, todo):
    """Print a line for every run that ends, until Snakemake does."""
    started, left = time.monotonic(), list(todo)

    def seen():
        for job in [job for job in left if (runs / "stamps" / job.id).exists()]:
            left.remove(job)
            at = f"[{len(suite.jobs) - len(left)}/{len(suite.jobs)}] {time.monotonic() - started:5.0f} s"
            print(f"{at}  {job.id}  {headline(done(runs / job.id))}", flush=True)

    try:
        with snakemake.ended_with(process):
            snakemake.watch(process, seen)
    except BaseException as error:
        slurm.cancel(runs)  # jobs in a queue outlive Snakemake
        if isinstance(error, KeyboardInterrupt):
            sys.exit("interrupted; the same command goes on from here")
        raise


def _write_results(runs, results):
    from bench.report.tables import write_results

    write_results(runs, results)
