"""Published weights as the start of a training on other videos: a new head, what is frozen, what the net must see.

CSN's switches in mmaction2, and what they are here:

norm_eval=True                  "statistics"
norm_eval=True, bn_frozen=True  "norms"
bn_frozen=True alone            nothing there, by mistake; cannot be said here: frozen weights freeze the statistics too
frozen_stages=n                 "stage_n"; 0 is "stem"

Its published fine-tuning froze the batch norms (82.8 % top-1 on Kinetics-400), and without lost 2.6 points. Not from
scratch: batch norms that never learned statistics do nothing.
"""

from functools import partial

from lib.bounds import shown
from lib.models import create_model, model_options
from lib.models.layers import FrozenBatchNorm, freeze_batch_norms
from lib.models.video_net import VideoNet
from lib.weights.loading import known_pixels, load_weights
from lib.weights.published import yaml_text
from lib.weights.transfer_2d import PREPROCESSING, flat_tensors, inflate, inflation_text

# of a new head, where the authors changed it (Efficient-3DCNNs on UCF-101); of other nets it stays
DROPOUT = dict.fromkeys(["mobilenet3d", "mobilenetv2_3d", "shufflenet3d", "shufflenetv2_3d"], 0.9)


def roles_of(net):
    """{role: modules} of a net, see `VideoNet.roles`; ValueError for a module that does not say them."""
    if not isinstance(net, VideoNet):
        raise ValueError(
            f"{type(net).__name__} does not say which of its modules are head and backbone: let it inherit from "
            "lib.models.VideoNet, with head_names"
        )
    return net.roles()


def replace_head(net, num_classes, dropout=None):
    """Give a net new heads for other classes, in place.

    dropout  of the head from now on, 0.9 in Efficient-3DCNNs' fine-tuning on UCF-101; None: as it was
    """
    roles_of(net)
    net.replace_heads(num_classes)
    if dropout is not None:
        net.dropout.p = dropout
    return net


def freeze(net, trained=("head",), statistics=False):
    """Freeze a net, in place, but for some roles: no gradient, and no batch statistics that move.

    trained     roles, see `VideoNet.roles`; C3D's hidden layers are no part of its head
    statistics  let them move all the same; else the batch norms become `FrozenBatchNorm`s

    (Efficient-3DCNNs' own option for this trains everything: its schedule sets the learning rate of all groups.)
    """
    roles = roles_of(net)
    if unknown := [role for role in trained if role not in roles]:
        raise ValueError(f"{type(net).__name__} has no {', '.join(map(shown, unknown))}; it has {', '.join(roles)}")
    kept = [part for role in trained for module in roles[role] for part in module.modules()]
    if not statistics:
        freeze_batch_norms(net, keep=kept)
    trains = {id(parameter) for part in kept for parameter in part.parameters(recurse=False)}
    for parameter in net.parameters():
        if id(parameter) not in trains:
            parameter.requires_grad_(False)
    return net


def freeze_up_to(net, last):
    """Freeze from the stem to the role `last`, "stem" or "stage_1", ..., as `freeze` does."""
    roles = list(roles_of(net))
    if last not in roles:
        raise ValueError(f"freeze={last!r}; {type(net).__name__} has {', '.join(roles)}")
    return freeze(net, roles[roles.index(last) + 1 :])


def freeze_norms(net, affine=False):
    """Let every batch norm use its running statistics and never update them, in training too; in place.

    affine  also stop training their weights and biases
    ValueError: the net has none
    """
    freeze_batch_norms(net)
    norms = [module for module in net.modules() if isinstance(module, FrozenBatchNorm)]
    if not norms:
        raise ValueError(f"{type(net).__name__} has no batch norms to freeze; 'backbone' freezes all but the head")
    for norm in norms if affine else ():
        norm.requires_grad_(False)
    return net


# what stays as it was published
FREEZE = {
    "": lambda net: net,  # nothing
    "backbone": freeze,  # all but the new head, batch statistics included
    "weights": partial(freeze, statistics=True),  # all but the new head; batch statistics follow the new videos
    "norms": partial(freeze_norms, affine=True),  # batch norms alone
    "statistics": freeze_norms,  # batch statistics alone
    **{last: partial(freeze_up_to, last=last) for last in ("stem", "stage_1", "stage_2", "stage_3", "stage_4")},
}


def start_from(name, weights, num_classes, frozen="", *, pixels=None, in_channels=3, report=print, **options):
    """A net with published weights and a new head.  -> (net, what its pixels must be)

    weights      a file of this net, see `load_weights`, or of the 2D net that it is inflated from, see `inflate`
    frozen       a key of FREEZE
    pixels       of lib.data.PIXELS or a name there, where the file does not say them; what a file says stands
    in_channels  of the clips; other than the file's: its first layer is summed or repeated, see `VideoNet`
    report       f(text), shown what became of a 2D net's tensors
    options      the net's own; those of the file, or ValueError: what is trained is what its costs are counted for
    The pixels, lib.data.Pixels, belong in the protocol of the videos that it is trained on.
    """
    if frozen not in FREEZE:
        raise ValueError(f"freeze={frozen!r}; it can be {', '.join(map(repr, FREEZE))}")
    flat = flat_tensors(name, weights)
    if flat:
        net, seen = create_model(name, num_classes=num_classes, **options), PREPROCESSING
        try:
            report(inflation_text(weights, net, flat, inflate(net, flat)))
        except ValueError as error:
            raise ValueError(f"{weights} is a 2D net's and cannot start {name}: {error}") from None
    else:
        loaded = load_weights(name, weights, **options)
        _check_options(name, weights, loaded.report.options, {**options, "in_channels": in_channels})
        net = replace_head(loaded.model, num_classes, None if "dropout" in options else DROPOUT.get(name))
        seen = loaded.preprocessing
    if roles_of(net) and net.in_channels != in_channels:
        net.set_in_channels(in_channels)
    return FREEZE[frozen](net), known_pixels(weights, seen, pixels)


def _check_options(name, weights, found, given):
    """The net's options as given, or else its defaults, must be those of the file: (h, w) is [h, w] in YAML."""
    asked = {key: _plain(value) for key, value in {**model_options(name), **given}.items()}
    known = {key: _plain(value) for key, value in found.items() if key not in ("num_classes", "dropout", "backend")}
    if other := {key: value for key, value in known.items() if value != asked[key]}:
        raise ValueError(f"{weights} holds a {name} with other options: write options: {yaml_text(other)}")


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
