"""Slurm under a suite: what Snakemake's plugin is told, what the queue says of a suite's jobs, and why one was killed.

Snakemake submits every job by sbatch, in the suite's run folder; its log is slurm/rule_job/<run id>/<job number>.log
there, deleted when the job has ended well. `bench status` asks squeue, and reads these logs.
"""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

HINT = ".venv/bin/python -m pip install -c constraints.txt -e '.[slurm]'"
LOGS = "slurm"
ALIVE = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED", "STOPPED", "SIGNALING")
# what slurmd, its memory guard and a shell write of a job that they kill, and a Python that ends
KILLED = re.compile(r"(CANCELLED|oom[-_]kill|Out Of Memory|Exceeded .*memory|Killed|NODE FAIL)", re.IGNORECASE)
EXCEPTION = re.compile(r"^(?:[\w.]+(?:Error|Exception|Interrupt|Exit)\b|slurmstepd: error|srun: error|sbatch: error)")


class Queued(NamedTuple):
    """A job in Slurm's queue: its number, its state in Slurm's words, why it waits."""

    number: str
    state: str
    why: str


def check(executor, requests):
    """ValueError: this executor is not installed; of Slurm, no such cluster here, or one that can never run a request.

    requests  {rule: what `resources.asked` gives for it}
    """
    package = f"snakemake_executor_plugin_{executor.replace('-', '_')}"
    if not importlib.util.find_spec(package):
        hint = HINT if executor == "slurm" else f"pip install snakemake-executor-plugin-{executor}"
        raise ValueError(f"--executor {executor} needs the package snakemake-executor-plugin-{executor}: {hint}")
    if importlib.import_module(package).common_settings.implies_no_shared_fs:
        raise ValueError(f"--executor {executor}: its jobs share no files, but runs are folders; see bench/README.md")
    if executor == "slurm":
        if not shutil.which("sbatch"):
            raise ValueError("--executor slurm: there is no sbatch here; call it on a login node of the cluster")
        partitions = _partitions()
        for rule, request in requests.items():
            _check_request(rule, request, partitions)


def options():
    """What Snakemake is told of Slurm."""
    said = ["--slurm-logdir", LOGS, "--slurm-delete-logfiles-older-than", "0", "--slurm-requeue"]
    said += ["--slurm-status-command", "sacct" if _answers("sacct", "--noheader", "--allocations") else "squeue"]
    return [*said, "--slurm-init-seconds-before-status-checks", "20"]


def queue(runs):
    """The suite's jobs that Slurm knows of, also those that ended a moment ago.  -> {run id: Queued}

    runs  the suite's run folder. {}: no Slurm here, or none that answers
    """
    found = {}
    answer = _answers("squeue", "--me", "--states=all", "--noheader", "--format=%i|%T|%r|%k|%Z") or ""
    for line in answer.splitlines():
        number, state, why, comment, folder = (line.strip().split("|", 4) + [""] * 5)[:5]
        run_id = comment.partition("_wildcards_")[2]
        if run_id and Path(folder) == Path(runs).resolve():
            before = found.get(run_id)  # a job that was submitted again stands there twice
            if not before or _number(number) > _number(before.number):
                found[run_id] = Queued(number, state, why)
    return found


def cancel(runs):
    """Take the suite's jobs out of the queue.  -> how many there were"""
    numbers = [job.number for job in queue(runs).values() if job.state in ALIVE]
    if numbers:
        _answers("scancel", *numbers)
    return len(numbers)


def attempts(run_dir):
    """The logs of a run's Slurm jobs that were killed or failed, or are at work, the last one last."""
    logs = Path(run_dir).parent.joinpath(LOGS, "rule_job", Path(run_dir).name).glob("*.log")
    return sorted(logs, key=lambda log: (log.stat().st_mtime, log.name))


def why(run_dir):
    """(What killed or failed the run's last Slurm job, in one line, the log's path), by its log; ("", None): no log."""
    logs = attempts(run_dir)
    if not logs:
        return "", None
    lines = [line.strip() for line in logs[-1].read_text(errors="replace").splitlines()]
    killed = [line for line in lines if KILLED.search(line)]
    raised = [line for line in lines if EXCEPTION.match(line)]
    return (killed or raised or [line for line in lines if line] or [""])[-1][:300], logs[-1]


def _answers(*command):
    """What a command of Slurm's prints; None: it is not there, or it failed."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None


def _partitions():
    """{partition: (most cpus of a node, most MB, most minutes, whether a node has GPUs)}; "": the cluster's default."""
    found = {}
    for line in (_answers("sinfo", "--noheader", "--format=%P|%c|%m|%l|%G") or "").splitlines():
        name, cpus, memory, limit, gpus = line.split("|", 4)
        seen = (_number(cpus), _number(memory), _minutes(limit), "gpu" in gpus)
        for known in {name.rstrip("*"), "" if name.endswith("*") else name}:
            found[known] = tuple(map(max, found.get(known, seen), seen))
    if not found:
        raise ValueError("--executor slurm: sinfo names no partition; does the cluster's controller answer?")
    return found


def _check_request(rule, request, partitions):
    names = request["partition"].split(",")
    if unknown := [name for name in names if name not in partitions]:
        known = ", ".join(sorted(filter(None, partitions)))
        asked = f"no partition {unknown[0]!r}" if unknown[0] else "the cluster has no default partition, name one"
        raise ValueError(f"resources: {rule}: {asked}; there are {known}")
    most = tuple(map(max, *(partitions[name] for name in names), (0, 0, 0, False)))
    for key, limit in zip(("cpus", "memory", "minutes"), most, strict=False):
        if request[key] > limit:
            unit = " MB" if key == "memory" else ""
            place = f"partition {request['partition']}" if request["partition"] else "the default partition"
            raise ValueError(f"resources: {rule}: {key} {request[key]}{unit}, but {place} allows {limit:g}{unit}")
    if request["gpus"] and not most[3]:
        raise ValueError(f"resources: {rule}: gpus 1, but no node of {request['partition'] or 'the default'} has one")


def _number(text):
    return int(re.sub(r"\D", "", text) or 0)


def _minutes(limit):
    """Of Slurm's [days-]hours:minutes:seconds, minutes:seconds or infinite."""
    days, _, rest = limit.rpartition("-")
    if not rest[:1].isdigit():
        return float("inf")
    hours, minutes, _ = (["0", "0", *rest.split(":")])[-3:]
    return int(days or 0) * 1440 + int(hours) * 60 + int(minutes)
