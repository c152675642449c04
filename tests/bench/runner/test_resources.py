"""What a suite asks of a cluster: each mistake is said before anything runs, and what the cluster cannot do as well."""

from types import SimpleNamespace
from typing import NamedTuple

import pytest

from bench.runner import slurm
from bench.runner.resources import asked, megabytes
from bench.runner.suite import load_suite

SUITE = "data: {{videos: 24, frames: 8, size: 32}}\ntrain: {{runs: [{{model: c2d_nano, size: 32}}]}}\n{}\n"
MISTAKES = [
    ("resources: []", "resources must be a mapping of restarts, defaults, prepare, search, train, costs, lesson"),
    ("resources: {trains: {cpus: 2}}", "resources has no key 'trains'; there are restarts, defaults, prepare"),
    (
        "resources: {train: {memroy: 8GB}}",
        "resources.train has no key 'memroy'; there are cpus, memory, gpus, minutes, partition, account",
    ),
    ("resources: {train: {memory: 8}}", "resources.train.memory must be an amount such as 8GB or 500MB, not 8"),
    ("resources: {train: {memory: 8TB}}", "an amount such as 8GB"),
    ("resources: {train: {memory: 0GB}}", "an amount such as 8GB"),
    ("resources: {train: {memory: 1e9GB}}", "an amount such as 8GB"),
    ("resources: {train: {cpus: 0}}", "resources.train.cpus must be a whole number from 1 to 1024, not 0"),
    ("resources: {train: {cpus: '2'}}", "whole number"),
    ("resources: {train: {cpus: true}}", "whole number"),
    ("resources: {train: {minutes: 0.5}}", "resources.train.minutes must be a whole number from 1"),
    ("resources: {train: {minutes: 100000}}", "whole number from 1 to 86400"),
    ("resources: {train: {gpus: 65}}", "resources.train.gpus must be a whole number from 0 to 64, not 65"),
    ("resources: {restarts: -1}", "resources.restarts must be a whole number from 0 to 100, not -1"),
    ("resources: {train: {partition: 'gpu; rm'}}", "resources.train.partition must be a name of the cluster's"),
    ("resources: {train: {account: 3}}", "resources.train.account must be a name"),
    ("threads: 4\nresources: {train: {cpus: 2}}", "train has cpus: 2, but the suite trains with threads: 4"),
    ("threads: 4\nresources: {defaults: {cpus: 2}}", "has cpus: 2, but the suite trains with threads: 4"),
    ("processes: 2\nresources: {train: {cpus: 1}}", "but the suite trains with threads: 1 in each of 2 processes"),
    ("resources: {prepare: {gpus: 1}}", "prepare has gpus: 1, but preparing videos uses none"),
]


class Numbers(NamedTuple):
    threads: int = 1
    processes: int = 1


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_a_mistake_names_the_key_and_what_is_right(text, said, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE.format(text))
    with pytest.raises(ValueError) as error:
        load_suite(path)
    assert said in str(error.value) and "mine.yaml" in str(error.value)


def test_resources_change_no_id_and_threads_do(tmp_path):
    ids = {}
    for name, text in {"plain": "", "asking": "resources: {train: {cpus: 8}}", "two": "threads: 2"}.items():
        (tmp_path / f"{name}.yaml").write_text(SUITE.format(text))
        ids[name] = [job.id for job in load_suite(tmp_path / f"{name}.yaml").jobs]
    assert ids["plain"] == ids["asking"]
    assert [a == b for a, b in zip(ids["plain"], ids["two"], strict=True)] == [True, False, True]  # training alone


def test_a_rules_own_entry_comes_before_the_defaults():
    section = {"defaults": {"cpus": 4, "minutes": 60}, "train": {"minutes": 600, "memory": "0.5 GB"}}
    plain = {"gpus": 0, "partition": "", "account": ""}
    assert asked(section, "train", Numbers(2)) == {"cpus": 4, "minutes": 600, "memory": 500, **plain}
    assert asked({}, "search", Numbers(3)) == {"cpus": 3, "minutes": 240, "memory": 8000, **plain}
    assert [megabytes(text) for text in ("1MB", "1.5GB", "2 GB")] == [1, 1500, 2000]


def test_a_gpu_is_asked_for_where_it_is_used():
    rules, four = ("prepare", "train", "costs"), Numbers(2, 4)
    assert [asked({}, rule, Numbers(), "cuda")["gpus"] for rule in rules] == [0, 1, 1]
    assert [asked({}, rule, four, "cuda")["gpus"] for rule in rules] == [0, 4, 1]
    assert [asked({}, rule, four)["cpus"] for rule in ("train", "search")] == [8, 2]
    assert asked({"defaults": {"gpus": 1}}, "prepare", Numbers(), "cuda")["gpus"] == 0
    with pytest.raises(ValueError, match="gpus: 0, but on --device cuda a job uses 1: say gpus: 1"):
        asked({"train": {"gpus": 0}}, "train", Numbers(), "cuda")
    with pytest.raises(ValueError, match="gpus: 2, but on --device cuda a job uses 1"):
        asked({"train": {"gpus": 2}}, "train", Numbers(), "cuda")
    with pytest.raises(ValueError, match="--device cpu leaves idle: add --device cuda"):
        asked({"train": {"gpus": 1}}, "train", Numbers(), "cpu")


PLUGIN = SimpleNamespace(common_settings=SimpleNamespace(implies_no_shared_fs=False))
SINFO = "all*|16|64000+|1-00:00:00|(null)\nall*|32|32000|1-00:00:00|(null)\ngpu|8|128000|infinite|gpu:a100:4(S:0)\n"
REQUEST = {"cpus": 1, "memory": 8000, "gpus": 0, "minutes": 60, "partition": "", "account": ""}
BEYOND = [
    ({}, None),
    ({"cpus": 32, "memory": 64000, "minutes": 1440}, None),
    ({"partition": "gpu", "gpus": 1, "minutes": 86400}, None),
    ({"partition": "all,gpu", "memory": 128000}, None),
    ({"cpus": 33}, "resources: train: cpus 33, but the default partition allows 32"),
    ({"memory": 64001}, "memory 64001 MB, but the default partition allows 64000 MB"),
    ({"minutes": 1441, "partition": "all"}, "minutes 1441, but partition all allows 1440"),
    ({"gpus": 1, "partition": "all"}, "gpus 1, but no node of all has one"),
    ({"partition": "gpus"}, "resources: train: no partition 'gpus'; there are all, gpu"),
]


@pytest.mark.parametrize(("change", "said"), BEYOND)
def test_what_the_cluster_cannot_do_is_said_before_anything_is_submitted(change, said, monkeypatch):
    monkeypatch.setattr(slurm, "_answers", lambda *command: SINFO)
    monkeypatch.setattr(slurm.shutil, "which", lambda name: name)
    monkeypatch.setattr(slurm.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(slurm.importlib, "import_module", lambda name: PLUGIN)
    if said is None:
        return slurm.check("slurm", {"train": {**REQUEST, **change}})
    with pytest.raises(ValueError) as error:
        slurm.check("slurm", {"train": {**REQUEST, **change}})
    assert said in str(error.value)


def test_what_is_missing_here_is_named(monkeypatch):
    with pytest.raises(
        ValueError, match="snakemake-executor-plugin-nowhere: pip install snakemake-executor-plugin-now"
    ):
        slurm.check("nowhere", {})
    monkeypatch.setattr(slurm.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"--executor slurm needs the package .*\[slurm\]"):
        slurm.check("slurm", {})
    monkeypatch.setattr(slurm.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(slurm.importlib, "import_module", lambda name: PLUGIN)
    monkeypatch.setattr(slurm.shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="no sbatch here; call it on a login node"):
        slurm.check("slurm", {})
    PLUGIN.common_settings.implies_no_shared_fs = True
    with pytest.raises(ValueError, match="its jobs share no files, but runs are folders"):
        slurm.check("kubernetes", {})
    PLUGIN.common_settings.implies_no_shared_fs = False


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [("infinite", float("inf")), ("30:00", 30), ("1:30:00", 90), ("2-00:00:00", 2880), ("10-12:01:00", 15121)],
)
def test_slurms_words_for_a_time(limit, minutes):
    assert slurm._minutes(limit) == minutes


LOG = "Building DAG\nslurmstepd: error: *** JOB 7 ON a3 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***\n"


def test_why_a_job_was_killed_is_in_its_log(tmp_path):
    run_dir = tmp_path / "c2d_nano-s0-0123abcd"
    assert slurm.why(run_dir) == ("", None)
    home = tmp_path / "slurm" / "rule_job" / run_dir.name
    home.mkdir(parents=True)
    (home / "7.log").write_text(LOG)
    said, log = slurm.why(run_dir)
    assert said.endswith("DUE TO TIME LIMIT ***") and log == home / "7.log"
    (home / "7.log").write_text("x\nslurmstepd: error: Detected 1 oom_kill event in StepId=7.0. Some were killed\ny\n")
    assert "oom_kill" in slurm.why(run_dir)[0]


def test_the_queue_knows_runs_by_folder_and_comment(monkeypatch, tmp_path):
    rows = [
        f"9|RUNNING|None|rule_job_wildcards_a-1|{tmp_path}",
        f"8|CANCELLED|None|rule_job_wildcards_a-1|{tmp_path}",
        f"10|PENDING|Resources|rule_job_wildcards_b-2|{tmp_path}",
        "11|PENDING|Resources|rule_job_wildcards_c-3|/elsewhere",
        "12|PENDING|Priority||/elsewhere|others",
    ]
    monkeypatch.setattr(slurm, "_answers", lambda *command: "\n".join(rows) + "\n")
    assert slurm.queue(tmp_path) == {"a-1": ("9", "RUNNING", "None"), "b-2": ("10", "PENDING", "Resources")}
    asked = []
    monkeypatch.setattr(slurm, "_answers", lambda *c: asked.append(c) if c[0] == "scancel" else "\n".join(rows))
    assert slurm.cancel(tmp_path) == 2 and asked == [("scancel", "9", "10")]
