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


def published_input(file_name, options):
    """What the authors' readers made of a dataset's pixels; nothing in the tensors says which dataset it was.

    Kinetics was read by OpenCV and never swapped: BGR. Jester and UCF-101 were read by Pillow: RGB.
    """
    for pattern, key, ground in OTHERS:
        if re.fullmatch(pattern, file_name):
            return Preprocessing(PIXELS[key], 112, 16, 1, ground, "efficient3dcnns_windows")
    said = parse_file_name(file_name)
    key, note, stride, protocol = READ.get(said.get("dataset"), UNKNOWN)
    dataset, other = said.get("dataset"), WITH_CLASSES.get(options.get("num_classes"))
    if key and other and other != dataset:
        key, note = None, f"the file's name says {dataset}, its {options['num_classes']} classes {other}"
    return Preprocessing(PIXELS.get(key), 112, said.get("frames", 16), stride, note, protocol)


WITH_CLASSES = {27: "jester", 51: "hmdb51", 101: "ucf101", 400: "kinetics", 600: "kinetics", 700: "kinetics"}
# dataset in a published name: pixels, ground, frame stride, protocol
READ = {
    "kinetics": ("activitynet_bgr", "by the file's name: Kinetics, read by OpenCV", 1, "efficient3dcnns_windows"),
    "jester": (
        "activitynet",
        "by the file's name; the authors' code says RGB, one of their answers BGR",
        2,
        "efficient3dcnns_centre",
    ),
    **dict.fromkeys(
        ("ucf101", "hmdb51"),
        ("activitynet", "by the file's name: UCF-101 or HMDB-51, read by Pillow", 1, "efficient3dcnns_windows"),
    ),
}
UNKNOWN = (None, "the file's name is none of the published ones, and the tensors do not say", 1, "")
# names of 3D-ResNets' files, whose tensors are named alike: pattern, pixels, ground
OTHERS = [
    (r"(r3d|r2p1d)\d+_[KMS]+_\d+ep\.pth", "3d_resnets", "by the file's name: 3D-ResNets, its present code"),
    (
        r"(resnet|resnext|preresnet|wideresnet|densenet)-\d+b?-(kinetics|ucf101|hmdb51)([-_].*)?\.pth",
        "3d_resnets",
        "guessed by the file's name: an older release of 3D-ResNets, and its present code",
    ),
]


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
