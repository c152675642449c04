"""A suite on a real Slurm: killed jobs are submitted again and go on, and the tables are those of this machine.

make test-slurm. bench/README.md says how one machine becomes a cluster of its own.
"""

import subprocess

import pytest
from helpers.suite_runs import same_results
from helpers.watched_suites import SOONER, check_a_cluster, start, wait_for

from bench.report.live import epochs_so_far
from bench.runner import slurm
from bench.runner.status import state
from bench.runner.suite import load_suite
from lib.files import read_json
from lib.run import done

pytestmark = pytest.mark.slurm
EPOCHS = 60
SUITE = f"""
data: {{videos: 72, frames: 16, size: 32, seed: 0}}
threads: 1
train:
  defaults: {{frames: 8, size: 32, epochs: {EPOCHS}, batch_size: 8}}
  runs: [{{model: ircsn_nano}}, {{model: mobilenetv2_3d_nano}}, {{model: c2d_nano, epochs: 2}}]
searches:
  - notebook: 11_search_sub_kernels
    parameters: {{size: 32, search_epochs: 1, epochs: 1, batch_size: 8}}
costs: {{timed_runs: 3}}
resources:
  restarts: 2
  defaults: {{memory: 2GB, minutes: 20}}
  prepare: {{cpus: 2}}
  costs: {{cpus: 2}}
"""
FAILING = """
data: {videos: 24, frames: 8, size: 32, seed: 0}
train:
  runs: [{model: never_trains, frames: 8, size: 32, epochs: 1, batch_size: 4}]
modules: [never_trains.py]
resources: {restarts: 2, defaults: {memory: 2GB, minutes: 20}}
"""
NET = """
from torch import nn
from lib import register


class Never(nn.Sequential):
    def forward(self, x):
        if self.training:
            raise RuntimeError("this net never trains")
        return super().forward(x)


@register
def never_trains(num_classes=8):
    return Never(nn.Conv3d(3, 4, 3), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, num_classes))
"""


@pytest.fixture(scope="module", autouse=True)
def a_cluster():
    check_a_cluster()


def kill(victims, runner):
    """End the Slurm jobs of trainings that have ended their first epoch, as they come. -> {run folder: job's number}

    victims  {run folder: options of scancel}
    """
    killed = {}

    def all_killed():
        queued = slurm.queue(next(iter(victims)).parent)
        for run_dir in set(victims) - set(killed):
            job = queued.get(run_dir.name)
            if job and job.state == "RUNNING" and 1 <= len(epochs_so_far(run_dir)) < EPOCHS:
                subprocess.run(["scancel", *victims[run_dir], job.number], check=True)
                killed[run_dir] = job.number
        return len(killed) == len(victims) and killed

    return wait_for(all_killed, runner)


def test_killed_jobs_go_on_and_the_tables_are_the_local_ones(tmp_path):
    suite = tmp_path / "small.yaml"
    suite.write_text(SUITE)
    local = start(suite, tmp_path / "local")
    assert "small/trade_off.png" in local.communicate()[0]
    out = tmp_path / "cluster"
    runs = {job.options.get("model"): out / "runs" / "small" / job.id for job in load_suite(suite).jobs[2:5]}
    runner = start(suite, out, *SOONER)
    by_signal = ("--signal=KILL", "--full")
    victims = {runs["ircsn_nano"]: (), runs["mobilenetv2_3d_nano"]: by_signal}
    first = kill(victims, runner)
    epochs = {run.name: len(epochs_so_far(run)) for run in first}
    said = runner.communicate(timeout=2400)[0]
    print(f"{said}killed: Slurm's jobs {list(first.values())}, after epochs {epochs}")
    assert runner.returncode == 0, said
    log = (out / "runs" / "small" / "snakemake.log").read_text()
    for run, number in first.items():
        submitted = [line for line in log.splitlines() if "submitted with SLURM jobid" in line and run.name in line]
        assert len(submitted) == 2 and f"jobid {number} " in submitted[0], submitted
        assert done(run) and state(run, {})[0] == "done"
    assert "CANCELLED" in slurm.attempts(runs["ircsn_nano"])[0].read_text()
    same_results(tmp_path / "local", out, "small")


def test_what_fails_by_itself_is_not_tried_again_and_says_why(tmp_path):
    suite = tmp_path / "failing.yaml"
    suite.write_text(FAILING)
    (tmp_path / "never_trains.py").write_text(NET)
    runner = start(suite, tmp_path, *SOONER)
    said = runner.communicate(timeout=2400)[0]
    _, train, _ = load_suite(suite).jobs
    run_dir = tmp_path / "runs" / "failing" / train.id
    assert runner.returncode == 1 and "RuntimeError: this net never trains" in said, said
    word, text = state(run_dir, {}, slurm.queue(run_dir.parent).get(train.id))
    assert word == "failed" and "RuntimeError: this net never trains" in text
    assert "not tried again, for it was not killed" in (run_dir / "log.txt").read_text()
    assert read_json(run_dir / "failed.json")["killed"] is False
