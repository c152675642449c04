"""LGD-P3D: P3D beside a global path; every block passes what it knows of the whole clip both ways.

Paper   Qiu et al., Learning Spatio-Temporal Representation with Local and Global Diffusion, CVPR 2019,
        arXiv:1906.05571, section 3; as in the zoo of Optimization Planning, ICML 2021
Input   (N, 3, T, H, W), T a multiple of early_stride

Departure: the last bias of what the global path adds starts at 0, not at random.
"""

from torch import nn

from lib.models import p3d, p3d_zoo
from lib.models.heads import Head
from lib.models.layout import Layout
from lib.models.registry import register_all


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


class LGDNet(p3d.TwoHeadedNet):
    """A head on the local path's mean, another on the global path."""

    block_kinds = {"bottleneck": Block}
    head_names = ("fc", "fc_global")

    def __init__(self, units, block, blocks, num_classes, stem, early_stride=4, dropout=0.5, width=64, **grouped):
        super().__init__(units, block, blocks, num_classes, stem, early_stride, dropout, width, **grouped)
        self.fc_global = Head(self.fc.in_features, num_classes)

    def paths(self, x):  # (N, 3, T, H, W) -> the local path (N, 2048, T/es, H/32, W/32), the global one (N, 2048)
        self.check_frames(x)
        x = self.pool(self.stem(x))  # (N, 64, T/es, H/4, W/4)
        return self.stages((x, x.mean((2, 3, 4))))

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 2048, T/es, H/32, W/32), the local path's
        return self.paths(x)[0]

    def head_features(self, x):  # (N, 3, T, H, W) -> the local and the global head's, each (N, 2048)
        local, whole = self.paths(x)
        return local.mean((2, 3, 4)), whole

    def verdict(self, heads):
        """What counts in evaluation: the local head."""
        return heads[0]


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


# name: (class, family, depth). None of basic blocks: their type B cannot change the channels
NETS = {
    "lgd_p3d_50": (LGDNet, "p3d", 50),
    "lgd_p3d_101": (LGDNet, "p3d", 101),
    "lgd_p3d_103": (LGDNet, "p3d", 103),
    "lgd_p3d_152": (LGDNet, "p3d", 152),
    "lgd_p3d_resnext50": (LGDNet, "p3d", "x50"),
}
SOURCE = "Qiu et al., Local and Global Diffusion, CVPR 2019, arXiv:1906.05571, section 3"

register_all(p3d_zoo.zoo_net, NETS, **{**p3d_zoo.SYSTEM, "source": SOURCE}, layouts=[LAYOUT])
