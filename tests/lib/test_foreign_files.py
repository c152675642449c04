"""Files of another run, or of another moment, copied into a run's folder: never used in silence."""

import shutil

import pytest
import torch
from test_torn_files import RECIPE, Interrupted, Net, outcome, splits, whole  # noqa: F401, fixtures

from lib import checkpoints
from lib.train import fit


def stopped(folder, splits, monkeypatch, **changes):  # noqa: F811
    """A training that was killed before its test; `changes` to the recipe."""

    def stop(*_, **__):
        raise Interrupted

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr("lib.train.finish", stop)
        fit(folder, Net(), *splits, **RECIPE | changes)


@pytest.mark.parametrize("name", ["last.pt", "best.pt"])
def test_a_checkpoint_of_another_run(name, splits, whole, tmp_path, monkeypatch, capfd):  # noqa: F811
    stopped(tmp_path / "mine", splits, monkeypatch)
    stopped(tmp_path / "theirs", splits, monkeypatch, seed=3)
    shutil.copy(tmp_path / "theirs" / name, tmp_path / "mine" / name)
    fit(tmp_path / "mine", Net(), *splits, **RECIPE)
    assert outcome(tmp_path / "mine") == whole
    assert f"{tmp_path / 'mine' / name}: it is another run's, of another recipe" in capfd.readouterr().err


def test_the_weights_of_another_epoch(splits, whole, tmp_path, monkeypatch, capfd):  # noqa: F811
    """best.pt of an older copy of the same folder."""
    stopped(tmp_path, splits, monkeypatch)
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    older = {"net": {key: value + 1 for key, value in best["net"].items()}, "epoch": -1, "run": best["run"]}
    checkpoints.save(tmp_path / "best.pt", older)
    fit(tmp_path, Net(), *splits, **RECIPE)
    assert outcome(tmp_path) == whole
    assert f"{tmp_path / 'best.pt'} holds epoch 0, but epoch" in capfd.readouterr().err
