"""Trainings by two processes each on Slurm: however they are killed, they go on, and the tables are the local ones.

make test-slurm. bench/README.md says how one machine becomes a cluster of its own.
"""

import subprocess

import pytest
from helpers.suite_runs import same_results
from helpers.watched_suites import SOONER, check_a_cluster, kill_one, processes_of, start, wait_for

from bench.report.live import epochs_so_far
from bench.runner import slurm
from bench.runner.status import state
from bench.runner.suite import load_suite
from lib.files import held
from lib.run import done

pytestmark = pytest.mark.slurm
EPOCHS = 24
SUITE = f"""
data: {{videos: 72, frames: 16, size: 32, seed: 0}}
threads: 1
processes: 2
train:
  defaults: {{frames: 8, size: 32, epochs: {EPOCHS}, batch_size: 8}}
  runs: [{{model: ircsn_nano}}, {{model: mobilenetv2_3d_nano}}, {{model: rubiksnet_nano}}]
costs: {{timed_runs: 3}}
resources:
  restarts: 2
  defaults: {{memory: 2GB, minutes: 20}}
  prepare: {{cpus: 2}}
  costs: {{cpus: 2}}
"""


def whole_job(run_id, number):
    subprocess.run(["scancel", "--signal=KILL", "--full", number], check=True)
    return True


# which training loses what: the whole job, its second process, what started both
VICTIMS = {
    "ircsn_nano": whole_job,
    "mobilenetv2_3d_nano": lambda run_id, _: kill_one(run_id, 1),
    "rubiksnet_nano": lambda run_id, _: kill_one(run_id, -1),
}


@pytest.fixture(scope="module", autouse=True)
def a_cluster():
    check_a_cluster()


def kill_in_the_middle(runs, runner):
    """Kill every training once, after its first epoch.  -> {model: (job's number, its cpus, what status said)}"""
    killed = {}

    def all_killed():
        for model in set(runs) - set(killed):
            run, job = runs[model], slurm.queue(runs[model].parent).get(runs[model].name)
            if not job or job.state != "RUNNING" or not 1 <= len(epochs_so_far(run)) < EPOCHS:
                continue
            word, said = state(run, {"epochs": EPOCHS}, job)  # a line of `bench status`
            cpus = subprocess.run(["squeue", "-h", "-o", "%C", "-j", job.number], capture_output=True, text=True)
            if VICTIMS[model](run.name, job.number):
                killed[model] = job.number, cpus.stdout.strip(), f"{word} {said}"
                print(f"killed: {model}, Slurm's job {job.number}; status: {word} {said}", flush=True)
        return len(killed) == len(runs) and killed

    return wait_for(all_killed, runner)


def test_trainings_of_two_processes_go_on_however_they_are_killed(tmp_path):
    suite = tmp_path / "two.yaml"
    suite.write_text(SUITE)
    local = start(suite, tmp_path / "local")
    said = local.communicate()[0]
    print(said)
    assert local.returncode == 0, said
    out = tmp_path / "cluster"
    trainings = [job for job in load_suite(suite).jobs if job.rule == "train"]
    runs = {job.options["model"]: out / "runs" / "two" / job.id for job in trainings}
    runner = start(suite, out, *SOONER)
    killed = kill_in_the_middle(runs, runner)
    said = runner.communicate(timeout=2400)[0]
    print(said)
    assert runner.returncode == 0, said
    log = (out / "runs" / "two" / "snakemake.log").read_text()
    for model, (number, cpus, status) in killed.items():
        run = runs[model]
        submitted = [line for line in log.splitlines() if "submitted with SLURM jobid" in line and run.name in line]
        assert len(submitted) == 2 and f"jobid {number} " in submitted[0], submitted
        assert cpus == "2" and status.startswith("running") and f"of {EPOCHS}, loss" in status
        assert done(run)["provenance"]["processes"] == 2 and state(run, {})[0] == "done"
        assert not processes_of(run.name) and not held(run) and not held(run, "job.lock")
    same_results(tmp_path / "local", out, "two")
