"""Processes that train together for a suite's job: how they end is told apart, and none outlives what started it."""

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml
from helpers.watched_suites import kill_one, processes_of

from bench.runner.job import run_job
from bench.runner.processes import KilledError, run_together
from bench.runner.run import _write_jobs
from bench.runner.suite import load_suite
from lib.files import read_json
from lib.orphans import end_with_parent
from lib.run import ROOT, done

PROGRAM = """
import json, os, signal, sys, time
me = int(os.environ["RANK"])

def say(words):
    told = {"message": {"message": words, "extraInfo": {"timestamp": "1"}}}
    open(os.environ["TORCHELASTIC_ERROR_FILE"], "w").write(json.dumps(told))
    sys.exit(1)

"""
# what two processes do: (the error, its words)
ENDS = {
    "if me: os.kill(os.getpid(), 9)\ntime.sleep(60)": (KilledError, "process 1 of 2 was killed by SIGKILL"),
    "if me: os.kill(os.getpid(), 11)\ntime.sleep(60)": (KilledError, "process 1 of 2 was killed by SIGSEGV"),
    "if not me: os.kill(os.getpid(), 9)\nsay('Lost: who?')": (KilledError, "process 0 of 2 was killed by SIGKILL"),
    "if me: sys.exit(3)\ntime.sleep(60)": (RuntimeError, "process 1 of 2: it ended with status 3; log.txt says why"),
    "say('Lost: he said ...' if not me else 'ValueError: no')": (RuntimeError, "process 1 of 2: ValueError: no"),
}


def command(code):
    return [sys.executable, "-S", "-c", f"{PROGRAM}{code}"]


@pytest.mark.parametrize("code", ENDS)
def test_what_was_killed_and_what_failed_are_told_apart(code):
    kind, words = ENDS[code]
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(RuntimeError) as raised:
        run_together(2, command(code))
    assert (type(raised.value), str(raised.value)) == (kind, words)
    assert signal.getsignal(signal.SIGTERM) is before, "the notebook after it ends as ever"


def in_a_process_of_its_own(code, *arguments):
    """`run_together` as a job calls it: a fork of this process would have its threads' locks, and not the threads."""
    call = "import sys; from bench.runner.processes import run_together; run_together(2, sys.argv[1:])"
    return subprocess.Popen([sys.executable, "-c", call, *command(code), *map(str, arguments)], cwd=ROOT)


def test_two_groups_on_one_machine_meet_apart(tmp_path):
    """And not by the machine's name, which a container need not know."""
    where = "open(sys.argv[1] + str(me), 'w').write('{MASTER_ADDR} {MASTER_PORT} {GLOO_SOCKET_IFNAME}'.format_map"
    groups = [in_a_process_of_its_own(f"{where}(os.environ))\ntime.sleep(4)", tmp_path / name) for name in "ab"]
    assert [group.wait(120) for group in groups] == [0, 0]
    told = [(tmp_path / f"{name}{number}").read_text().split() for name in "ab" for number in "01"]
    assert told[0] == told[1] != told[2] == told[3] and {row[0] for row in told} == {"localhost"}
    assert {row[2] for row in told} <= {"lo", "lo0"}


def test_a_signal_ends_the_processes_and_then_what_started_them(tmp_path):
    """As without them: so Slurm's log, and no exception of ours, says why."""
    group = in_a_process_of_its_own(
        "open(sys.argv[1] + str(me), 'w').write(str(os.getpid()))\ntime.sleep(60)", tmp_path / "pid"
    )
    pids = [tmp_path / "pid0", tmp_path / "pid1"]
    while group.poll() is None and not all(path.exists() and path.read_text() for path in pids):
        time.sleep(0.05)
    group.terminate()
    assert group.wait(60) == -signal.SIGTERM
    for path in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.read_text()), 0)


def test_what_started_a_process_takes_it_along():
    reading, writing = os.pipe()

    def start():
        def work():
            end_with_parent(0.05)
            os.write(writing, b"!")
            time.sleep(60)

        _in_a_fork(work)
        time.sleep(60)

    parent = _in_a_fork(start)
    os.close(writing)
    assert os.read(reading, 1) == b"!"
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    started = time.monotonic()
    assert os.read(reading, 1) == b"" and time.monotonic() - started < 20, "the last one that could write is gone"
    os.close(reading)


def _in_a_fork(work, *arguments):
    if child := os.fork():
        return child
    try:
        work(*arguments)
        os._exit(0)
    finally:
        os._exit(1)


EPOCHS = 100
SUITE = {
    "data": {"videos": 24, "frames": 8, "size": 32},
    "processes": 2,
    "train": {"runs": [{"model": "c2d_nano", "frames": 4, "size": 32, "epochs": EPOCHS, "batch_size": 8}]},
}


def killed_in_the_middle(runs, run_id, number):
    """Start a job, and SIGKILL its process of that number, -1: the job itself, after an epoch more.  -> what it said"""
    metrics = runs / run_id / "metrics.jsonl"
    before = len(metrics.read_text().splitlines()) if metrics.exists() else 0
    command = [sys.executable, "-m", "bench", "job", str(runs / "jobs.json"), run_id, "--attempt", "2"]
    job = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while job.poll() is None and not (metrics.exists() and len(metrics.read_text().splitlines()) > before):
        time.sleep(0.1)
    assert job.poll() is None and len(processes_of(run_id)) == 3
    kill_one(run_id, number)
    job.wait(120)
    end = time.monotonic() + 20
    while processes_of(run_id) and time.monotonic() < end:
        time.sleep(0.1)
    assert not processes_of(run_id), "who was left goes on with it, and holds its lock"
    return job.communicate()[1]


@pytest.mark.long
def test_a_job_of_two_processes_goes_on_after_kills_whatever_becomes_of_the_suites_file(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump(SUITE))
    suite, runs = load_suite(file), tmp_path / "runs" / "two"
    _write_jobs(runs, suite, tmp_path, "cpu", 1)
    file.unlink()  # jobs.json says it all
    prepare, train, *_ = suite.jobs
    run_job(runs / "jobs.json", prepare.id, 1)
    killed_in_the_middle(runs, train.id, -1)
    assert not (runs / train.id / "failed.json").exists()
    assert "process 1 of 2 was killed by SIGKILL" in killed_in_the_middle(runs, train.id, 1)
    assert read_json(runs / train.id / "failed.json")["killed"] is True
    run_job(runs / "jobs.json", train.id, 1, attempt=2)
    record = done(runs / train.id)
    assert record["provenance"]["processes"] == 2 and len(record["history"]) == EPOCHS
