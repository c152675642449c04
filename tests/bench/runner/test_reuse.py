"""`bench run --reuse`: what is done elsewhere is taken, whole and as it is, and nothing else."""

from types import SimpleNamespace

import pytest
from helpers.suite_runs import write_runs

from bench.runner.job import finished
from bench.runner.reuse import take
from bench.runner.suite import load_suite
from lib.files import read_json, write_json, write_text
from lib.run import ROOT

SHIPPED = ROOT / "results" / "shipped"
FACTS = {"data": "", "device": "cpu", "threads": 1}


@pytest.fixture
def there(tmp_path):
    """A folder of three runs: one has more files than its record, one did not end."""
    runs = write_runs(tmp_path / "there", [("p3d_nano", {0: 75, 1: 50, 2: None}), ("ircsn_nano", {0: 25})])
    first = runs / jobs_of(runs)[0].id
    write_json(first / "done.json", {**read_json(first / "done.json"), "files": ["notebook.ipynb"]})
    write_text(first / "metrics.jsonl", '{"seconds": 1.001}\n')
    return runs


def jobs_of(runs, *rules):
    return [
        SimpleNamespace(**job) for job in read_json(runs / "jobs.json")["jobs"] if job["rule"] in (rules or ("train",))
    ]


def is_done(runs, job):
    return finished(runs / job.id, vars(job), FACTS)


def test_records_are_taken_as_they_are(there, tmp_path):
    first, second, unended, other = jobs_of(there)
    said = take(there, here := tmp_path / "here", [first, unended, other], FACTS)
    assert said == f"2 runs are taken from {there}, without weights; made on x, torch x"
    assert sorted(path.name for path in here.iterdir()) == sorted([first.id, other.id])
    for name in ("done.json", "metrics.jsonl"):
        assert (here / first.id / name).read_bytes() == (there / first.id / name).read_bytes()
    assert is_done(here, first), "though the notebook lies elsewhere"
    assert not is_done(there, first), "whoever made it has lost its notebook"
    assert not is_done(here, second) and not is_done(here, unended)


def test_a_suite_as_it_is_shipped_holds_its_runs_in_a_folder(there, tmp_path):
    (tmp_path / "suite").mkdir()
    there.rename(tmp_path / "suite" / "runs")
    assert take(tmp_path / "suite", tmp_path / "here", jobs_of(tmp_path / "suite" / "runs"), FACTS).startswith("3 runs")


@pytest.mark.parametrize("begun", ["run.json", "notebook.ipynb"])
def test_what_was_begun_here_goes_on_here(there, begun, tmp_path):
    """A search has run.json in the folders of its trainings alone."""
    job, here = jobs_of(there)[0], tmp_path / "here"
    write_json(here / job.id / begun, {"seed": 0})
    assert take(there, here, [job], FACTS) == f"0 runs are taken from {there}, without weights"
    assert [path.name for path in (here / job.id).iterdir()] == [begun]


def test_a_run_made_here_after_all_has_to_keep_its_files(there, tmp_path):
    job, here = jobs_of(there)[0], tmp_path / "here"
    take(there, here, [job], FACTS)
    write_json(here / job.id / "done.json", {"headline": "mine", "files": ["notebook.ipynb"]})
    assert not is_done(here, job)


def test_a_training_by_other_threads_is_left(there, tmp_path):
    said = take(there, tmp_path / "here", jobs_of(there), {**FACTS, "threads": 2})
    assert said.startswith("0 runs are taken") and said.endswith("; 3 by another number of threads than 2 are not")
    assert not (tmp_path / "here").exists()


def test_nothing_is_taken_where_one_record_is_not_right(there, tmp_path):
    jobs = jobs_of(there)
    path = there / jobs[3].id / "done.json"
    record = read_json(path)
    record["test"]["top1"] = 99.0
    write_json(path, record)
    with pytest.raises(ValueError, match=rf"{jobs[3].id}.*top1"):
        take(there, tmp_path / "here", jobs, FACTS)
    assert not (tmp_path / "here").exists()


def test_epochs_that_are_not_the_records_are_refused(there, tmp_path):
    job = jobs_of(there)[0]
    write_text(there / job.id / "metrics.jsonl", '{"seconds": 2.0}\n')
    with pytest.raises(ValueError, match="different epochs"):
        take(there, tmp_path / "here", [job], FACTS)
    assert not (tmp_path / "here" / job.id / "done.json").exists()


def test_a_folder_without_runs_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere/runs holds no jobs.json"):
        take(tmp_path / "nowhere", tmp_path / "here", [], FACTS)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in SHIPPED.glob("*/runs")))
def test_shipped_runs_are_those_that_the_suite_asks_for(name, tmp_path):
    asked = [job for job in load_suite(name).jobs if job.rule in ("train", "search")]
    assert take(SHIPPED / name, tmp_path, asked, FACTS).startswith(f"{len(asked)} runs are taken")
