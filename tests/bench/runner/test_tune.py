"""What a suite is chosen by: other videos and seeds than those that ship, val alone, a row per training."""

import pandas as pd
import pytest
import yaml

from bench.report.curves import FLAT, last_quarter
from bench.runner.tune import read_tries, run
from lib.run import ROOT

SPEC = {
    "about": "for a test",
    "data": {"videos": 36, "frames": 8, "size": 32, "seed": 1},
    "defaults": {"frames": 4, "size": 32, "epochs": 8, "batch_size": 8, "model": "mobilenetv2_3d_nano"},
    "tries": [
        {"difficulty": "plain", "options": {"width": 0.25}, "seeds": [100, 101]},
        {"difficulty": "crowded", "options": {"width": 0.25}, "schedule": "constant", "seeds": [100]},
    ],
}


def write(folder, **changes):
    (folder / "trial.yaml").write_text(yaml.safe_dump({**SPEC, **changes}))
    return folder / "trial.yaml"


def test_a_row_per_training_and_none_twice(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.set_num_threads", lambda threads: None)
    file, table = write(tmp_path), tmp_path / "trial.csv"
    run(file=file, out=tmp_path, most=1)
    first = table.read_text()
    run(file=file, out=tmp_path, most=2)
    assert table.read_text().startswith(first)
    rows = pd.read_csv(table)
    assert rows["try"].tolist() == [each["try"] for each in read_tries(file)]
    assert rows.difficulty.tolist() == ["plain", "plain", "crowded"] and set(rows.steps) == {8 * 3}
    assert rows.recipe.tolist() == ["{}", "{}", '{"schedule": "constant"}']
    for row in rows.itertuples():
        val = [float(top1) for top1 in row.val_by_epoch.split()]
        assert len(val) == 8 and abs(val[-1] - row.val_top1) < 0.06 and abs(last_quarter(val) - row.rise) < 0.2
    assert not list(tmp_path.rglob("test*.npz")) and "test" not in "".join(rows.columns)
    monkeypatch.setattr("bench.runner.tune._train", None)
    run(file=file, out=tmp_path)  # nothing is left to do


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"data": {**SPEC["data"], "seed": 0}}, "data seed 0 is a suite's own"),
        ({"tries": [{"difficulty": "plain", "seeds": [0]}]}, "training seed 0 is a suite's own"),
        ({"tries": [{"difficulty": "hard", "seeds": [100]}]}, "difficulty is hard"),
        ({"tries": [{"difficulty": "plain", "seeds": [100], "rate": 1}]}, "no training option 'rate'"),
        ({"tries": [{"difficulty": "plain", "seeds": [100], "model": "cakes"}]}, "no model 'cakes'"),
        ({"defaults": {**SPEC["defaults"], "epochs": 7}}, "epochs: 7 have no last quarter"),
        ({"runs": []}, "no section 'runs'"),
        ({"tries": {"difficulty": "plain"}}, "tries must be a list"),
        ({"tries": [{"seeds": [100]}]}, "tries, entry 1 needs difficulty"),
        ({"tries": [{"difficulty": "plain"}]}, "tries, entry 1 needs seeds"),
        (
            {"tries": [{"difficulty": "plain", "seeds": [True]}]},
            "entry 1, seeds must be a list of whole numbers",
        ),
        ({"tries": [{"difficulty": "plain", "seeds": [100], "epochs": 10**23}]}, "epochs must be a whole number"),
        ({"tries": [{"difficulty": "plain", "seeds": [100], "size": "32"}]}, "size should be int"),
        ({"tries": [{"difficulty": "plain", "seeds": [100], "options": 3}]}, "options should be dict"),
        ({"tries": [{"difficulty": "plain", "seeds": [100], "labels": "../x"}]}, "labels: no '../x'"),
        ({"data": {**SPEC["data"], "videos": "36"}}, "videos should be int"),
        ({"data": {"frames": 8}}, "data needs videos"),
        ({"data": None}, "data must be a mapping"),
    ],
)
def test_what_cannot_be_tried_is_said_before_anything_runs(tmp_path, changes, message):
    with pytest.raises(ValueError, match=f"^{tmp_path}/trial.yaml: .*{message}"):
        read_tries(write(tmp_path, **changes))


def test_the_shipped_tries_are_of_other_seeds_and_their_rows_are_theirs():
    for table in (ROOT / "results" / "shipped" / "tuning").glob("*.csv"):
        tries = {each["try"]: each for each in read_tries(table.with_suffix(".yaml"))}
        rows = pd.read_csv(table, keep_default_na=False)
        assert set(rows["try"]) <= set(tries) and len(rows) == len(set(rows["try"]))
        for row in rows.itertuples():
            assert row.seed == tries[row[1]]["recipe"]["seed"] and row.data_seed == tries[row[1]]["data"]["seed"]


def test_a_curve_is_flat_or_rises():
    assert last_quarter([0] * 12 + [80, 80, 80, 80]) == pytest.approx(0)
    assert last_quarter([0] * 12 + [60, 64, 68, 72]) == pytest.approx(12) and FLAT < 12
    assert last_quarter(range(8)) == pytest.approx(1)
    with pytest.raises(ValueError, match="7 epochs have no last quarter"):
        last_quarter(range(7))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (b"", "trial.csv is empty"),
        (b"a,b\n1,2\n", "trial.csv has no column try, val_top1"),
        (b"\xff\xfe\x00\xd8", "trial.csv"),
        (b"try,val_top1\nx", "trial.csv, line 2: 1 cells for 2 columns"),
        (b"try,val_top1\nx,1\nx,2\n", "trial.csv: two rows are of x"),
    ],
)
def test_a_damaged_table_is_named_before_anything_is_trained(table, words, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.set_num_threads", lambda threads: None)
    monkeypatch.setattr("bench.runner.tune._train", lambda *_: pytest.fail("it trains"))
    file = write(tmp_path)
    file.with_suffix(".csv").write_bytes(table)
    with pytest.raises(ValueError, match=words):
        run(file=file, out=tmp_path)
    assert file.with_suffix(".csv").read_bytes() == table


def test_the_table_is_not_what_is_read_as_tries(tmp_path):
    with pytest.raises(ValueError, match="trial.csv must be a .yaml file"):
        read_tries(write(tmp_path).rename(tmp_path / "trial.csv"))
