"""Whatever ends the runner ends Snakemake and its jobs; what Snakemake may delete is a stamp."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

from bench.runner import snakemake
from bench.runner.job import said
from bench.runner.run import reason, run_suite
from lib.files import write_json
from lib.run import ROOT

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def alive(group):
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def start(script):
    process = subprocess.Popen(
        [sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize("script", ["import time; print('up', flush=True); time.sleep(60)", STUBBORN])
@pytest.mark.parametrize("end", [KeyboardInterrupt, OSError])
def test_its_group_ends_with_the_block(script, end, monkeypatch):
    monkeypatch.setattr(snakemake, "PATIENCE", 0.5)
    process = start(script)
    with pytest.raises(end), snakemake.ended_with(process):
        raise end
    assert not alive(process.pid)


def test_sigterm_is_an_interruption(monkeypatch):
    process = start("import time; print('up', flush=True); time.sleep(60)")
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), snakemake.ended_with(process):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert not alive(process.pid) and signal.getsignal(signal.SIGTERM) == before


def test_no_run_is_a_target():
    text = (ROOT / "bench" / "runner" / "Snakefile").read_text()
    outputs = text.split("output:")[1].split("priority:")[0].split()
    assert outputs == ['"stamps/{id}",'] and "done.json" not in text


def test_the_reason_is_the_exception(tmp_path):
    run_dir = tmp_path / "a"
    run_dir.mkdir()
    (tmp_path / "snakemake.log").write_text("Building DAG\nWildcardError: no such thing\n")
    assert "WildcardError: no such thing" in reason(run_dir)
    (run_dir / "log.txt").write_text("ValueError: x\n[IPKernelApp] WARNING | running over TCP without encryption\n")
    write_json(run_dir / "failed.json", {"error": "ValueError: x", "date": ""})
    assert reason(run_dir).startswith("ValueError: x (all of it:")


def test_a_notebooks_error_is_what_was_raised_in_it():
    class Papermill(Exception):
        ename, evalue = "ValueError", "no net 'x'\nand more"

    assert said(Papermill()) == "ValueError: no net 'x'"
    Papermill.ename, Papermill.evalue = "AssertionError", ""
    Papermill.traceback = ["In [8], line 5\n\x1b[0;32m      4 \x1b[0m x", "\x1b[32m----> 5\x1b[0m assert low <= top1\n"]
    assert said(Papermill()) == "AssertionError: assert low <= top1"
    assert said(OSError(28, "No space left on device", "/a")) == "OSError: [Errno 28] No space left on device: '/a'"


def test_what_snakemake_itself_stumbles_over_is_in_its_log(tmp_path):
    (tmp_path / "jobs.json").write_text('{"nothing": "of what a job is"}')
    with open(tmp_path / "lock", "w") as lock:
        process = snakemake.start(tmp_path, ["--cores", "1"], [], lock)
        assert process.wait(120)
    assert "KeyError" in snakemake.complaint(tmp_path)


def test_a_job_runs_this_code_wherever_its_runs_lie(tmp_path, monkeypatch):
    """Below another clone, in a folder whose name Snakemake reads as something else, under a user's own profile."""
    runs, job = tmp_path / "a # {x}: ü" / "runs", {"id": "a-s0", "rule": "lesson", "options": {}, "needs": []}
    for package in ("bench", "lib", "kernels", "data_prep", "snakemake"):
        for folder in (runs, runs.parent):
            (folder / package).mkdir(parents=True)
            (folder / package / "__init__.py").write_text("raise SystemExit('another clone was run')\n")
    write_json(runs / "a-s0" / "done.json", {"headline": "this clone finds it done"})
    listed = {"executor": "", "cores_per_job": 1, "threads": 1, "device": "cpu", "data": "", "todo": ["a-s0"]}
    write_json(runs / "jobs.json", {**listed, "jobs": [{**job, "whole_machine": False}]})
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "/nowhere")
    (runs / "profiles" / "default").mkdir(parents=True)
    (runs / "profiles" / "default" / "config.yaml").write_text("no-such-option: 1\n")
    monkeypatch.setenv("PYTHONPATH", str(runs.parent))
    for name in ("HOME", "USER", "LOGNAME"):
        monkeypatch.delenv(name, raising=False)
    with open(tmp_path / "lock", "w") as lock:
        assert snakemake.start(runs, ["--cores", "1"], [], lock).wait(120) == 0, snakemake.complaint(runs)
    assert (runs / "stamps" / "a-s0").exists() and (runs / "a-s0" / "log.txt").read_text() == ""


def test_seeds_come_one_after_the_other_and_their_searches_first(tmp_path):
    """Of jobs that all fail at once, Snakemake's log tells the order. What their trainings left stays, however old."""
    job = {"needs": [], "whole_machine": False}
    jobs = [
        {**job, "rule": rule, "id": f"{'ba'[rule == 'search']}-s{seed}", "options": {"seed": seed}}
        for seed in (3, 0, 2, 1)
        for rule in ("train", "search")
    ]
    ids = [job["id"] for job in jobs]
    for id in ids:
        write_json(tmp_path / id / "result.json", {"headline": "a training that ended"})
        os.utime(tmp_path / id / "result.json", (0, 0))
    write_json(tmp_path / "jobs.json", {"executor": "", "cores_per_job": 1, "jobs": jobs, "todo": ids})
    with open(tmp_path / "lock", "w") as lock:
        assert snakemake.start(tmp_path, ["--cores", "1"], [], lock).wait(120)
    assert re.findall(r"jobs\.json ([ab]-s\d)", (tmp_path / "snakemake.log").read_text()) == sorted(
        ids, key=lambda id: (id[-1], id)
    )
    assert all((tmp_path / id / "result.json").exists() for id in ids)


def test_what_all_runs_died_of_is_said_once(tmp_path, capsys):
    suite = tmp_path / "mine.yaml"
    runs = {"defaults": {"epochs": 1}, "seeds": [0, 1, 2, 3], "runs": [{"model": "ircsn_nano"}]}
    suite.write_text(yaml.safe_dump({"data": {"videos": 45}, "train": runs}))
    assert run_suite(suite, out=tmp_path, extra=["--no-such-option"]) == 1
    (told,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("not done")]
    assert told.startswith("not done: moving_shapes-") and "and 3 more; " in told and "--no-such-option" in told


def test_jobs_start_seed_by_seed_searches_first_then_as_the_suite_lists_them(tmp_path):
    """With a bench of its own in the folder, whose jobs only say that they began."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").touch()
    (tmp_path / "bench" / "__main__.py").write_text(
        "import pathlib, sys\npathlib.Path('order.txt').open('a').write(sys.argv[3] + '\\n')\n"
        "pathlib.Path('stamps', sys.argv[3]).touch()\n"
    )
    (tmp_path / "stamps").mkdir()
    rows = [("prepare", "videos", None), ("search", "search", 0), ("search", "search", 1)]
    rows += [("train", net, seed) for net in ("slow", "middle", "a_fast_one") for seed in (0, 1)] + [
        ("costs", "costs", None)
    ]
    jobs = [
        {"id": name if seed is None else f"{name}-s{seed}", "rule": rule, "whole_machine": rule == "costs",
         "options": {} if seed is None else {"seed": seed}, "needs": ["videos"] if seed is not None else []}
        for rule, name, seed in rows
    ]  # fmt: skip
    write_json(
        tmp_path / "jobs.json", {"executor": "", "cores_per_job": 1, "todo": [job["id"] for job in jobs], "jobs": jobs}
    )
    snakefile = ROOT / "bench" / "runner" / "Snakefile"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--cores", "1", "--quiet", "all"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    began = [name for name in (tmp_path / "order.txt").read_text().split() if name[-3:-1] == "-s"]
    nets = ["slow", "middle", "a_fast_one"]
    assert began == [f"{name}-s{seed}" for seed in (0, 1) for name in ("search", *nets)]
