"""A 2D ResNet's weights in the 3D zoo: the original code's tensors and logits, and what should equal the 2D net."""

import pytest
import torch
from stand_in import golden, golden_input, stand_in

from lib import create_model
from lib.data import PIXELS
from lib.weights.fine_tune import start_from
from lib.weights.transfer_2d import inflate

CASES = golden("optplan/transfer")["cases"]
NETS = {"c2d_resnet50": "c2d_50", "i3d_resnet50": "i3d_50", "p3d_resnet50": "p3d_50"}
OURS = {"conv2": "middle.spatial", "conv2_t": "middle.temporal"}


@pytest.fixture(scope="module")
def imagenet():
    return stand_in("optplan/imagenet_resnet50")


def our_key(theirs):
    if theirs == "conv1.weight":
        return "stem.0.0.weight"
    layer, block, conv, leaf = theirs.split(".")
    return f"stages.{int(layer[-1]) - 1}.{block}.{OURS[conv]}.{leaf}"


@pytest.mark.parametrize("name", CASES)
def test_goldens(name, imagenet):
    case, net = CASES[name], create_model(NETS[name], num_classes=1000).eval()
    assert inflate(net, imagenet) == []
    state = net.state_dict()
    for theirs, want in case["tensors"].items():
        ours = state[our_key(theirs)].double()
        assert list(ours.shape) == want["shape"]
        assert float(ours.sum()) == pytest.approx(want["sum"], rel=1e-4, abs=1e-2)
        assert float(ours.abs().sum()) == pytest.approx(want["abs_sum"], rel=1e-5)
    with torch.no_grad():
        logits = net(golden_input(case["input_shape"]))
    torch.testing.assert_close(
        logits[:, :10], torch.tensor(case["logits"]), rtol=0, atol=1e-4 * float(logits.abs().max())
    )
    assert float(logits.sum()) == pytest.approx(case["logits_sum"], rel=1e-3)


@pytest.mark.parametrize("name", ["p3da_50", "p3db_50", "p3dc_50", "r2p1d_50", "dg_p3d_50"])
def test_the_rest_equals_the_2d_net(name, imagenet):
    """C2D's golden logits are those of the 2D net, averaged over frames 2, 6, 10, 14; so are these nets'."""
    case, net = CASES["c2d_resnet50"], create_model(name, num_classes=1000).eval()
    missing = inflate(net, imagenet)
    assert all("context" in key or "fc_dual" in key for key in missing)
    assert len(missing) == (78 if name == "dg_p3d_50" else 0)
    with torch.no_grad():
        x = golden_input(case["input_shape"])
        logits = net.heads(x)[0] if hasattr(net, "heads") else net(x)
    torch.testing.assert_close(
        logits[:, :10], torch.tensor(case["logits"]), rtol=0, atol=1e-4 * float(logits.abs().max())
    )


@pytest.mark.parametrize("family", ["p3d", "r2p1d", "dg_p3d"])
def test_groups_transfer_too(family):
    """A ResNeXt's C2D and its P3D, R(2+1)D, DG-P3D agree from the same 2D weights."""
    torch.manual_seed(0)
    flat = create_model("c2d_resnext50", num_classes=5, early_stride=1).eval()
    two_d = {theirs: value.squeeze(2) if value.ndim == 5 else value for theirs, value in published(flat).items()}
    net = create_model(f"{family}_resnext50", num_classes=5, early_stride=1).eval()
    inflate(net, two_d)
    x = torch.randn(1, 3, 4, 32, 32)
    with torch.no_grad():
        logits = net.heads(x)[0] if hasattr(net, "heads") else net(x)
        torch.testing.assert_close(logits, flat(x), rtol=1e-4, atol=1e-4 * float(logits.abs().max()))


def published(net):
    from lib.models.p3d import published_key

    return {published_key(key): value for key, value in net.state_dict().items()}


def test_lgd_misses_its_global_path(imagenet):
    missing = inflate(create_model("lgd_p3d_50", num_classes=1000), imagenet)
    assert len(missing) == 194


def test_another_head_is_left_alone(imagenet):
    assert inflate(create_model("c2d_50", num_classes=7), imagenet) == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize(
    ("name", "says"), [("s3d", "no 2D twin"), ("c2d_18", "would be"), ("c2d_101", "not in the 2D net")]
)
def test_nets_that_do_not_correspond(name, says, imagenet):
    with pytest.raises(ValueError, match=says):
        inflate(create_model(name, num_classes=1000), imagenet)


def test_a_training_starts_from_it_with_a_head_of_its_own(imagenet, tmp_path):
    torch.save(imagenet, tmp_path / "imagenet.pth")
    net, pixels = start_from("p3d_50", tmp_path / "imagenet.pth", num_classes=1000)
    assert not torch.equal(net.fc.weight, imagenet["fc.weight"]) and net.fc.weight.shape == (1000, 2048)
    assert torch.equal(net.stem[0][0].weight[:, :, 2], imagenet["conv1.weight"])
    assert pixels == PIXELS["imagenet"]


def test_a_net_that_does_not_fit_is_left_as_it_was(imagenet):
    """Too shallow a twin, too deep a one, a kernel of another size: nothing is filled."""
    net = create_model("cakes_50", num_classes=5)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    deeper = {**imagenet, "layer3.6.conv1.weight": imagenet["layer3.5.conv1.weight"]}
    narrow = {**imagenet, "layer1.0.conv1.weight": imagenet["layer1.0.conv1.weight"][:32]}
    short = {key: value for key, value in imagenet.items() if not key.startswith("layer4.2")}
    for flat, says in [(deeper, "no place"), (narrow, "twin has"), (short, "not in the 2D net")]:
        with pytest.raises(ValueError, match=says):
            inflate(net, flat)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_tsm_is_the_2d_net_where_nothing_moves(imagenet):
    """Its frames are shifted; without the shift it computes what C2D does, whose golden logits these are."""
    case = CASES["c2d_resnet50"]
    net = create_model("tsm_50", num_classes=1000, div=0).eval()
    assert inflate(net, imagenet) == ["fc.weight", "fc.bias"]
    net.fc.load_state_dict({leaf: imagenet[f"fc.{leaf}"] for leaf in ("weight", "bias")})
    with torch.no_grad():
        logits = net(golden_input(case["input_shape"])[:, :, 2::4])
    torch.testing.assert_close(
        logits[:, :10], torch.tensor(case["logits"]), rtol=0, atol=1e-4 * float(logits.abs().max())
    )
