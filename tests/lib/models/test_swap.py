"""Sub-kernels in any net: what is swapped, dense equality, supernets, deals, volumes."""

import pytest
import torch
from torch import nn

from lib import create_model, measure_cost
from lib.models.layers import conv
from lib.models.subkernels import KINDS, OPS, uniform
from lib.models.swap import SummedConv, SwappedConv, super_layers, swappable, to_dropping, to_supernet, with_deal
from lib.search.subkernels.search import deal_of, gammas, l1_penalty

# net: (options, how many 3x3x3 convolutions before a norm, whether they are depthwise)
NETS = {
    "ircsn_nano": ({}, 4, True),
    "csn_r3d_nano": ({}, 4, False),
    "mobilenetv2_3d_nano": ({}, 6, True),
    "i3d_nano": ({}, 3, False),
    "resnet3d_nano": ({}, 7, False),
    "c3d": ({"frames": 16, "size": 48}, 8, False),
}


def clip_for(name):
    options = NETS[name][0]
    return torch.randn(2, 3, options.get("frames", 8), options.get("size", 32), options.get("size", 32))


@pytest.mark.parametrize("name", NETS)
def test_supernets_and_plans(name):
    """Logits, a gradient for every gamma, and a deal whose net costs what the kinds cost."""
    options, count, depthwise = NETS[name]
    torch.manual_seed(0)
    net = create_model(name, num_classes=5, **options)
    places = [getattr(module, child) for module, child, _ in swappable(net)]
    inner = [place for place in places if place.in_channels > 3]
    assert len(places) == count
    assert all((place.groups > 1) == depthwise for place in inner)
    to_supernet(net, "conv1_2_3d")
    assert len(super_layers(net)) == len(places)
    logits = net(clip_for(name))
    (logits.square().mean() + l1_penalty(net, 0.1)).backward()
    assert logits.shape == (2, 5) and all(layer.norm.weight.grad.abs().min() > 0 for layer in super_layers(net))
    for layer in super_layers(net):
        layer.norm.weight.data = torch.rand(len(layer.norm.weight))
    deal = deal_of(net)
    found = with_deal(create_model(name, num_classes=5, **options), deal)
    assert found(clip_for(name)).shape == (2, 5)
    whole = measure_cost(create_model(name, num_classes=5, **options), tuple(clip_for(name).shape[1:])).params
    saved = sum((27 - 9) * n["1xkxk"] * p.weight.shape[1] + (27 - 3) * n["kx1x1"] * p.weight.shape[1]
                for n, p in zip(deal, places, strict=True))  # fmt: skip
    biases = sum(place.out_channels for place in places if place.bias is not None)
    assert sum(p.numel() for p in found.parameters()) == whole - saved - biases


@pytest.mark.parametrize("groups", [1, 7])
@pytest.mark.parametrize("stride", [(1, 2, 2), (2, 2, 2)])  # video, volume
def test_a_swapped_convolution_is_a_whole_one_with_zeros(groups, stride):
    whole = conv(7, 7, 3, stride, groups)
    counts, x = dict.fromkeys(OPS["mixconvall"], 1), torch.randn(2, 7, 5, 6, 9)
    got = SwappedConv(whole, counts)(x)
    for channel, (kind, mine) in enumerate(zip(counts, SwappedConv(whole, counts).weights, strict=True)):
        inside = torch.zeros(3, 3, 3)
        inside[tuple(slice(None) if k == 3 else slice(1, 2) for k in KINDS[kind])] = 1
        whole.weight.data[channel] *= inside * (27 / inside.sum()) ** 0.5
        assert mine.numel() == inside.sum() * whole.weight.shape[1]
    torch.testing.assert_close(got, whole(x), rtol=1e-4, atol=1e-5)


def test_summed_kinds():
    """With one kind's scales left, the supernet's layer is that kind's convolution and norm."""
    dense, norm, x = conv(4, 6, 3, 2), nn.BatchNorm3d(6, eps=1e-3), torch.randn(3, 4, 5, 6, 7)
    layer = SummedConv(dense, norm, "convst")
    layer.norm.weight.data[6:] = 0
    torch.testing.assert_close(layer(x), norm(dense(x)), rtol=1e-4, atol=1e-5)
    assert (layer.kinds, layer.planes, layer.norm.eps) == (("kxkxk", "1xkxk"), 6, 1e-3)
    assert len(gammas(nn.Sequential(layer))["gammas"][0]) == 12


def test_a_uniform_plan_of_all_kinds():
    net = with_deal(create_model("csn_r3d_nano", num_classes=5), None, "mixconvall")
    layers = [module for module in net.modules() if isinstance(module, SwappedConv)]
    shares = [{kind: len(w) for kind, w in zip(layer.kinds, layer.weights, strict=True)} for layer in layers]
    assert shares == [uniform(OPS["mixconvall"], sum(share.values())) for share in shares]


def test_nothing_to_swap():
    with pytest.raises(ValueError, match="has no 3x3x3 convolution"):
        to_supernet(create_model("c2d_nano", num_classes=5))
    with pytest.raises(ValueError, match="the deal has 1 layers"):
        with_deal(create_model("ircsn_nano", num_classes=5), [{"kxkxk": 16}])


def test_swapped_layers_that_drop_channels_draw_their_own_each_time():
    """A layer keeps as many candidates as it has channels, starts from the layer's own kernels, and can be measured."""
    torch.manual_seed(0)
    net = create_model("resnet3d_nano", num_classes=5)
    whole = net.stem[0].weight.detach().clone()
    layers = super_layers(to_dropping(net, "conv1_2_3d_dropout"))
    assert len(layers) == 7 and all(len(layer.norm.weight) == 3 * layer.planes for layer in layers)
    assert torch.equal(layers[0].weights()["1xkxk"], whole[:, :, 1:2] * 3**0.5)
    x = torch.randn(2, 3, 8, 32, 32)
    assert not torch.equal(net.train()(x), net(x))
    with pytest.raises(ValueError, match="kept"):
        net.eval()(x)
    with pytest.raises(ValueError, match="depthwise"):
        to_dropping(create_model("ircsn_nano"), "conv1_2_3d_dropout")


@pytest.mark.parametrize("options", [{"search": True}, {"op": "conv1_2_3d_dropout"}])
def test_a_supernets_stem_takes_other_channels(options):
    torch.manual_seed(0)
    net = create_model("cakes_deep_nano", num_classes=3, in_channels=2, **options)
    assert net(torch.randn(2, 2, 8, 32, 32)).shape == (2, 3)
