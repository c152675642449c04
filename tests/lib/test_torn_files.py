"""Damaged run folders: what is torn is recognised, named and set aside; the same call ends like an undisturbed one."""

import json

import pytest
import torch
from torch import nn

from lib import checkpoints
from lib.data import ClipDataset, build_cache, own_protocol, read_manifest
from lib.files import set_aside
from lib.run import claim, result
from lib.train import fit

RECIPE = {"epochs": 2, "batch_size": 16, "save_minutes": 0, "progress": False}


class Interrupted(Exception):
    pass


class Net(nn.Module):
    """Mean colours, linear."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(3, 8)

    def forward(self, x):  # (N, 3, T, H, W)
        return self.fc(x.mean((2, 3, 4)))


@pytest.fixture(scope="module")
def splits(tiny_shapes):
    manifest = read_manifest(tiny_shapes / "shape")
    cache = build_cache(manifest, tiny_shapes / "cache", 32, progress=False)
    seen = own_protocol(4, 32)
    return [ClipDataset(manifest, name, seen, train=name == "train", cache=cache) for name in ("train", "val", "test")]


@pytest.fixture(scope="module")
def whole(splits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    fit(folder, Net(), *splits, **RECIPE)
    return outcome(folder)


def outcome(folder):
    record = result(folder)
    return [row["train_loss"] for row in record["history"]], record["test"]["predicted"]


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [halve, empty])
@pytest.mark.parametrize("name", ["last.pt", "best.pt", "both"])
@pytest.mark.parametrize("moment", ["after an epoch", "before the test"])
def test_a_torn_checkpoint_is_set_aside_and_the_training_ends_alike(
    spoil, name, moment, splits, whole, tmp_path, monkeypatch, capfd
):
    def stop(*_, **__):
        raise Interrupted

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr("lib.train.finish", stop)
        fit(tmp_path, Net(), *splits, **RECIPE)
    if moment == "after an epoch":  # as if killed before the second epoch was kept
        checkpoints.before(tmp_path / "last.pt").replace(tmp_path / "last.pt")
    for each in ("last.pt", "best.pt") if name == "both" else (name,):
        spoil(tmp_path / each)
    fit(tmp_path, Net(), *splits, **RECIPE)
    assert outcome(tmp_path) == whole
    said = capfd.readouterr().err
    for each in ("last.pt", "best.pt") if name == "both" else (name,):
        if moment != "after an epoch" or each == "last.pt":
            assert f"damaged: {tmp_path / each}" in said and (tmp_path / f"{each}.torn").exists()


@pytest.mark.parametrize("text", ["null", "", "[]", '{"history": [', "NaN", "\x00", "[" * 100000, "1" * 5000])
def test_a_torn_result_is_set_aside_and_made_again(text, splits, whole, tmp_path, capfd):
    fit(tmp_path, Net(), *splits, **RECIPE)
    (tmp_path / "result.json").write_text(text)
    assert result(tmp_path) is None
    assert f"damaged: {tmp_path / 'result.json'}" in capfd.readouterr().err
    fit(tmp_path, Net(), *splits, **RECIPE)
    assert outcome(tmp_path) == whole


def test_every_changed_byte_of_the_weights_is_seen(tmp_path):
    path = tmp_path / "net.pt"
    checkpoints.save(path, {"net": Net().state_dict()})
    content, seen = path.read_bytes(), 0
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 64]) + content[place + 1 :])
        if loaded := checkpoints.load(path):  # padding, or what torch does not read: then the tensors are the same
            assert all(torch.equal(value, loaded["net"][key]) for key, value in Net().state_dict().items())
        else:
            seen += 1
    assert seen > 20


def test_the_one_before_is_used(tmp_path):
    path = tmp_path / "last.pt"
    for number in (1, 2, 3):
        checkpoints.save(path, {"number": torch.tensor(number)}, keep_before=True)
    assert checkpoints.load(path)["number"] == 3
    halve(path)
    assert checkpoints.load(path)["number"] == 2 and not path.exists()
    halve(checkpoints.before(path))
    assert checkpoints.load(path) is None


def test_set_aside_keeps_the_file(tmp_path):
    (tmp_path / "a.json").write_text("null")
    assert set_aside(tmp_path / "a.json", "why").read_text() == "null" and not (tmp_path / "a.json").exists()


def test_a_folder_is_claimed_once(tmp_path):
    claim(tmp_path, {"model": "a", "sizes": (1, 2)})
    claim(tmp_path, {"model": "a", "sizes": [1, 2]})
    with pytest.raises(ValueError, match="holds another run .model: 'a' there, 'b' asked for"):
        claim(tmp_path, {"model": "b", "sizes": [1, 2]})
    claim(tmp_path, {"model": "b", "sizes": [1, 2]}, free=lambda there: ("model",))
    assert json.loads((tmp_path / "run.json").read_text())["model"] == "b"
