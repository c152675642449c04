"""What the published files of Efficient-3DCNNs have in common: their wrapper, their names, their input.

Paper   Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422
Files   {dataset}_{family}[_{width}x | _{depth}][_G{groups}]_{modality}_{frames}_best.pth
"""

import re

from lib.data.protocol import PIXELS
from lib.models.layout import Layout, Preprocessing

FAMILY = {  # the files' name of a family: ours
    "mobilenet": "mobilenet3d",
    "mobilenetv2": "mobilenetv2_3d",
    "shufflenet": "shufflenet3d",
    "shufflenetv2": "shufflenetv2_3d",
    "squeezenet": "squeezenet3d",
    "resnet": "resnet3d",
    "resnext": "resnext3d",
    "c3d": "c3d",
}
FILE_NAME = re.compile(
    rf"(?P<dataset>[a-z0-9]+)_(?P<family>{'|'.join(FAMILY)})(_(?P<width>[\d.]+)x|_(?P<depth>\d+))?(_G(?P<groups>\d+))?"
    r"_(?P<modality>RGB|Flow)_(?P<frames>\d+)_(best|checkpoint)\.pth"
)
SYSTEM = {
    "system": "Efficient-3DCNNs",
    "source": "Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422, table 8",
}


def parse_file_name(file_name):
    """What a published file's name says: {"dataset": "kinetics", "model": "mobilenetv2_3d", "width": 0.7, ...}.

    An empty dict if it is not such a name.
    """
    found = FILE_NAME.fullmatch(file_name)
    if not found:
        return {}
    said = {key: value for key, value in found.groupdict().items() if value is not None}
    model = FAMILY[said.pop("family")] + (f"_{said.pop('depth')}" if "depth" in said else "")
    numbers = {"width": float, "groups": int, "frames": int}
    return {"model": model, **{key: numbers.get(key, str)(value) for key, value in said.items()}}


def published_input(file_name):
    """Kinetics was read by OpenCV and never swapped: BGR. Jester and UCF-101 were read by Pillow: RGB."""
    said = parse_file_name(file_name)
    order = "RGB" if said.get("dataset") in ("jester", "ucf101", "hmdb51") else "BGR"
    note = "the authors' code says RGB, one of their answers BGR" if said.get("dataset") == "jester" else ""
    pixels = PIXELS["activitynet" if order == "RGB" else "activitynet_bgr"]
    stride, protocol = (2, "efficient3dcnns_centre") if note else (1, "efficient3dcnns_windows")
    return Preprocessing(pixels, 112, said.get("frames", 16), stride, note, protocol)


def scaled(channels, width):
    """Channels under a width multiplier, truncated; ValueError if none are left."""
    if int(channels * width) < 1:
        raise ValueError(f"width={width} leaves none of {channels} channels; it is a multiplier, 1.0 the paper's net")
    return int(channels * width)


def width_from(key, channels):
    """What a file's tensors tell of the width multiplier, in hundredths: `key` has int(channels * width) outputs."""
    return lambda tensors: {"width": -(-100 * len(tensors[key]) // channels) / 100} if key in tensors else {}


def layout(key, infer=lambda tensors: {}):
    """The files' layout, for a function that turns our keys into theirs, and one from tensors to options."""
    return Layout("efficient-3dcnns", key, published_input, "state_dict", "module.", infer=infer)
