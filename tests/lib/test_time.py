"""Which nets see the order of the frames; and what the channel shuffle is."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib import create_model, list_models
from lib.models.layers import channel_shuffle

SEEING = [name for name in list_models("*_nano") if name != "c2d_nano"]


def difference(name, **options):
    """How far reversing a clip moves the logits, relative to their spread."""
    torch.manual_seed(0)
    net = create_model(name, num_classes=8, **options).double().eval()
    clip = torch.randn(2, 3, 8, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        forward, back = net(clip), net(clip.flip(2))
    return float((forward - back).abs().max() / forward.std())


@pytest.mark.parametrize("name", SEEING)
def test_reversed_frames_change_the_logits(name):
    assert difference(name) > 1e-5


def test_kernels_of_one_frame_do_not_see_the_order():
    assert difference("cakes_nano", op="conv2d") < 1e-9


@given(groups=st.integers(1, 12), each=st.integers(1, 12))
def test_the_shuffle_is_a_permutation(groups, each):
    """Every channel arrives once, where the formula says; shuffling back undoes it."""
    x = torch.arange(groups * each).view(1, -1, 1, 1, 1)
    shuffled = channel_shuffle(x, groups)
    assert shuffled.flatten().tolist() == [i * each + j for j in range(each) for i in range(groups)]
    assert torch.equal(shuffled.flatten().sort().values, x.flatten())
    assert torch.equal(channel_shuffle(shuffled, each), x)
