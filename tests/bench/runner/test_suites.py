"""Suites expand to jobs with ids that say what they are, and refuse what does not exist."""

import os

import pytest
import yaml

from bench.runner import job, run
from bench.runner.suite import SUITES, load_suite
from lib.files import read_json, write_json

SPEC = {
    "data": {"videos": 45},
    "train": {"defaults": {"epochs": 2}, "seeds": [0, 1], "runs": [{"model": "ircsn_nano"}]},
    "costs": {"timed_runs": 2},
    "lessons": [{"notebook": "14_trade_offs"}],
}


def suite_of(folder, **changes):
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({**SPEC, **changes}))
    return load_suite(path)


def jobs_of(suite, rule):
    return [job for job in suite.jobs if job.rule == rule]


def test_a_suite_is_expanded(tmp_path):
    suite = suite_of(tmp_path)
    (prepare,), trainings = jobs_of(suite, "prepare"), jobs_of(suite, "train")
    assert suite.name == "mine" and len(suite.jobs) == 5
    assert [job.options["seed"] for job in trainings] == [0, 1]
    assert all(job.options["epochs"] == 2 and job.options["data"] == prepare.id for job in trainings)
    assert all(job.needs == (prepare.id,) for job in trainings)
    assert set(jobs_of(suite, "lesson")[0].needs) == {job.id for job in suite.jobs if job.rule != "lesson"}
    assert jobs_of(suite, "costs")[0].options["nets"] == [
        {"model": "ircsn_nano", "options": {}, "frames": 8, "size": 64}
    ]


def test_a_search_is_a_job_per_seed_on_the_suite_s_data(tmp_path):
    entry = {"notebook": "10_training", "seeds": [0, 1], "parameters": {"epochs": 3}}
    suite = suite_of(tmp_path, searches=[entry])
    (prepare,), searches = jobs_of(suite, "prepare"), jobs_of(suite, "search")
    assert [(job.options["seed"], job.options["epochs"]) for job in searches] == [(0, 3), (1, 3)]
    assert all(job.needs == (prepare.id,) and job.options["data"] == prepare.id for job in searches)
    assert {job.id for job in searches} <= set(jobs_of(suite, "lesson")[0].needs)
    assert "run_dir" not in searches[0].options and "learning_rate" in searches[0].options


def test_an_id_changes_with_its_options_and_with_nothing_else(tmp_path):
    ids = {job.id for job in suite_of(tmp_path).jobs}
    assert {job.id for job in suite_of(tmp_path, about="another text").jobs} == ids
    slower = suite_of(tmp_path, train={**SPEC["train"], "defaults": {"epochs": 3}})
    assert len(ids & {job.id for job in slower.jobs}) == 2 + 1, "data, costs and the lesson's name stay"
    assert all(job.id.startswith("ircsn_nano-motion-s") for job in jobs_of(slower, "train"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trian": {}}, "no key 'trian'; there are about, data"),
        ({"data": {"video": 45}}, "01_dataset_preparation.ipynb has no parameter 'video'"),
        ({"train": {"runs": [{"model": "ircsn_nanoo"}]}}, "no model 'ircsn_nanoo'"),
        ({"train": {"runs": [{"model": "ircsn_nano", "options": {"width": 2}}]}}, "has no option 'width'"),
        ({"train": {"runs": [{"model": "ircsn_nano", "epochs": "8"}]}}, "epochs should be int"),
        ({"train": {"runs": [{"model": "ircsn_nano", "epoch": 8}]}}, "no parameter 'epoch'"),
        ({"searches": [{"notebook": "10_training", "parameters": {"epoch": 8}}]}, "no parameter 'epoch'"),
        ({"train": {"runs": [{"model": "ircsn_nano"}] * 2}}, "two runs are the same"),
        ({"train": {"runs": [{"model": "ircsn_26", "weights": "gone.pth"}]}}, "there is no file 'gone.pth'"),
        (
            {"train": {"runs": [{"model": "ircsn_26", "freeze": "backbone"}]}},
            "freeze: backbone is of published weights",
        ),
    ],
)
def test_mistakes_are_found_before_anything_runs(changes, message, tmp_path):
    with pytest.raises(ValueError, match=f"mine.yaml: .*{message}"):
        suite_of(tmp_path, **changes)


def test_own_videos_alone_are_nothing_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.runner.suite.own_folder", lambda _: "data/mine")
    (tmp_path / "mine.yaml").write_text("data: {manifest: data/mine}")
    with pytest.raises(ValueError, match="mine.yaml: there is nothing to run; it needs train, searches or lessons"):
        load_suite(tmp_path / "mine.yaml")


def test_threads_are_the_suites(tmp_path):
    """One, and then no id says so; more are part of every id that they change."""
    one, same, two = suite_of(tmp_path), suite_of(tmp_path, threads=1), suite_of(tmp_path, threads=2)
    assert (one.threads, two.threads) == (1, 2) and one.jobs == same.jobs
    changed = {job.rule for job in two.jobs if job.id not in {job.id for job in one.jobs}}
    assert changed == {"train", "lesson"}
    for wrong in (0, True, "2", 1.0):
        with pytest.raises(ValueError, match="mine.yaml: threads must be a whole number from 1 to 1024, not"):
            suite_of(tmp_path, threads=wrong)


@pytest.mark.parametrize(("cores", "jobs"), [(1, None), (2, 1), (8, 2), (64, None)])
def test_what_a_job_is_told_does_not_depend_on_the_machine(cores, jobs, tmp_path, monkeypatch):
    """Not on its cores, nor on how many jobs run at a time: Snakemake books cores, no training has more threads."""
    monkeypatch.setattr(run, "_work", lambda *_: None)
    monkeypatch.setattr(run.snakemake, "start", lambda *_: None)
    monkeypatch.setattr(run, "_write_results", lambda *_: None)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    (tmp_path / "results" / "mine").mkdir(parents=True)
    (left := tmp_path / "results" / "mine" / ".runs.csv.123.tmp").touch()  # of one that was killed
    run.run_suite(path, out=tmp_path, cores=cores, jobs=jobs)
    assert not left.exists()
    listed = read_json(tmp_path / "runs" / "mine" / "jobs.json")
    assert listed["threads"] == 1 and listed["cores_per_job"] == cores // (jobs or cores)
    told = {}
    monkeypatch.setattr(job, "execute", lambda notebook, executed, parameters: told.update(parameters, **os.environ))
    for each in (each for each in listed["jobs"] if each["rule"] in ("train", "lesson")):
        with pytest.raises(RuntimeError, match="ended without"):
            job.run_job(tmp_path / "runs" / "mine" / "jobs.json", each["id"], cores)
        assert told["threads"] == 1 and told["OMP_NUM_THREADS"] == told["NUMBA_NUM_THREADS"] == "1"


def test_a_machine_of_one_core_runs_one_job(tmp_path):
    machine = run._machine(suite_of(tmp_path, threads=2), 1, None, "cpu", None)
    assert machine["cores"] == 1 and machine["said"] == "1 at a time on 1 cores"


def test_a_finished_training_of_other_threads_is_not_done(tmp_path):
    write_json(tmp_path / "done.json", {"headline": "x", "provenance": {"threads": 2, "device": "a CPU"}})
    listed = {"data": "", "device": "cpu", "threads": 1}
    assert job.finished(tmp_path, {"rule": "train", "id": "a"}, {**listed, "threads": 2})
    assert job.finished(tmp_path, {"rule": "costs", "id": "a"}, listed), "a timing says with how many"
    assert job.finished(tmp_path, {"rule": "train", "id": "a"}, {**listed, "device": "cuda"})
    assert not job.finished(tmp_path, {"rule": "train", "id": "a"}, listed)


def test_a_job_whose_promised_files_are_gone_is_not_done(tmp_path):
    write_json(tmp_path / "done.json", {"headline": "x", "files": ["notebook.ipynb", "curves.png"]})
    (tmp_path / "notebook.ipynb").write_text("{}")
    assert not job.finished(tmp_path, {"rule": "costs", "id": "a"}, {"data": ""})
    (tmp_path / "curves.png").write_bytes(b"x")
    assert job.finished(tmp_path, {"rule": "costs", "id": "a"}, {"data": ""})


def test_an_unknown_suite_names_the_known_ones():
    with pytest.raises(ValueError, match="no suite 'quik'; there are .*quick.*smoke"):
        load_suite("quik")


@pytest.mark.parametrize("name", sorted(path.stem for path in SUITES.glob("*.yaml")))
def test_every_suite_expands(name):
    assert load_suite(name).jobs


def test_the_smoke_suite_runs_every_notebook():
    from bench.runner.suite import NOTEBOOKS

    ran = {job.notebook for job in load_suite("smoke").jobs}
    assert ran == {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
