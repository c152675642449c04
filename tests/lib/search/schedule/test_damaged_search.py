"""Damaged searches: what is torn, or of another edge, is named and set aside; the same call ends as before."""

import json
import shutil
from functools import partial

import pytest
from test_edge_trainer import results, run, whole  # noqa: F401, a fixture
from test_staged import SCHEDULE, build, clips, weights, without_clock  # noqa: F401, a fixture

from lib import checkpoints
from lib.search.schedule import fit_schedule
from lib.search.schedule.planner import choose


def flip(path):
    content = path.read_bytes()
    path.write_bytes(content[:2000] + bytes([content[2000] ^ 64]) + content[2001:])


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


SPOIL = {
    "a flipped bit of a model": lambda model, other: flip(model),
    "another edge's model": lambda model, other: shutil.copy(other, model),
    "a torn record": lambda model, other: halve(model.with_name("edge.json")),
    "another edge's record": lambda model, other: shutil.copy(
        other.with_name("edge.json"), model.with_name("edge.json")
    ),
    "no record": lambda model, other: model.with_name("edge.json").write_text("null"),
}


@pytest.mark.parametrize("how", SPOIL)
def test_a_damaged_edge_is_trained_again(how, whole, tiny_shapes, tmp_path, capfd):  # noqa: F811
    """Its last edge is as if it was not trained yet; the model that it starts from is spoilt."""
    folder = shutil.copytree(whole[0], tmp_path / "search")
    edges = sorted(folder.glob("edges/*"))
    last = json.loads((edges[-1] / "edge.json").read_text())
    into = [json.loads((edge / "edge.json").read_text()) for edge in edges[:-1]]
    kept = choose([r for r in into if r["end"] == last["start"]])
    other = next(r["model"] for r in into if r["selected_epoch"] and r["model"] != kept["model"])
    (edges[-1] / "edge.json").unlink()
    SPOIL[how](folder / kept["model"], folder / other)
    run(tiny_shapes, folder)
    assert results(folder) == results(whole[0])
    assert f"damaged: {(folder / kept['model']).parent}" in capfd.readouterr().err


def test_the_last_weights_of_a_stage_are_never_those_before(clips, tmp_path, capfd):  # noqa: F811
    """last.pt is torn after its stage had ended: the file before holds an earlier moment."""
    train = partial(fit_schedule, tmp_path, build, clips, SCHEDULE, clips_per_epoch=12)  # kept after epochs alone
    undisturbed = train()
    wanted = weights(tmp_path, 2)
    halve(tmp_path / "stage_1" / "last.pt")
    assert checkpoints.before(tmp_path / "stage_1" / "last.pt").exists()
    (tmp_path / "result.json").unlink()
    shutil.rmtree(tmp_path / "stage_2")
    again = train()
    assert without_clock(again) == without_clock(undisturbed) and again["test"] == undisturbed["test"]
    assert all(value.equal(weights(tmp_path, 2)[key]) for key, value in wanted.items())
    assert f"damaged: {tmp_path / 'stage_1' / 'last.pt'}" in capfd.readouterr().err
