"""Published weights as the start of a training on other videos: a new head, what is frozen, what the net must see."""

from functools import partial

from lib.models import create_model, model_options
from lib.weights.freezing import freeze, freeze_norms, replace_head
from lib.weights.loading import load_weights
from lib.weights.published import read_tensors
from lib.weights.transfer_2d import PREPROCESSING, inflate, is_2d_resnet

# what stays as it was published
FREEZE = {
    "": lambda net: net,  # nothing
    "backbone": freeze,  # all but the new head, batch statistics included
    "weights": partial(freeze, statistics=True),  # all but the new head; batch statistics follow the new videos
    "norms": partial(freeze_norms, affine=True),  # batch norms alone: CSN's norm_eval and bn_frozen
    "statistics": freeze_norms,  # batch statistics alone: CSN's norm_eval
}
# of a new head, where the authors changed it (Efficient-3DCNNs on UCF-101); of other nets it stays
DROPOUT = dict.fromkeys(["mobilenet3d", "mobilenetv2_3d", "shufflenet3d", "shufflenetv2_3d"], 0.9)


def start_from(name, weights, num_classes, frozen="", **options):
    """A net with published weights and a new head.  -> (net, what its pixels must be)

    weights  a file of this net, see `load_weights`, or of the 2D ResNet that it is inflated from
    frozen   a key of FREEZE
    options  the net's own; those of the file, or ValueError: what is trained is what its costs are counted for
    The pixels, lib.data.Pixels, belong in the protocol of the videos that it is trained on.
    """
    if frozen not in FREEZE:
        raise ValueError(f"freeze={frozen!r}; it can be {', '.join(map(repr, FREEZE))}")
    if is_2d_resnet(weights):
        flat = {key: value for key, value in read_tensors(weights).items() if not key.startswith("fc.")}
        net, seen = create_model(name, num_classes=num_classes, **options), PREPROCESSING
        inflate(net, flat)
    else:
        loaded = load_weights(name, weights, **options)
        _check_options(name, weights, loaded.report.options, options)
        net = replace_head(loaded.model, num_classes, None if "dropout" in options else DROPOUT.get(name))
        seen = loaded.preprocessing
    return FREEZE[frozen](net), seen.pixels


def _check_options(name, weights, found, given):
    """The net's options as given, or else its defaults, must be those of the file: (h, w) is [h, w] in YAML."""
    asked = {key: _plain(value) for key, value in {**model_options(name), **given}.items()}
    known = {key: _plain(value) for key, value in found.items() if key not in ("num_classes", "dropout")}
    if other := {key: value for key, value in known.items() if value != asked[key]}:
        raise ValueError(f"{weights} holds a {name} with other options: write options: {other}")


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
