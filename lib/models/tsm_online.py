"""TSM online: one frame at a time, with what the last frame left behind in place of the frames to come.

Paper  Lin, Gan, Han, TSM: Temporal Shift Module for Efficient Video Understanding, ICCV 2019, arXiv:1811.08383,
       section 4.2 (unidirectional, for online recognition)
"""

import torch

from kernels import frame_cache, frame_shift
from lib.models.layers import FrameConv
from lib.models.tsm import TSM, ShiftedConv


class OnlineTSM:
    """A causal TSM that is shown a video frame by frame; it shares the net's weights.

    net  `create_model("tsm_50", causal=True)`, in evaluation mode: with a net that looks ahead there is no answer yet

    The logits of frame t are those that the clip net gives frame t of the whole video, and their mean so far is the
    clip net's answer: nothing before the video is nothing before the clip.
    """

    def __init__(self, net):
        if not isinstance(net, TSM) or not net.causal:
            raise ValueError(f"{type(net).__name__} is no causal TSM: build it with causal=True")
        if net.training:
            raise ValueError("the net is in training mode, in which batch norms mix videos: call net.eval() first")
        self.net = net
        self.reset()

    def reset(self):
        """Forget the video: the next frame is the first of another."""
        self.caches, self.total, self.frames = {}, 0, 0

    @torch.no_grad()
    def __call__(self, frame):
        """The next frame (N, 3, H, W) -> its logits, and the mean of the logits so far, both (N, classes)."""
        if frame.ndim != 4:
            raise ValueError(f"a frame is (N, 3, H, W), not {tuple(frame.shape)}")
        net = self.net
        net.check(frame[:, :, None])
        x = net.pool(net.act(net.stem(frame[:, :, None])))
        for block in net.blocks():
            x = block(x, reduce=lambda x, layers=block.reduce: layers[1](self._shifted(layers[0], x)))
        logits = net.fc.frames(x)[:, 0]
        self.frames += 1
        self.total = self.total + logits
        return logits, self.total / self.frames

    def _shifted(self, conv: ShiftedConv, x):
        cache = self.caches.get(conv)
        if cache is None:
            cache = frame_cache(x, conv.offset)
        elif cache.shape[0] != x.shape[0] or cache.shape[3:] != x.shape[3:]:
            raise ValueError("this frame has another size or batch than those before: call reset() for another video")
        y, self.caches[conv] = frame_shift(x, conv.offset, cache=cache, backend=conv.op_backend)
        return FrameConv.forward(conv, y)
