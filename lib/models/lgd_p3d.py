"""LGD-P3D: P3D beside a global path; every block passes what it knows of the whole clip both ways.

Paper   Qiu et al., Learning Spatio-Temporal Representation with Local and Global Diffusion, CVPR 2019,
        arXiv:1906.05571; as in the zoo of Optimization Planning, ICML 2021
Input   (N, 3, T, H, W), T a multiple of early_stride

Departure: the last bias of what the global path adds starts at 0, not at random.
"""

from torch import nn

from lib.models import p3d
from lib.models.layout import Layout
from lib.models.registry import register


def _pair(c_in, mid, c_out):
    return nn.Sequential(nn.Linear(c_in, mid), nn.Linear(mid, c_out))  # nothing between the two


class Block(p3d.Bottleneck):
    """(x, g) -> (y, h): h = relu(from_local(mean(x)) + from_global(g)); y = P3D's bottleneck of x, plus to_local(h)."""

    def __init__(self, unit, c_in, planes, stride, groups=1, width_per_group=64):
        super().__init__(unit, c_in, planes, stride, groups, width_per_group)
        c_out = planes * self.expansion
        self.from_local = _pair(c_in, c_out // 16, c_out)
        self.from_global = _pair(c_in, c_out // 16, c_out)
        self.to_local = _pair(c_out, c_out // 16, c_out)
        nn.init.zeros_(self.to_local[1].weight)
        nn.init.zeros_(self.to_local[1].bias)

    def forward(self, both):  # (N, c_in, T, H, W), (N, c_in) -> (N, c_out, T, H/stride, W/stride), (N, c_out)
        x, g = both
        h = (self.from_local(x.mean((2, 3, 4))) + self.from_global(g)).relu()
        y = self.residual(x) + self.shortcut(x) + self.to_local(h)[:, :, None, None, None]
        return self.act(y), h


class LGDNet(p3d.Net):
    """A head on the local path's mean, another on the global path."""

    def __init__(self, blocks, num_classes, stem, early_stride, dropout, width=64, **grouped):
        super().__init__(p3d.FAMILIES["p3d"], Block, blocks, num_classes, stem, early_stride, dropout, width, **grouped)
        self.fc_global = nn.Linear(self.fc.in_features, num_classes)

    def heads(self, x):
        """(N, 3, T, H, W) -> the local and the global head's logits, each (N, num_classes)."""
        self.check(x)
        x = self.pool(self.stem(x))  # (N, 64, T/es, H/4, W/4)
        x, g = self.stages((x, x.mean((2, 3, 4))))  # (N, 2048, T/es, H/32, W/32), (N, 2048)
        return self.fc(self.dropout(x.mean((2, 3, 4)))), self.fc_global(self.dropout(g))

    def forward(self, x):
        """The tuple of the heads in training, the local head in evaluation."""
        heads = self.heads(x)
        return heads if self.training else heads[0]


PAIRS = {"from_local": 1, "from_global": 3, "to_local": 5}


def published_key(ours):
    match ours.split("."):
        case ["fc_global", leaf]:
            return f"fc_g.{leaf}"
        case ["stages", stage, block, ("from_local" | "from_global" | "to_local") as pair, index, leaf]:
            return f"layer{int(stage) + 1}.{block}.fc{PAIRS[pair] + int(index)}.{leaf}"
        case _:
            return p3d.published_key(ours)


LAYOUT = Layout("optimization planning", published_key, p3d.published_input, "model", "module.")


def _net(depth, **grouped):
    def build(num_classes=400, early_stride=4, frozen_bn=False, dropout=0.5):
        deep = depth == 103
        stem = (p3d.deep_stem if deep else p3d.plain_stem)(64, early_stride)
        net = LGDNet(p3d.DEPTHS[depth][1], num_classes, stem, early_stride, dropout, **grouped)
        return p3d.finish(net, 2e-5 if deep else 1e-5, frozen_bn)

    return build


for depth in (50, 101, 103, 152):  # basic blocks cannot run: their type B cannot change the channels
    register(_net(depth), name=f"lgd_p3d_{depth}", layouts=[LAYOUT])
register(_net(50, groups=32, width_per_group=4), name="lgd_p3d_resnext50", layouts=[LAYOUT])
