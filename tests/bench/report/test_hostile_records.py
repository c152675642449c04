"""Records and jobs as somebody edited, copied or cut them: refused by the file's name, never in a table."""

import os
import shutil

import pytest
from helpers.suite_runs import a_job, a_test, home_of, write_runs, write_search

from bench.report import tables
from bench.report.claims import claims
from bench.report.csv_files import write
from bench.report.records import unsigned
from bench.report.searches import search_runs, searches
from bench.report.shipped_runs import check_epochs, put_right, ship_runs
from bench.report.trainings import trade_off, trainings
from lib.files import read_json, write_json
from lib.run import checksum, done, done_or_aside, say_done

NETS = [("resnet3d_nano", {0: 91, 1: 90, 2: 92}), ("c2d_nano", {0: 12, 1: 14, 2: 13}), ("ircsn_nano", {0: 50})]
NAN = float("nan")


@pytest.fixture
def runs(tmp_path):
    return write_runs(tmp_path / "runs" / "mine", NETS, {"resnet3d_nano": 0.05, "c2d_nano": 0.04}, videos=100)


def without(key):
    return lambda record: {name: value for name, value in record.items() if name != key}


def but(**changes):
    return lambda record: {**record, **changes}


def inside(key, **changes):
    return lambda record: {**record, key: {**record[key], **changes}}


EDITS = {
    "no test": (without("test"), "has no test"),
    "no history": (without("history"), "has no history"),
    "no epoch": (but(history=[]), "history must be a list of at least one"),
    "history is null": (but(history=None), "history must be"),
    "seconds as text": (but(history=[{"seconds": "1"}]), "entry 1: seconds must be a number"),
    "loss is not a number": (but(history=[{"seconds": 1.0, "train_loss": NAN}]), "train_loss must be a number"),
    "val over 100": (but(history=[{"seconds": 1.0, "val_top1": 1e9}] * 9), "val_top1 must be a number from 0 to 100"),
    "no provenance": (without("provenance"), "has no provenance"),
    "provenance as text": (but(provenance="here"), "provenance must be a mapping"),
    "commits in a list": (inside("provenance", commit=["a"]), "commit must be text"),
    "precision in a list": (but(precision=["fp32"]), "precision must be text"),
    "no answers": (inside("test", predicted=None), "predicted must be a list"),
    "classes as text": (inside("test", classes="8"), "classes must be a whole number"),
    "classes without end": (inside("test", classes=10**400), "a number of very many digits"),
    "top1 is not a number": (inside("test", top1=NAN), "top1 must be a number"),
    "top1 as text": (inside("test", top1="91"), "top1 must be a number"),
    "top5 under top1": (inside("test", top5=1.0), "top5 is 1, less than top1"),
    "yes for a share": (inside("test", clip_top1=True), "clip_top1 must be a number"),
    "videos as a float": (inside("test", videos=100.0), "videos must be a whole number"),
    "views as text": (inside("test", views="a|b"), "views must be a whole number"),
    "half of the videos": (but(test=a_test(90, 50)), "answered other test videos"),
}


@pytest.mark.parametrize("edit, words", EDITS.values(), ids=EDITS)
def test_an_edited_record(runs, edit, words):
    file = home_of(runs, "run-0") / "done.json"
    write_json(file, edit(read_json(file)))
    with pytest.raises(ValueError, match=words) as raised:
        trade_off(runs)
    assert str(file) in str(raised.value) or "answered other" in words


@pytest.mark.parametrize(
    "edit, words",
    [
        (without("nets"), "has no nets"),
        (lambda r: {**r, "nets": [{**net, "gmacs": "x"} for net in r["nets"]]}, "entry 1: gmacs must be a number"),
        (lambda r: {**r, "nets": [{**net, "gmacs": -1} for net in r["nets"]]}, "gmacs must be a number from 0"),
        (lambda r: {**r, "nets": r["nets"] + [{**net, "gmacs": 9} for net in r["nets"]]}, "counts resnet3d_nano twice"),
    ],
)
def test_edited_costs(runs, edit, words):
    file = home_of(runs, "costs") / "done.json"
    write_json(file, edit(read_json(file)))
    with pytest.raises(ValueError, match=words):
        trade_off(runs)


def test_an_interval_that_is_not_told_is_counted(runs):
    file, before = home_of(runs, "run-0") / "done.json", trainings(runs)
    write_json(file, inside("test", top1_low=None)(read_json(file)))
    assert trainings(runs).equals(before)


def jobs(change):
    return lambda listed: {"jobs": [change(job) for job in listed["jobs"]]}


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda listed: {"x": 1}, "has no jobs"),
        (lambda listed: {"jobs": None}, "jobs must be a list"),
        (lambda listed: {"jobs": [1]}, "entry 1 must be a mapping"),
        (jobs(without("id")), "entry 1 has no id"),
        (jobs(but(id="../run-0")), "cannot be part of a path"),
        (jobs(inside("options", seed=3)), "not those that this id was made of"),
        (jobs(inside("options", model="p3d_nano")), "not those that this id was made of"),
        (jobs(but(modules="another")), "not those that this id was made of"),
        (jobs(but(options={})), "has no model"),
        (lambda listed: {"jobs": listed["jobs"] * 2}, "lists .* twice"),
    ],
)
def test_edited_jobs(runs, change, words):
    write_json(runs / "jobs.json", change(read_json(runs / "jobs.json")))
    with pytest.raises(ValueError, match=f"jobs.json.*{words}"):
        trainings(runs)


def test_a_record_of_another_run_is_not_read(runs):
    """Copied, or its folder renamed: by the name inside, of an old record by being there twice."""
    first, second = home_of(runs, "run-0"), home_of(runs, "run-1")
    shutil.copyfile(second / "done.json", first / "done.json")
    with pytest.raises(ValueError, match="hold the same record"):
        trade_off(runs)
    say_done(second, read_json(second / "done.json"))
    shutil.copyfile(second / "done.json", first / "done.json")
    with pytest.raises(ValueError, match=f"record of another run, '{second.name}'"):
        trainings(runs)
    assert done(second) and done_or_aside(first) is None and len(trainings(runs)) == 6
    shutil.rmtree(first)
    first.symlink_to(second)
    with pytest.raises(ValueError, match="is a link to .*another run's folder"):
        trainings(runs)


@pytest.mark.parametrize("edit, words", [
    (inside("provenance", date="yesterday"), "its checksum is wrong"),
    (without("sha256"), "its checksum is gone"),
    (but(sha256=None), "its checksum is wrong"),
])  # fmt: skip
def test_a_record_that_was_changed_is_set_aside_by_who_runs_it_again_alone(runs, edit, words, capsys):
    folder = home_of(runs, "run-0")
    say_done(folder, read_json(folder / "done.json"))
    record, file = read_json(folder / "done.json"), folder / "done.json"
    assert done(folder) == record
    write_json(file, edit(record))
    for read in (trade_off, trainings, lambda _: done(folder)):
        before = file.read_bytes()
        with pytest.raises(ValueError, match=f"{file}.*{words}.*`bench run` makes it again"):
            read(runs)
        assert file.read_bytes() == before and os.listdir(folder) == ["done.json"]
    assert done_or_aside(folder) is None and words in capsys.readouterr().err and not file.exists()


FIGURES = {seed: {"found": 70 + seed, "far": 20 + seed} for seed in range(3)}


@pytest.mark.parametrize(
    "rows, words",
    [
        ({**FIGURES, 1: {}}, "variants has no what was found"),
        ({**FIGURES, 1: {"far": 20, "found": 70}}, "/search-0-.* found 'found', .*/search-1-.* 'far'"),
        ({seed: {"found": (70, {"top1": 99}), "far": 20} for seed in range(3)}, "cannot be called top1"),
        ({seed: {"found": (70, {"commit": "a"}), "far": 20} for seed in range(3)}, "cannot be called commit"),
    ],
)
def test_edited_searches(tmp_path, rows, words):
    write_search(tmp_path, {("search", seed): row for seed, row in rows.items()})
    with pytest.raises(ValueError, match=words):
        searches(tmp_path)


def test_a_search_that_its_answers_refute(tmp_path):
    write_search(tmp_path, {("search", seed): row for seed, row in FIGURES.items()})
    file = home_of(tmp_path, "search-0") / "done.json"
    record = read_json(file)
    record["variants"]["far"]["test"]["top1"] = 99.0
    write_json(file, record)
    for table in (searches, search_runs):
        with pytest.raises(ValueError, match=f"{file}, far: top1 is 99, but its .* answers give"):
            table(tmp_path)


def test_a_search_twice_with_a_seed(tmp_path):
    write_search(tmp_path, {("search", seed): row for seed, row in FIGURES.items()})
    job = read_json(tmp_path / "jobs.json")["jobs"][0]
    other = a_job("again", "search", job["options"], "search")
    write_json(tmp_path / "jobs.json", {"jobs": [*read_json(tmp_path / "jobs.json")["jobs"], other]})
    record = read_json(home_of(tmp_path, "search-0") / "done.json")
    write_json(tmp_path / other["id"] / "done.json", {**record, "history": "of another time"})
    with pytest.raises(ValueError, match="searched twice with seed 0: .*/search-0-.*, .*/again"):
        searches(tmp_path)


@pytest.fixture
def clone(runs, tmp_path, monkeypatch):
    """A suite's tables beside its runs, and where they are shipped to."""
    monkeypatch.setattr(tables, "ROOT", tmp_path / "clone")
    for name, make in tables.MADE.items():
        if len(table := make(runs)):
            write(table, tmp_path / "results" / "mine", name)
    return tmp_path / "clone" / "results" / "shipped" / "mine"


@pytest.mark.parametrize("name", ["", ".", "..", "../mine", "/tmp", "a\nb", "published", "shipped", "x" * 300])
def test_ship_writes_to_a_suite_s_folder_alone(clone, tmp_path, name):
    with pytest.raises(ValueError, match="results/|part of a path"):
        tables.ship(name, tmp_path)
    assert not (tmp_path / "clone").exists()


def test_ship_refuses_a_table_that_is_not_its_runs(clone, tmp_path):
    file = tmp_path / "results" / "mine" / "trade_off.csv"
    file.write_text(file.read_text().replace(",91.0,", ",98.0,", 1))
    with pytest.raises(ValueError, match="trade_off.csv is not what the records in .* give"):
        tables.ship("mine", tmp_path)
    assert not list(clone.rglob("*.*"))


def test_ship_refuses_claims_of_other_tables(clone, tmp_path):
    home = tmp_path / "results" / "mine"
    write(claims(home), home, "claims")
    tables.ship("mine", tmp_path)
    before = (clone / "claims.csv").read_bytes()
    text = (home / "claims.csv").read_text()
    (home / "claims.csv").write_text(text.replace("not run", "holds here", 1))
    assert "not run" in text
    with pytest.raises(ValueError, match="claims.csv is not what the tables .* run `python -m bench claims mine`"):
        tables.ship("mine", tmp_path)
    assert (clone / "claims.csv").read_bytes() == before


def test_ship_leaves_nothing_of_before(clone, runs, tmp_path):
    tables.ship("mine", tmp_path)
    write(searches(write_search(tmp_path / "s", {("search", 0): FIGURES[0]})), clone, "searches")
    (clone / "runs" / "old-1").mkdir()
    (clone / "kernels.csv").write_text("another command's\n")
    tables.ship("mine", tmp_path)
    assert not (clone / "searches.csv").exists() and (clone / "kernels.csv").exists()
    assert not (clone / "runs" / "old-1").exists() and not list(clone.glob(".*")), "and no temporary"


def test_records_that_cannot_be_exchanged_stay(clone, runs, tmp_path, monkeypatch):
    tables.ship("mine", tmp_path)
    there, rename = sorted((clone / "runs").iterdir()), os.rename

    def fails(source, target):
        if str(source).endswith(".tmp"):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(OSError, match="No space"):
        tables.ship("mine", tmp_path)
    assert sorted((clone / "runs").iterdir()) == there and not list(clone.glob(".runs.*"))


def test_what_was_shipped_is_held_by_its_checksum(clone, runs, tmp_path, monkeypatch):
    """Records of an older version carry none themselves: jobs.json beside them does."""
    tables.ship("mine", tmp_path)
    shipped = clone / "runs"
    file = home_of(shipped, "run-0") / "done.json"
    record = read_json(file)
    listed = {job["id"]: job for job in read_json(shipped / "jobs.json")["jobs"]}
    assert listed[file.parent.name]["record"] == checksum(record) and unsigned(runs) and not unsigned(shipped)
    write_json(file, inside("provenance", threads=2)(record))
    with pytest.raises(ValueError, match=f"{file} is not the record that was shipped"):
        trainings(shipped)
    file.unlink()
    with pytest.raises(ValueError, match=f"{file} is not the record that was shipped"):
        trainings(shipped)


def test_ship_refuses_epochs_that_are_not_the_records(clone, runs, tmp_path):
    (home_of(runs, "run-0") / "metrics.jsonl").write_text('{"seconds": 5.0}\n')
    with pytest.raises(ValueError, match="metrics.jsonl and done.json beside it tell of different epochs"):
        tables.ship("mine", tmp_path)
    assert not list(clone.glob("*"))


@pytest.mark.parametrize("renamed", [1, 2])
def test_a_ship_that_was_killed_between_its_renames_is_put_right(clone, runs, tmp_path, monkeypatch, renamed, capsys):
    tables.ship("mine", tmp_path)
    there, rename, calls = sorted((clone / "runs").iterdir()), os.rename, []

    def killed(*names):
        rename(*names)
        calls.append(names)
        if len(calls) == renamed:
            os._exit(9)

    if not (child := os.fork()):
        os.rename = killed
        ship_runs(runs, clone / "runs")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9 and list(clone.glob(".runs.*"))
    put_right(clone / "runs")
    assert sorted((clone / "runs").iterdir()) == there and not list(clone.glob(".*"))
    assert ("`ship` was killed" in capsys.readouterr().out) == (renamed == 1)
    other = clone / f".runs.{os.getppid()}.tmp"
    other.mkdir()
    put_right(clone / "runs")
    assert other.exists(), "of a ship that is at work"


def test_ship_follows_no_link(clone, tmp_path):
    outside = tmp_path / "outside"
    (outside / "runs").mkdir(parents=True)
    (outside / "runs" / "kept").write_text("mine")
    clone.parent.mkdir(parents=True)
    clone.symlink_to(outside)
    with pytest.raises(ValueError, match="is a link to .*outside"):
        tables.ship("mine", tmp_path)
    assert (outside / "runs" / "kept").read_text() == "mine"


@pytest.mark.parametrize("text", ["{", "[1]", "", '{"seconds": 1.0}\n{"seconds": NaN}', '{"seconds": 2.0}'])
def test_damaged_epochs(runs, text):
    folder = home_of(runs, "run-0")
    (folder / "metrics.jsonl").write_text(text)
    with pytest.raises(ValueError, match="metrics.jsonl.*run the suite again"):
        check_epochs(folder, read_json(folder / "done.json"))
