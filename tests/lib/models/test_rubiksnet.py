"""RubiksNet: sizes, three training steps of the original code, shifts at the start, inflation, policy."""

from functools import partial

import pytest
import torch
from stand_in import fill, golden, golden_input
from torch.nn.functional import cross_entropy

from lib import create_model, measure_cost
from lib.data import as_clip
from lib.models.rubiksnet import published_key
from lib.models.shifts import frame_row, grid_shift
from lib.train_steps import parameter_groups
from lib.weights.transfer_2d import inflate

CLIP = (3, 8, 224, 224)


@pytest.mark.parametrize(("name", "variant", "params", "mega"), [
    ("tiny", "rubiks3d", 1_898_760, 3695.0), ("small", "rubiks3d", 3_597_366, 6505.7),
    ("medium", "rubiks3d", 6_185_622, 10925.5), ("large", "rubiks3d", 8_538_294, 15347.4),
    ("tiny", "rubiks3d-aq", 1_904_123, 3695.0), ("large", "attention", 8_563_905, 15347.4)])  # fmt: skip
def test_published_sizes(name, variant, params, mega):
    with torch.device("meta"):
        cost = measure_cost(create_model(f"rubiksnet_{name}", variant=variant), CLIP)
    assert (cost.params, round(cost.macs / 1e6, 1), cost.unsupported) == (params, mega, {})


def stand_in_net(variant, classes):
    """A float64 tiny net with the stand-in's values, and its parameters by their published names."""
    net = create_model("rubiksnet_tiny", num_classes=classes, variant=variant).double()
    for ours, value in net.state_dict().items():
        value.copy_(fill(published_key(variant, ours), value.shape))
    return net, {published_key(variant, ours): p for ours, p in net.named_parameters()}


def fine_tune(case, variant):
    """The published recipe's three steps.  -> net, its parameters, losses, first logits, first gradients"""
    net, named = stand_in_net(variant, 10)
    groups = [{"params": [p for key, p in named.items() if key.endswith("shift") == shift], "lr": rate}
              for shift, rate in ((True, 1e-4), (False, 1e-3))]  # fmt: skip
    optimizer = torch.optim.SGD(groups, momentum=0.9, weight_decay=1e-4)
    x, labels = as_clip(golden_input([4, 8, 3, 48, 48]).double(), 8), torch.tensor([3, 7, 1, 3])
    losses = []
    for step in range(3):
        optimizer.zero_grad()
        logits = net(x)
        loss = cross_entropy(logits, labels)
        loss.backward()
        if step == 0:
            first, grads = logits.detach(), {key: p.grad.clone() for key, p in named.items() if p.grad is not None}
        optimizer.step()
        losses.append(loss.item())
    return net, named, losses, first, grads, net.eval()(x).detach()


@pytest.mark.parametrize("variant", ["rubiks3d", "rubiks3d-aq"])
def test_three_training_steps(variant):
    """Losses, logits, every listed gradient, parameters and statistics of the original code, to 1e-5."""
    case = golden(f"rubiksnet/tiny_{variant}.train")
    net, named, losses, first, grads, after = fine_tune(case, variant)
    close = partial(torch.testing.assert_close, check_dtype=False)

    def near(got, want):
        close(got, torch.tensor(want), rtol=1e-5, atol=1e-5 * max(map(abs, want)))

    near(torch.tensor(losses), case["loss_per_step"])
    near(first[0], case["logits_step0_sample0"])
    assert sorted(named.keys() - grads.keys()) == sorted(case["parameters_without_grad"])
    for key, want in case["grads_step0"].items():
        near(grads[key].flatten()[:8], want["first8"])
        assert grads[key].norm().item() == pytest.approx(want["norm"], rel=1e-5)
    for key, want in case["params_after_3_steps_first6"].items():
        near(named[key].detach().flatten()[:6], want)
    near(after[0], case["eval_logits_after_sample0"])
    near(net.stages[1][0].norm2.running_mean[:6], case["running_mean_layer1.0.bn2_first6"])


def test_variants_see_time():
    """Frames in another order change the logits, but of the 2D net, or without a shift. Any T."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 32, 32)
    for options, sees in (({}, True), ({"variant": "rubiks3d-aq"}, True), ({"shift": "fixed"}, True),
                          ({"variant": "rubiks2d"}, False), ({"shift": "none"}, False)):  # fmt: skip
        net = create_model("rubiksnet_nano", num_classes=4, **options).eval()
        with torch.no_grad():
            moved = (net(x) - net(x[:, :, [2, 0, 4, 1, 3]])).abs().max()
        assert (moved > 1e-4) == sees, options


def test_frozen_shifts_stay():
    for kind, learns in (("learned", True), ("fixed", False), ("none", False)):
        net = create_model("rubiksnet_nano", num_classes=4, shift=kind)
        shifts = {key: p for key, p in net.named_parameters() if key.endswith("shift.shift")}
        assert shifts and all(p.requires_grad == learns for p in shifts.values())
        net(torch.randn(1, 3, 4, 32, 32)).sum().backward()
        norms = torch.cat([p.grad.norm(dim=0) for p in shifts.values()]) if learns else torch.ones(1)
        torch.testing.assert_close(norms, torch.ones_like(norms))  # unit length per channel
    for option in ({"variant": "rubiks4d"}, {"shift": "random"}):
        with pytest.raises(ValueError, match="it can be"):
            create_model("rubiksnet_nano", **option)


def test_shifts_at_the_start():
    assert grid_shift(18).T.tolist() == [[h, w] for w in (-1, 0, 1) for h in (-1, 0, 1)] * 2
    assert frame_row(16).tolist() == [1, 1, -1, -1] + [0] * 12
    assert 0 < (frame_row(16, "tsm-g") - frame_row(16)).abs().max() < 0.1
    assert 0.2 < frame_row(999, "uni0.5").abs().max() <= 0.5
    for wrong in ("uni", "tsm1", "none", ""):
        with pytest.raises(ValueError, match="tsm-g<deviation>"):
            frame_row(16, wrong)


def test_inflation():
    """A 2D net's weights and spatial shifts; with its row T at 0 the 3D net would compute the same."""
    flat = create_model("rubiksnet_nano", num_classes=9, variant="rubiks2d")
    net = create_model("rubiksnet_nano", num_classes=4)
    assert inflate(net, flat.state_dict()) == ["fc.weight", "fc.bias"]
    again = create_model("rubiksnet_nano", num_classes=9)
    inflate(again, flat.state_dict())
    for ours, theirs in zip(net.stages.modules(), flat.stages.modules(), strict=True):
        if hasattr(ours, "shift") and isinstance(ours.shift, torch.nn.Parameter):
            assert torch.equal(ours.shift[1:], theirs.shift) and torch.equal(
                ours.shift[0], frame_row(len(ours.shift[0]))
            )
            ours.shift.data[0] = 0
    assert torch.equal(again.fc.weight, flat.fc.weight) and net.fc.weight.shape[0] == 4
    net.fc, x = flat.fc, torch.randn(2, 3, 4, 32, 32)
    torch.testing.assert_close(net.eval()(x), flat.eval()(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rate", [0.01, 0.1])
@pytest.mark.parametrize("variant", ["rubiks3d", "rubiks3d-aq"])
def test_policy(variant, rate):
    """Shifts at their rate without decay; decay on weights alone."""
    net = create_model("rubiksnet_nano", variant=variant, shift_rate=rate)
    for group in parameter_groups(net, 1.0, 1e-4):
        for p in group["params"]:
            key = next(key for key, own in net.named_parameters() if own is p)
            assert group["base_rate"] == (rate if key.endswith("shift.shift") else 1)
            assert (group["weight_decay"] > 0) == (key.endswith("weight") and "norm" not in key), key
