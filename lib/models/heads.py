"""Classifiers: the last layer of a net. A head knows how to make another one of its kind, for other classes."""

from torch import nn
from torch.nn import functional as F


class Head(nn.Linear):
    """Classify a clip's features: (N, C) -> (N, classes)."""

    def with_classes(self, num_classes):
        """A new head: PyTorch's own start, on this one's device and in its type."""
        return Head(self.in_features, num_classes).to(self.weight)


class PointwiseHead(nn.Conv3d):
    """Classify every place of a clip: (N, C, T, H, W) -> (N, classes, T, H, W)."""

    def __init__(self, c_in, num_classes):
        super().__init__(c_in, num_classes, 1)

    def with_classes(self, num_classes):
        """A new head: PyTorch's own start, on this one's device and in its type."""
        return PointwiseHead(self.in_channels, num_classes).to(self.weight)


class FrameHead(nn.Linear):
    """Classify every frame, average the logits: (N, C, T, H, W) -> (N, classes).

    std  of the weights at the start, after `restart`; None: PyTorch's own start
    """

    def __init__(self, c_in, num_classes, dropout=0.0, std=None):
        super().__init__(c_in, num_classes)
        self.dropout, self.std = dropout, std

    def forward(self, x):  # (N, C, T, H, W) -> (N, classes)
        return self.frames(x).mean(1)

    def frames(self, x):  # (N, C, T, H, W) -> (N, T, classes)
        """The logits of every frame."""
        features = F.dropout(x.mean((3, 4)).transpose(1, 2), self.dropout, self.training)  # (N, T, C)
        return super().forward(features)

    def restart(self):
        if self.std is not None:
            nn.init.normal_(self.weight, 0, self.std)
            nn.init.zeros_(self.bias)

    def with_classes(self, num_classes):
        """A new head as the net's own starts, on this one's device and in its type."""
        head = FrameHead(self.in_features, num_classes, self.dropout, self.std)
        head.restart()
        return head.to(self.weight)
