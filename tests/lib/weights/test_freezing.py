"""What is frozen stays, through training mode and steps: stages, batch statistics, and norms with their weights."""

import pytest
import torch

from lib import create_model
from lib.weights.freezing import freeze_norms, freeze_stages


def moved(net):
    """The keys that training steps change, weight decay and all."""
    torch.manual_seed(0)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1, 0.9, weight_decay=1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        net.train()(torch.randn(2, 3, 4, 32, 32)).square().sum().backward()
        optimizer.step()
    return {key for key, value in net.state_dict().items() if not torch.equal(value, before[key])}


def norms(net, leaves):
    return {
        f"{name}.{leaf}" for name, module in net.named_modules() if hasattr(module, "running_mean") for leaf in leaves
    }


@pytest.mark.parametrize("affine", [False, True])
def test_frozen_norms(affine):
    """norm_eval: the statistics stay; with bn_frozen weights and biases too. All else trains."""
    net = freeze_norms(create_model("ircsn_nano", num_classes=3), affine=affine)
    everything = set(net.state_dict())
    stays = norms(net, ["running_mean", "running_var", *(["weight", "bias"] if affine else [])])
    assert moved(net) == everything - stays


@pytest.mark.parametrize("count", [0, 1, 3])
def test_frozen_stages(count):
    """Stem and first stages stay, statistics included; the others train, with their batch statistics."""
    net = freeze_stages(create_model("ipcsn_nano", num_classes=3), count)
    frozen = ("stem.", *(f"stages.{stage}." for stage in range(count)))
    assert moved(net) == {key for key in net.state_dict() if not key.startswith(frozen)}


def test_both_together():
    net = freeze_norms(freeze_stages(create_model("ircsn_nano", num_classes=3), 1), affine=True)
    trains = {key for key, parameter in net.named_parameters() if parameter.requires_grad}
    assert moved(net) == trains
    assert trains and not any(key.startswith(("stem.", "stages.0.")) for key in trains)
    assert not trains & norms(net, ["weight", "bias"])


def test_frozen_norms_compute_what_they_did_in_evaluation():
    """Same logits as before in evaluation mode, now in both modes; a second freezing changes nothing."""
    net = create_model("ircsn_nano", num_classes=3).eval()
    clip = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        want = net(clip)
        for mode in (False, True):
            torch.testing.assert_close(freeze_norms(net).train(mode)(clip), want)


def test_more_stages_than_there_are():
    with pytest.raises(ValueError, match="5 frozen stages; the net has 3"):
        freeze_stages(create_model("ircsn_nano"), 5)
