"""Grad-CAM in time and space: it finds what was planted, equals CAM where it must, and leaves the net alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bench.report.support import FAMILIES
from lib import create_model
from lib.evaluate import grad_cam
from lib.models import VideoNet

TOKENS = ("vit_t_p16", "vit_deit_t_p16")  # they have no feature map
NETS = {**FAMILIES, "c2d_nano": ({}, 8, 64), "volume_nano": ({}, 16, 16)}


class Spots(VideoNet):
    """Class 0 is brightness, class 1 darkness; what it sees are means over 1 x 4 x 4."""

    def __init__(self):
        super().__init__()
        self.stages, self.fc = nn.AvgPool3d((1, 4, 4)), nn.Linear(3, 2)
        self.fc.weight.data, self.fc.bias.data = torch.tensor([[1.0] * 3, [-1.0] * 3]), torch.zeros(2)

    def feature_map(self, x):
        return self.stages(x)

    def forward(self, x):
        return self.fc(self.features(x))


def test_a_planted_spot():
    """A bright spot at frame 5, rows 8 to 11, columns 20 to 23 speaks for class 0, where and when it is."""
    clips = torch.zeros(2, 3, 8, 32, 32)
    clips[0, :, 5, 8:12, 20:24] = 1.0
    clips[1, :, 2, 24:28, 4:8] = 1.0
    heat, labels = grad_cam(Spots(), clips)
    assert heat.shape == (2, 8, 32, 32) and labels.tolist() == [0, 0] and heat.amax((1, 2, 3)).tolist() == [1, 1]
    for one, (frame, row, column) in zip(heat, ((5, 10, 22), (2, 26, 6)), strict=True):
        assert one.sum((1, 2)).argmax() == frame
        assert abs(int(one.sum((0, 2)).argmax()) - row) <= 1 and abs(int(one.sum((0, 1)).argmax()) - column) <= 1
        assert one.sum() == one[frame].sum(), "no other frame"
    against, labels = grad_cam(Spots(), clips, 1)
    assert labels.tolist() == [1, 1] and not against.any(), "nothing bright speaks for darkness: 0, and no NaN"


def test_it_is_cam_under_a_mean_and_one_layer():
    """Zhou et al., CVPR 2016: there the weights are the layer's own."""
    torch.manual_seed(0)
    net, clips = create_model("ircsn_nano", num_classes=5).eval(), torch.randn(2, 3, 8, 64, 64)
    heat, labels = grad_cam(net, clips, torch.tensor([3, 1]))
    with torch.no_grad():
        cam = (net.fc.weight[labels][:, :, None, None, None] * net.feature_map(clips)).sum(1, keepdim=True).relu()
    cam = F.interpolate(cam, (8, 64, 64), mode="trilinear")[:, 0]
    torch.testing.assert_close(heat, cam / cam.amax((1, 2, 3), keepdim=True), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(NETS.keys() - set(TOKENS)))
def test_every_family(name):
    """Heat for a class of every clip; the net keeps its mode, its gradients and its logits, frozen or not."""
    options, frames, size = NETS[name]
    torch.manual_seed(0)
    net = create_model(name, num_classes=4, **options).train().requires_grad_(False)
    net.fc.requires_grad_(True)
    clips = torch.randn(2, net.in_channels, frames, size, size)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        heat, labels = grad_cam(net, clips)
    assert heat.shape == (2, frames, size, size) and ((heat >= 0) & (heat <= 1)).all() and labels.shape == (2,)
    assert net.training and all(module.training for module in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize("name", TOKENS)
def test_a_net_of_tokens_says_so(name):
    options, frames, size = NETS[name]
    net = create_model(name, num_classes=4, **options)
    with pytest.raises(ValueError, match="no module of .* returns its feature map: say the layer"):
        grad_cam(net, torch.randn(2, 3, frames, size, size))
    assert not any(module._forward_hooks for module in net.modules())


def test_a_layer_of_ones_own():
    head = nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, 2)
    net = nn.Sequential(nn.Conv3d(3, 4, 3), nn.ReLU(inplace=True), *head)
    heat, _ = grad_cam(net, torch.randn(1, 3, 6, 10, 12), 0, layer=net[0])
    assert heat.shape == (1, 6, 10, 12)
    for clips, options, message in (
        ((6, 10, 12), {}, "Sequential has no feature_map: say the layer"),
        ((6, 10, 12), {"layer": net[4]}, "Linear returns no feature map"),
        ((6, 10, 12), {"layer": nn.ReLU()}, "ReLU is no part of Sequential's forward pass"),
        ((6, 10, 12), {"layer": net[1], "labels": 2}, "labels=2; the net has the classes 0 to 1"),
        ((6, 10, 12), {"layer": net[1], "labels": 0.5}, "labels=0.5; the net has"),
    ):
        with pytest.raises(ValueError, match=message):
            grad_cam(net, torch.randn(1, 3, *clips), **options)
        assert not any(module._forward_hooks for module in net.modules())
