"""We read what we write: a run's weights, converted files, frozen norms; and what none of them says is unknown."""

import json

import pytest
import torch
from family_clips import splits

from lib import create_model
from lib.data.protocols import weights_protocol
from lib.models.layers import freeze_batch_norms
from lib.train import fit
from lib.weights.loading import load_weights
from lib.weights.published import fit_tensors, own_layouts, yaml_text
from lib.weights.safetensors import save_converted


def same(loaded, state):
    assert not loaded.model.training
    assert all(torch.equal(value, state[key]) for key, value in loaded.model.state_dict().items() if key in state)


def test_a_runs_weights_and_what_they_see(tmp_path):
    """Also copied to where no run.json lies; and converted."""
    net, run = create_model("c2d_nano", num_classes=3, early_stride=2), tmp_path / "run"
    data = splits(tmp_path / "noise", 8, 32, segments=2, frame_stride=3)
    identity = {"model": "c2d_nano", "options": {"early_stride": 2}}
    fit(run, net, *data, identity=identity, epochs=1, batch_size=2)
    copied = (run / "best.pt").rename(tmp_path / "mine.pth")
    for path in (copied, run / "last.pt"):
        loaded = load_weights("c2d_nano", path)
        same(loaded, torch.load(path, weights_only=True)["net"])
        assert loaded.report.options == {"num_classes": 3, "early_stride": 2}
        assert loaded.preprocessing.pixels == data[0].protocol.pixels and loaded.preprocessing.frames == 8
    with pytest.raises(ValueError, match="mine.pth holds c2d_nano, not i3d_nano"):
        load_weights("i3d_nano", copied)
        own, seen = data[2].protocol, weights_protocol(loaded.preprocessing)
        assert (seen.name, seen.frames, seen.size, seen.pixels) == (own.name, 8, 32, own.pixels)
        assert (seen.sampler(50) == own.sampler(50)).all() and seen.short_side == own.short_side
    save_converted("c2d_nano", loaded, run / "last.pt", tmp_path / "net.safetensors")
    again = load_weights("c2d_nano", tmp_path / "net.safetensors")
    same(again, loaded.model.state_dict())
    assert again.preprocessing == loaded.preprocessing


@pytest.mark.parametrize(("name", "options"), [("shufflenet3d", {"width": 0.5, "groups": 3}), ("cakes_nano", {})])
def test_frozen_norms_and_options_of_a_bare_state(name, options, tmp_path):
    net = create_model(name, num_classes=4, **options)
    freeze_batch_norms(net)
    torch.save(net.state_dict(), tmp_path / "net.pth")
    loaded = load_weights(name, tmp_path / "net.pth")
    same(loaded, net.state_dict())
    assert loaded.report.options == {"num_classes": 4, **options} and loaded.preprocessing.pixels is None


def test_sizes_in_metadata_are_not_believed(tmp_path, monkeypatch):
    from safetensors.torch import save_file

    monkeypatch.setattr("lib.weights.published.nearest_text", lambda tensors: "")  # it would build every net there is
    net = create_model("c2d_nano", num_classes=3)
    seen = json.dumps({"pixels": None, "size": 64, "frames": 8})
    for options, says in (
        ('{"num_classes": 1000000000000}', "does not fit c2d_nano"),
        ('{"num_classes": "many"}', "cannot be built"),
        ('{"colour": 1}', "no option 'colour'"),
        ("[]", "metadata is not what"),
        ("{", "metadata is not what"),
    ):
        metadata = {"model": "c2d_nano", "options": options, "preprocessing": seen}
        save_file(net.state_dict(), tmp_path / "net.safetensors", metadata)
        with pytest.raises(ValueError, match=f"net.safetensors.*{says}"):
            load_weights("c2d_nano", tmp_path / "net.safetensors")


def test_messages_are_yaml():
    import yaml

    options = {"eps": 1e-05, "head_pool": (4, 7, 7), "variant": "rubiks3d-aq", "search": True}
    assert yaml.safe_load(yaml_text(options)) == {**options, "head_pool": [4, 7, 7]}


def test_options_that_no_tensor_shows(recwarn):
    """An epsilon, and how a head averages: pytorchvideo's ir-CSN has others, and the very same tensors as ours."""
    with torch.device("meta"):
        shapes = create_model("ircsn_26", num_classes=3).state_dict()
    state = {key: torch.zeros(value.shape, dtype=value.dtype) for key, value in shapes.items()}
    said = {"eps": 1e-5, "head_pool": (4, 7, 7)}
    assert fit_tensors("ircsn_26", "bare.pth", state, said, own_layouts("ircsn_26")).report.options["eps"] == 1e-5
    assert not recwarn
    with pytest.warns(UserWarning, match=r"bare.pth does not say some of ircsn_26's options.*'eps': 0.001"):
        fit_tensors("ircsn_26", "bare.pth", state, {}, own_layouts("ircsn_26"))
