"""TSM frame by frame: what it says of every frame, and of the video so far, is what the clip net says."""

import pytest
import torch

from lib import create_model
from lib.models.tsm import TSM
from lib.models.tsm_online import OnlineTSM


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = TSM((1, 1, 1), 5, 8, 0.0, causal=True)
    net(torch.randn(4, 3, 6, 32, 32))  # norms that know something
    return net.eval()


@torch.no_grad()
def test_frames_are_the_clips(net):
    clip, online = torch.randn(2, 3, 7, 32, 32), OnlineTSM(net)
    want = net.fc.frames(net.feature_map(clip))  # (N, T, classes)
    for t, frame in enumerate(clip.unbind(2)):
        logits, mean = online(frame)
        torch.testing.assert_close(logits, want[:, t], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(mean, net(clip[:, :, : t + 1]), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_it_remembers_and_forgets(net):
    """A frame's logits depend on those before it, not on the video before `reset`."""
    online, frames = OnlineTSM(net), torch.randn(3, 1, 3, 32, 32)
    first = online(frames[0])[0]
    second = online(frames[1])[0]
    online.reset()
    assert not torch.allclose(online(frames[1])[0], second)
    online.reset()
    torch.testing.assert_close(online(frames[0])[0], first, rtol=0, atol=0)
    torch.testing.assert_close(online(frames[1])[0], second, rtol=0, atol=0)


@torch.no_grad()
def test_a_causal_net_does_not_look_ahead():
    torch.manual_seed(0)
    clip = torch.randn(1, 3, 4, 32, 32)
    changed = clip.clone()
    changed[:, :, 3] += 1
    for causal in (True, False):
        net = TSM((1, 1, 1), 5, 8, 0.0, causal).eval()
        a, b = (net.fc.frames(net.feature_map(x))[:, :3] for x in (clip, changed))
        assert torch.equal(a, b) is causal


def test_mistakes(net):
    with pytest.raises(ValueError, match="causal=True"):
        OnlineTSM(TSM((1, 1, 1), 5, 8, 0.0).eval())
    with pytest.raises(ValueError, match="net.eval"):
        OnlineTSM(TSM((1, 1, 1), 5, 8, 0.0, causal=True))
    online = OnlineTSM(net)
    with pytest.raises(ValueError, match=r"a frame is \(N, 3, H, W\)"):
        online(torch.zeros(1, 3, 1, 32, 32))
    online(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="reset"):
        online(torch.zeros(2, 3, 32, 32))
    with torch.device("meta"):
        assert create_model("tsm_50", causal=True).causal
