"""From published weights to other classes: the head, what is frozen through several epochs, what the net sees."""

import pytest
import torch
from family_clips import splits

from lib import create_model, load_published
from lib.data import PIXELS, Pixels
from lib.models.registry import entry
from lib.train import fit
from lib.weights.fine_tune import start_from
from lib.weights.published import save_published
from lib.weights.safetensors import save_converted

NET, OPTIONS = "mobilenetv2_3d", {"width": 0.2}
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "kinetics_mobilenetv2_0.2x_RGB_16_best.pth"
    torch.manual_seed(0)
    save_published(NET, create_model(NET, num_classes=9, **OPTIONS), path)
    return path


def kind(net, key):
    """Whether a tensor is the head's, a batch norm's (its statistics or its weights), or another's."""
    if key.startswith("fc."):
        return "head"
    module, leaf = key.rsplit(".", 1)
    norm = isinstance(net.get_submodule(module), torch.nn.BatchNorm3d)
    return ("statistics" if leaf in STATISTICS else "norm") if norm else "weight"


MOVES = {
    "": {"head", "weight", "norm", "statistics"},
    "backbone": {"head"},
    "weights": {"head", "statistics"},
    "norms": {"head", "weight"},
    "statistics": {"head", "weight", "norm"},
}


@pytest.mark.parametrize("frozen", MOVES)
def test_frozen_through_several_epochs(frozen, file, tmp_path):
    torch.manual_seed(0)
    net, pixels = start_from(NET, file, 3, frozen, **OPTIONS)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    recipe = {"epochs": 3, "batch_size": 2, "learning_rate": 0.01, "weight_decay": 0.01}
    fit(tmp_path / "run", net, *splits(tmp_path / "noise", 16, 32, pixels=pixels), **recipe)
    net.load_state_dict(torch.load(tmp_path / "run" / "last.pt", weights_only=True)["net"])
    moved = {kind(net, key) for key, value in net.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == MOVES[frozen]


def test_the_head_is_new_and_the_rest_is_published(file):
    net, pixels = start_from(NET, file, 3, **OPTIONS)
    assert net.fc.weight.shape == (3, 1280)
    assert torch.equal(net.stem[0].weight, load_published(NET, file).model.stem[0].weight)
    assert pixels == Pixels((114.7748, 107.7354, 99.475), (1.0,) * 3, 255, "BGR")


@pytest.mark.parametrize(
    ("name", "options", "dropout"),
    [
        ("mobilenet3d", {"width": 0.5}, 0.9),
        ("mobilenetv2_3d", {"width": 0.2}, 0.9),
        ("shufflenet3d", {"width": 0.5}, 0.9),
        ("shufflenetv2_3d", {"width": 0.25}, 0.9),
        ("shufflenetv2_3d", {"width": 0.25, "dropout": 0.3}, 0.3),
        ("squeezenet3d", {}, 0.5),
        ("ircsn_26", {}, 0.5),
    ],
)
def test_dropout_of_the_new_head(name, options, dropout, tmp_path):
    save_published(name, create_model(name, num_classes=9, **options), tmp_path / "file.pth")
    with pytest.raises(ValueError, match="file.pth expects of its pixels is unknown.*--pixels.*imagenet"):
        start_from(name, tmp_path / "file.pth", 3, **options)
    net, pixels = start_from(name, tmp_path / "file.pth", 3, pixels="imagenet", **options)
    assert pixels == PIXELS["imagenet"]
    assert net.dropout.p == dropout and entry(name).layouts


def test_a_converted_file_is_as_good(file, tmp_path):
    path = tmp_path / "model.safetensors"
    save_converted(NET, load_published(NET, file), file, path)
    net, pixels = start_from(NET, path, 3, **OPTIONS)
    again, same = start_from(NET, file, 3, **OPTIONS)
    assert pixels == same and torch.equal(net.stem[0].weight, again.stem[0].weight)
    with pytest.raises(ValueError, match="holds mobilenetv2_3d, not mobilenet3d"):
        start_from("mobilenet3d", path, 3)


def test_mistakes(file):
    with pytest.raises(ValueError, match="freeze='all'; it can be '', 'backbone'"):
        start_from(NET, file, 3, "all", **OPTIONS)
    with pytest.raises(ValueError, match="other options: write options: {'width': 0.2}"):
        start_from(NET, file, 3)


def test_other_channels_than_published(file):
    """One grey channel sees by the sum of the published first layer; the options of the net stay its own."""
    net, _ = start_from(NET, file, 3, in_channels=1, **OPTIONS)
    published = load_published(NET, file).model.stem[0].weight
    torch.testing.assert_close(net.stem[0].weight, published.sum(1, keepdim=True))
    assert net.in_channels == 1 and net.fc.weight.shape == (3, 1280)
