"""The vision transformers in the zoo of Optimization Planning: on frames, on groups of frames, and distilled ones.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, arXiv:2201.04021, section 5; its code's zoo
Origins Dosovitskiy et al., ICLR 2021, arXiv:2010.11929, table 1; Touvron et al., ICML 2021, arXiv:2012.12877, table 1

`vit_deit_s_p16` is the code's, not DeiT-S: wider, less deep, queries, keys and values without bias.
"""

from functools import partial

from lib.models.layout import Layout
from lib.models.p3d import published_input
from lib.models.p3d_zoo import SYSTEM
from lib.models.registry import register_all
from lib.models.vit import Distilled, VisionTransformer

# dim, depth, heads, MLP ratio, bias of queries, keys and values, scale of their products
TINY = (192, 12, 3, 4, True, 64**-0.5)
SMALL = (384, 12, 6, 4, True, 64**-0.5)
BASE = (768, 12, 12, 4, True, 64**-0.5)
LARGE = (1024, 24, 16, 4, True, 64**-0.5)
OWN_SMALL = (768, 8, 8, 3, False, 768**-0.5)
# name: (class, shape, patch)
ON_FRAMES = {
    "vit_t_p16": (VisionTransformer, TINY, 16),
    "vit_s_p16": (VisionTransformer, SMALL, 16),
    "vit_b_p16": (VisionTransformer, BASE, 16),
    "vit_b_p32": (VisionTransformer, BASE, 32),
    "vit_l_p16": (VisionTransformer, LARGE, 16),
    "vit_l_p32": (VisionTransformer, LARGE, 32),
}
DISTILLED = {
    "vit_deit_t_p16": (Distilled, TINY, 16),
    "vit_deit_s_p16": (Distilled, OWN_SMALL, 16),
    "vit_deit_b_p16": (Distilled, BASE, 16),
}
ON_GROUPS = {
    "c2d_vit_t_p16": (VisionTransformer, TINY, 16),
    "c2d_vit_s_p16": (VisionTransformer, SMALL, 16),
    "c2d_vit_b_p16": (VisionTransformer, BASE, 16),
    "c2d_vit_b_p32": (VisionTransformer, BASE, 32),
    "c2d_vit_l_p16": (VisionTransformer, LARGE, 16),
    "c2d_vit_l_p32": (VisionTransformer, LARGE, 32),
}


def on_frames(net, shape, patch, num_classes=400, size=224, dropout=0.5):
    return net(shape, patch, num_classes, size, 1, dropout)


def on_groups(net, shape, patch, num_classes=400, size=224, early_stride=4, dropout=0.5):
    return net(shape, patch, num_classes, size, early_stride, dropout)


# ---- published files
STEM = {
    "tokens.label": "cls_token",
    "tokens.distil": "dist_token",
    "position": "pos_embed",
    "patches.weight": "patch_embed.proj.weight",
    "patches.bias": "patch_embed.proj.bias",
}
DEIT_HEADS = {"fc": "head", "fc_dist": "head_dist"}


def published_key(ours, heads=None):
    match ours.split(".", 1):
        case ["stem", inside]:
            return STEM[inside]
        case ["fc" | "fc_dist" as head, leaf]:
            return f"{(heads or {}).get(head, head)}.{leaf}"
        case _:
            return ours


def _size(patch, tokens, weights):
    """The pixels that a file's grid of positions was made for."""
    grid = weights["pos_embed"].shape[1] - tokens if "pos_embed" in weights else 0
    return {"size": round(grid**0.5) * patch} if grid > 0 else {}


def layouts(net, patch, planar=("stem.patches.weight",)):
    """The zoo's own files, and DeiT's, whose heads have other names."""
    infer = partial(_size, patch, len(net.tokens))
    yield Layout(
        "optimization planning", published_key, published_input, "model", "module.", infer=infer, planar=planar
    )
    if net is Distilled:
        deit = partial(published_key, heads=DEIT_HEADS)
        yield Layout("DeiT", deit, published_input, "model", infer=infer, planar=planar)


for name, (net, shape, patch) in {**ON_FRAMES, **DISTILLED}.items():
    register_all(on_frames, {name: (net, shape, patch)}, **SYSTEM, layouts=list(layouts(net, patch)))
for name, (net, shape, patch) in ON_GROUPS.items():
    register_all(on_groups, {name: (net, shape, patch)}, **SYSTEM, layouts=list(layouts(net, patch, planar=())))
