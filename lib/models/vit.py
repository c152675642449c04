"""Vision transformers on the frames of a clip, plain and distilled, as in the zoo of Optimization Planning.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, arXiv:2201.04021, section 5; its code's zoo
Origins Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021, arXiv:2010.11929, table 1
        Touvron et al., Training data-efficient image transformers, ICML 2021, arXiv:2012.12877, section 4, table 1
Input   (N, 3, T, H, W), any T, H and W at least a patch; `c2d_vit_*`: T a multiple of early_stride

A frame is an image; in `c2d_vit_*` early_stride frames are. Nothing attends across images, logits are averaged.
Departure: the grid of positions follows the clip's size, bilinearly; the code resizes it when a file is loaded.
"""

import torch
import torch.nn.functional as F
from torch import nn

from lib.models.heads import Head
from lib.models.video_net import TwoHeads, VideoNet

EPS = 1e-6
STD = 0.02  # of linear layers and tokens at the start
STAGES = 4  # equal parts of the blocks, to freeze by


class Stem(nn.Module):
    """Cut into patches, put the tokens before them, add what says where each stands.

    tokens  "label", or "label" and "distil"
    size    pixels that the grid of positions is made for
    """

    def __init__(self, dim, patch, size, early_stride, tokens):
        super().__init__()
        kernel = (early_stride, patch, patch)
        self.patches = nn.Conv3d(3, dim, kernel, kernel)
        self.tokens = nn.ParameterDict([(name, torch.zeros(1, 1, dim)) for name in tokens])  # a dict would be sorted
        self.position = nn.Parameter(torch.zeros(1, len(tokens) + (size // patch) ** 2, dim))

    def forward(self, x):  # (N, 3, T, H, W) -> (N, T/es, tokens + H/patch * W/patch, dim)
        x = self.patches(x)  # (N, dim, T/es, H/patch, W/patch)
        position = self.position_of(*x.shape[3:])
        x = x.permute(0, 2, 3, 4, 1).flatten(2, 3)
        tokens = [token.expand(*x.shape[:2], -1, -1) for token in self.tokens.values()]
        return torch.cat([*tokens, x], 2) + position

    def position_of(self, height, width):
        """(1, tokens + height * width, dim)"""
        tokens, grid = self.position.split([len(self.tokens), self.position.shape[1] - len(self.tokens)], 1)
        side = round(grid.shape[1] ** 0.5)
        if (height, width) == (side, side):
            return self.position
        grid = grid.unflatten(1, (side, side)).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, (height, width), mode="bilinear", align_corners=False)
        return torch.cat([tokens, grid.flatten(2).transpose(1, 2)], 1)


class Attention(nn.Module):
    """Every token looks at all tokens of its image, in several heads."""

    def __init__(self, dim, heads, bias, scale):
        super().__init__()
        self.heads, self.scale = heads, scale
        self.qkv = nn.Linear(dim, 3 * dim, bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):  # (N, T, tokens, dim) -> like x
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        weights = (q @ k.transpose(-2, -1) * self.scale).softmax(-1)  # (N, T, heads, tokens, tokens)
        return self.proj((weights @ v).transpose(2, 3).flatten(3))


class MLP(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x):  # (N, T, tokens, dim) -> like x
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention, then an MLP, each behind a norm and beside a shortcut."""

    def __init__(self, dim, heads, mlp_ratio, bias, scale):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, EPS), nn.LayerNorm(dim, EPS)
        self.attn = Attention(dim, heads, bias, scale)
        self.mlp = MLP(dim, mlp_ratio * dim)

    def forward(self, x):  # (N, T, tokens, dim) -> like x
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(VideoNet):
    """Stem, blocks, norm; its head classifies every image by the class token.

    shape  dim, depth, heads, MLP ratio, whether queries, keys and values have a bias, scale of their products
    """

    hidden_names = ("norm",)
    tokens = ("label",)  # the class token; `class` is no name in Python

    def __init__(self, shape, patch, num_classes, size, early_stride, dropout):
        super().__init__()
        dim, depth, *block = shape
        self.early_stride, self.patch = early_stride, patch
        self.stem = Stem(dim, patch, size, early_stride, self.tokens)
        self.blocks = nn.Sequential(*(Block(dim, *block) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, EPS)
        self.dropout = nn.Dropout(dropout)
        for name in self.head_names:
            setattr(self, name, Head(dim, num_classes))
        self.apply(_init)

    def images(self, x):  # (N, 3, T, H, W) -> (N, T/es, tokens + H/patch * W/patch, dim)
        """The last block's tokens of every image."""
        frames, *sides = x.shape[2:] if x.ndim == 5 else (0, 0)
        fits = frames > 0 and frames % self.early_stride == 0 and min(sides) >= self.patch
        takes = f"multiples of early_stride={self.early_stride} frames of at least {self.patch} x {self.patch} pixels"
        self.check(x, fits, takes)
        return self.blocks(self.stem(x))

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, dim, T/es, H/patch, W/patch), the patches'
        patches = self.images(x)[:, :, len(self.tokens) :]
        return patches.unflatten(2, [n // self.patch for n in x.shape[3:]]).permute(0, 4, 1, 2, 3)

    def said(self, x):  # (N, 3, T, H, W) -> (N, T/es, dim) of each of the tokens, a tuple
        """What each head classifies, image by image."""
        return self.norm(self.images(x)[:, :, : len(self.tokens)]).unbind(2)

    def features(self, x):  # (N, 3, T, H, W) -> (N, dim * tokens)
        return torch.cat([token.mean(1) for token in self.said(x)], 1)

    def forward(self, x):  # (N, 3, T, H, W) -> (N, num_classes)
        return self.fc(self.dropout(self.said(x)[0])).mean(1)

    def stage_modules(self):
        length = len(self.blocks) // STAGES
        return [list(self.blocks[i * length : (i + 1) * length]) for i in range(STAGES)]


class Distilled(TwoHeads, VisionTransformer):
    """With a token and a head that learned from another net."""

    head_names = ("fc", "fc_dist")
    tokens = ("label", "distil")

    def heads(self, x):  # (N, 3, T, H, W) -> (by the class token, by the distillation token), each (N, num_classes)
        heads = zip(self.head_names, self.said(x), strict=True)
        return tuple(getattr(self, name)(self.dropout(token)).mean(1) for name, token in heads)


def _init(module):
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, Stem):
        for token in (*module.tokens.values(), module.position):
            nn.init.trunc_normal_(token, std=STD)
