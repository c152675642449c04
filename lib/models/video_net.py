"""What every net of the suite has in common: features before a head, and modules with roles."""

import torch
from torch import nn

from lib.models.layers import check_clip, set_in_channels


class VideoNet(nn.Module):
    """A net of a stem, stages, perhaps hidden layers, and a head or more. It says which of its modules are what.

    A subclass has `feature_map`, the modules `stem`, `stages`, `dropout` and `fc`, or overrides what differs.
    """

    in_channels = 3
    head_names = ("fc",)  # modules that end in classes
    hidden_names = ()  # modules with weights between stages and heads

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, channels, T', H', W')
        """What the last stage says of every place in time and space."""
        raise NotImplementedError(f"{type(self).__name__} has no feature map before its head")

    def features(self, x):  # (N, 3, T, H, W) -> (N, channels)
        """The numbers that the head classifies, one vector per clip: for a classifier of your own, or for retrieval."""
        return self.feature_map(x).mean((2, 3, 4))

    def forward(self, x):  # (N, 3, T, H, W) -> (N, num_classes)
        return self.fc(self.dropout(self.features(x)))

    def check(self, x, fits=True, takes=""):
        """ValueError for a clip that is none, or that does not fit; see `check_clip`."""
        check_clip(x, type(self).__name__, fits, takes, self.in_channels)

    @torch.no_grad()
    def set_in_channels(self, channels):
        """Take clips of 1, 2, 4, ... channels; in place.

        The first layer gets its kernels of red, green and blue in turn, times 3 / channels; for 1 channel, their sum.
        So a grey clip gives the logits that it gave three times over, and so does an RGB clip twice over.
        """
        if not isinstance(channels, int) or channels < 1:
            raise ValueError(f"in_channels={channels!r}; it is a whole number, 1 or more")
        first = next(m for part in self.stem_modules() for m in part.modules() if _reads_clips(m))
        first.set_in_channels(channels) if hasattr(first, "set_in_channels") else set_in_channels(first, channels)
        self.in_channels = channels

    def roles(self):
        """{role: [modules]}, from the clip to the classes; every weight stands in exactly one of them.

        Roles: "stem", "stage_1", "stage_2", ..., "hidden", "head".
        """
        stages = {f"stage_{number}": modules for number, modules in enumerate(self.stage_modules(), 1)}
        hidden, heads = ([getattr(self, name) for name in names] for names in (self.hidden_names, self.head_names))
        return {"stem": self.stem_modules(), **stages, "hidden": hidden, "head": heads}

    def stem_modules(self):
        return [self.stem]

    def stage_modules(self):
        """[[modules of a stage], ...], in order."""
        return [[stage] for stage in self.stages]

    def replace_heads(self, num_classes):
        """New heads for other classes, in place of the old ones, as the net starts them."""
        for name in self.head_names:
            old = getattr(self, name)
            if not hasattr(old, "with_classes"):
                raise ValueError(f"{name} of {type(self).__name__} is no head of lib/models/heads.py: make it one")
            setattr(self, name, old.with_classes(num_classes))


class TwoHeads:
    """A net with a second head, whose loss counts as the first one's does; it says what its `heads` are."""

    def forward(self, x):  # (N, 3, T, H, W) -> (N, num_classes), in training the tuple of the heads
        heads = self.heads(x)
        return heads if self.training else self.verdict(heads)

    def verdict(self, heads):
        """What counts in evaluation: the mean of the heads."""
        return sum(heads) / len(heads)


def stages_of(blocks):
    """A flat sequence of blocks, cut into stages: each begins where a block has a stride."""
    stages = []
    for block in blocks:
        if not stages or any(_strides(module) for module in block.modules()):
            stages.append([])
        stages[-1].append(block)
    return stages


def _strides(module):
    stride = getattr(module, "stride", 1)
    return any(step > 1 for step in (stride if isinstance(stride, tuple) else (stride,)))


def _reads_clips(module):
    """Whether it is a convolution, or one of several kinds of kernels, which knows how to set its own channels."""
    return isinstance(module, nn.Conv2d | nn.Conv3d) or hasattr(module, "set_in_channels")
