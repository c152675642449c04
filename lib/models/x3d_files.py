"""How the published files of X3D name its tensors: SlowFast, pytorchvideo and its mobile version, mmaction2.

Source  SlowFast (model zoo), pytorchvideo (hub and mobile), mmaction2 0.x and 1.x; golden logits of all hold the tables
"""

from functools import partial

from lib.data.protocol import Pixels
from lib.models.layout import Layout, Preprocessing

# our unit: theirs; two names are a convolution and its norm, or the two convolutions of a gate
SLOWFAST = {
    "stem.0": "s1.pathway0_stem.conv_xy",
    "stem.1": "s1.pathway0_stem.conv",
    "stem.2": "s1.pathway0_stem.bn",
    "block": "s{}.pathway0_res{}.",
    "expand": ("branch2.a", "branch2.a_bn"),
    "filter": ("branch2.b", "branch2.b_bn"),
    "gate": ("branch2.se.fc1", "branch2.se.fc2"),
    "project": ("branch2.c", "branch2.c_bn"),
    "shortcut": ("branch1", "branch1_bn"),
    "neck": ("head.conv_5", "head.conv_5_bn"),
    "hidden": "head.lin_5",
    "fc": "head.projection",
}
PYTORCHVIDEO = {
    "stem.0": "blocks.0.conv.conv_t",  # its names for the stem's two convolutions are swapped
    "stem.1": "blocks.0.conv.conv_xy",
    "stem.2": "blocks.0.norm",
    "block": "blocks.{}.res_blocks.{}.",
    "expand": ("branch2.conv_a", "branch2.norm_a"),
    "filter": ("branch2.conv_b", "branch2.norm_b.0"),
    "gate": ("branch2.norm_b.1.block.0", "branch2.norm_b.1.block.2"),
    "project": ("branch2.conv_c", "branch2.norm_c"),
    "shortcut": ("branch1_conv", "branch1_norm"),
    "neck": ("blocks.5.pool.pre_conv", "blocks.5.pool.pre_norm"),
    "hidden": "blocks.5.pool.post_conv",
    "fc": "blocks.5.proj",
}
MMACTION = {
    "stem.0": "backbone.conv1_s.conv",
    "stem.1": "backbone.conv1_t.conv",
    "stem.2": "backbone.conv1_t.bn",
    "block": "backbone.layer{}.{}.",
    "expand": ("conv1.conv", "conv1.bn"),
    "filter": ("conv2.conv", "conv2.bn"),
    "gate": ("se_module.fc1", "se_module.fc2"),
    "project": ("conv3.conv", "conv3.bn"),
    "shortcut": ("downsample.conv", "downsample.bn"),
    "neck": ("backbone.conv5.conv", "backbone.conv5.bn"),
    "hidden": "cls_head.fc1",
    "fc": "cls_head.fc2",
}
MOBILE = {
    "stem.0": "s1.pathway0_stem_conv_xy.kernel.conv",
    "stem.1": "s1.pathway0_stem_conv.kernel.conv",
    "stem.2": "s1.pathway0_stem_conv.kernel.bn",
    "block": "s{}.pathway0_res{}.",
    "expand": ("layers.conv_0.kernel.conv", "layers.conv_0.kernel.bn"),
    "filter": ("layers.conv_1.kernel.conv", "layers.conv_1.kernel.bn"),
    "gate": ("layers.se.se.block.0", "layers.se.se.block.2"),
    "project": ("layers.conv_2.kernel.conv", "layers.conv_2.kernel.bn"),
    "shortcut": ("_res_proj.kernel.conv", "_res_proj.kernel.bn"),
    "neck": ("head.conv_5.kernel.conv", "head.conv_5.kernel.bn"),
    "hidden": "head.lin_5.kernel.conv",
    "fc": "projection.model",
}


def published_key(names, first_stage, ours):
    """Our key -> theirs; first_stage is the number that a file gives to stage 1."""
    match ours.split("."):
        case ["stem", layer, leaf]:
            return f"{names[f'stem.{layer}']}.{leaf}"
        case ["stages", stage, block, unit, layer, leaf]:
            layer = {"reduce": 0, "expand": 1}.get(layer) if unit == "gate" else int(layer)
            return f"{names['block'].format(int(stage) + first_stage, block)}{names[unit][layer]}.{leaf}"
        case ["neck", layer, leaf]:
            return f"{names['neck'][int(layer)]}.{leaf}"
        case [unit, leaf]:
            return f"{names[unit]}.{leaf}"


UNIT, EIGHT_BITS = Pixels((0.45,) * 3, (0.225,) * 3), Pixels((114.75,) * 3, (57.38,) * 3, 255)


def layouts(name, frames, frame_stride, crop):
    """The layouts of a net for these clips."""
    note = "" if name == "x3d_l" else "XS, S and M have the same tensors: a file does not say which it is"

    def seen(pixels):
        known = Preprocessing(pixels, crop, frames, frame_stride, note)
        return lambda file_name, options: known

    unit = seen(UNIT)
    yield Layout("SlowFast", partial(published_key, SLOWFAST, 2), unit, "model_state")
    bare = {"shortcut_norm": False}
    yield Layout("pytorchvideo", partial(published_key, PYTORCHVIDEO, 1), unit, "model_state", options=bare)
    pool, flat = {"head_pool": None}, {"flat": ("hidden.weight",), "ignored": ("data_preprocessor.*",)}
    yield Layout("mmaction2", partial(published_key, MMACTION, 1), seen(EIGHT_BITS), "state_dict", options=pool, **flat)
    yield Layout("pytorchvideo mobile", partial(published_key, MOBILE, 2), unit, options=pool)
