"""Clips of any size, number type and channels: a net takes them, or says in the house's words what it takes."""

import pytest
import torch
from family_nets import NETS, one_per_builder, small_net

from lib import create_model

SIZES = [(t, s) for t in (1, 2, 3, 7, 16) for s in (1, 2, 8, 15, 16, 17, 33)]


@pytest.mark.parametrize("name", [n for n in one_per_builder() if not n.endswith(("_101", "x50", "_large", "_r3d_50"))])
@torch.no_grad()
def test_sizes(name):
    """From one pixel on, a net computes finite shapes or refuses the size by a ValueError that says what would do."""
    with torch.device("meta"):
        net = create_model(name, num_classes=3).eval()
    for frames, size in SIZES:
        try:
            assert net(torch.empty(2, 3, frames, size, size, device="meta")).shape == (2, 3)
        except ValueError as error:
            assert "takes" in str(error), (frames, size)


@torch.no_grad()
def test_s3d_says_how_small_it_gets():
    with torch.device("meta"):
        net = create_model("s3d", num_classes=3).eval()
        with pytest.raises(
            ValueError, match="S3D cannot take 16 frames of 16 x 16 pixels: it takes clips of more than 16"
        ):
            net(torch.empty(1, 3, 16, 16, 16))
        assert net(torch.empty(1, 3, 1, 17, 17)).shape == (1, 3)


VARIANTS = {
    **{name: (name, {}) for name in NETS},
    "aq": ("rubiksnet_nano", {"variant": "rubiks3d-aq"}),
    "head_pool": ("ircsn_26", {"head_pool": (4, 7, 7)}),
}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("case", VARIANTS)
def test_sixteen_bits(case, dtype):
    """`net.half()` and `net.bfloat16()` give the logits of float32, but for the type's rounding."""
    torch.manual_seed(0)
    name, options = VARIANTS[case]
    net, clip = (
        small_net(name, **options) if name in NETS else (create_model(name, num_classes=3, **options), (3, 8, 32, 32))
    )
    x = torch.randn(2, *clip)
    with torch.no_grad():
        want = net.eval()(x)
        got = net.to(dtype)(x.to(dtype))
    assert got.dtype is dtype
    reach = {torch.float16: 0.01, torch.bfloat16: 0.06}[dtype]  # some 20 layers of rounding by 2^-11 or 2^-8
    assert (got.float() - want).abs().max() <= reach * want.abs().max()


@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_features(name):
    """One vector per clip; the head makes the logits of it, where the head is linear in it."""
    torch.manual_seed(0)
    net, clip = small_net(name)
    x = torch.randn(2, *clip)
    features, logits = net.eval().features(x), net(x)
    assert features.ndim == 2 and len(features) == 2 and features.isfinite().all()
    weights = [getattr(net, head).weight.flatten(1) for head in net.head_names]
    biases = [getattr(net, head).bias for head in net.head_names]
    if name in ("dg_p3d_nano", "vit_deit_t_p16"):  # the mean of two heads, each on its half
        again = sum(f @ w.T + b for f, w, b in zip(features.chunk(2, 1), weights, biases, strict=True)) / 2
    elif name == "squeezenet3d":  # its head cuts at 0 in every place before it averages
        assert features.shape == (2, weights[0].shape[1])
        return
    else:
        again = features @ weights[0].T + biases[0]
    torch.testing.assert_close(again, logits, rtol=1e-3, atol=1e-4)
    assert net.feature_map(x).shape[0] == 2 and net.feature_map(x).ndim == 5


@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_other_channels(name):
    """A grey clip, and a clip of six channels, one RGB image twice, give the logits that the RGB net gives."""
    torch.manual_seed(0)
    net, clip = small_net(name)
    weights, x = net.state_dict(), torch.randn(2, *clip)
    grey = x[:, :1]
    for channels, given, same in ((1, grey, grey.expand_as(x)), (6, x.repeat(1, 2, 1, 1, 1), x)):
        other, _ = small_net(name)
        other.load_state_dict(weights)
        other.set_in_channels(channels)
        torch.testing.assert_close(other.eval()(given), net.eval()(same), rtol=1e-3, atol=1e-4)
        with pytest.raises(ValueError, match=rf"takes clips of shape \(N, {channels}, T, H, W\)"):
            other(x)
        built, _ = small_net(name, in_channels=channels)
        assert built.eval()(given).shape == (2, 3)


def test_channels_that_are_none():
    with pytest.raises(ValueError, match="in_channels=0; it is a whole number, 1 or more"):
        create_model("ircsn_nano", in_channels=0)
