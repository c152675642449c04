"""Every net of the registry: shape and cost on the meta device; the nano nets also run and learn."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lib import create_model, list_models, measure_cost

NANOS = list_models("*_nano")
LARGE = {*list_models("*eftnet_b[1-8]"), *list_models("*vit_[bl]_*")}  # as their small ones, and slow to build
ALL = [pytest.param(name, marks=pytest.mark.long) if name in LARGE else name for name in list_models()]


@pytest.mark.parametrize("name", ALL)
def test_shape_and_cost(name):
    """Two clips of 16 x 112 x 112 give two rows of logits; every operator is counted."""
    with torch.device("meta"):
        net = create_model(name, num_classes=7).eval()
        with torch.no_grad():
            assert net(torch.empty(2, 3, 16, 112, 112)).shape == (2, 7)
    cost = measure_cost(net, (3, 16, 112, 112))
    assert cost.unsupported == {}
    assert cost.macs > 0 and cost.params > 0 and cost.bytes_moved > 4 * cost.params / 2
    if not any(kind.startswith("efficient3d") for kind in cost.by_operator):
        assert cost.torch_flops == 2 * cost.macs


@pytest.mark.parametrize("name", NANOS)
def test_nano_runs_forward_and_back(name):
    """Finite logits, and a gradient that is finite in every parameter and nowhere none."""
    torch.manual_seed(0)
    net = create_model(name, num_classes=5)
    heads = net(torch.randn(2, 3, 8, 64, 64))
    loss = sum(head.square().mean() for head in (heads if isinstance(heads, tuple) else (heads,)))
    loss.backward()
    assert loss.isfinite()
    for key, parameter in net.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("name", NANOS)
def test_nano_is_small(name):
    with torch.device("meta"):
        cost = measure_cost(create_model(name, num_classes=8), (3, 8, 64, 64))
    assert cost.params < 500_000 and cost.macs < 120_000_000


@pytest.mark.parametrize("name", NANOS)
def test_wrong_clips_are_named(name):
    net = create_model(name, num_classes=2)
    with pytest.raises(ValueError, match="clips"):
        net(torch.zeros(1, 8, 3, 64, 64))


def test_c2d_nano_sees_no_motion():
    """Frames in another order give the same logits."""
    net = create_model("c2d_nano", num_classes=8).eval()
    clip = torch.randn(2, 3, 8, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net(clip), net(clip.flip(2)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "frames", "takes"),
    [
        ("shufflenet3d", 8, "16, 32, 48"),
        ("dg_p3d_50", 8, "at least 16"),
        ("p3d_50", 6, "multiples of early_stride=4"),
        ("c3d", 8, "16 frames of 112 x 112"),
    ],
)
def test_a_net_says_what_it_takes(name, frames, takes):
    with torch.device("meta"), pytest.raises(ValueError, match=takes):
        create_model(name)(torch.empty(1, 3, frames, 112, 112))


def test_early_stride_is_the_stems_reach():
    """Published nets see motion within four frames even as C2D; early_stride 2 halves the steps only once."""
    with torch.device("meta"):
        assert create_model("c2d_50").stem[0][0].kernel_size == (4, 7, 7)
        assert create_model("i3d_50", early_stride=2).stem[0][0].stride == (2, 2, 2)


class Overwritten(TorchDispatchMode):
    """What autograd copies before an operator overwrites it, because the gradient needs it."""

    def __init__(self):
        super().__init__()
        self.copied, self.found = [], []  # tensors, kept: no other takes their memory

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.clone.default:
            self.copied.append(args[0])
        elif function._schema.is_mutable and any(args[0] is copied for copied in self.copied):
            self.found.append(str(function))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", NANOS)
def test_no_activation_is_copied_in_training(name):
    """In place, a ReLU6 costs more memory traffic than beside its input: only some gradients need the output alone."""
    with Overwritten() as watch:
        create_model(name, num_classes=5)(torch.randn(2, 3, 8, 64, 64))
    assert not watch.found
