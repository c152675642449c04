"""Suites expand to jobs with ids that say what they are, and refuse what does not exist."""

import pytest
import yaml

from bench.runner.suite import SUITES, load_suite

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
        ({"train": {"runs": [{"model": "ircsn_26", "weights": "gone.pth"}]}}, "there is no file gone.pth"),
        (
            {"train": {"runs": [{"model": "ircsn_26", "freeze": "backbone"}]}},
            "freeze: backbone is of published weights",
        ),
    ],
)
def test_mistakes_are_found_before_anything_runs(changes, message, tmp_path):
    with pytest.raises(ValueError, match=f"mine.yaml: .*{message}"):
        suite_of(tmp_path, **changes)


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
