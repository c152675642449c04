"""From one dataset to another: a new head on old weights, and layers that stay as they are.

CSN's switches in mmaction2, and what they are here (call `freeze_stages` first):

norm_eval=True                  freeze_norms(net)
norm_eval=True, bn_frozen=True  freeze_norms(net, affine=True)
bn_frozen=True alone            nothing there, by mistake; cannot be said here: frozen weights freeze the statistics too
frozen_stages=n                 freeze_stages(net, n)

Its published fine-tuning froze the batch norms (82.8 % top-1 on Kinetics-400), and without lost 2.6 points. Not from
scratch: batch norms that never learned statistics do nothing.
"""

from torch import nn

from lib.models.layers import FrozenBatchNorm, freeze_batch_norms


def replace_head(net, num_classes, dropout=None):
    """Give a net new last layers (every module whose name begins with fc and that has the old classes), in place.

    dropout  of the head from now on, 0.9 in Efficient-3DCNNs' fine-tuning on UCF-101; None: as it was
    """
    classes = net.fc.out_channels if isinstance(net.fc, nn.Conv3d) else net.fc.out_features
    for name, old in list(net.named_children()):
        if not name.startswith("fc"):
            continue
        if isinstance(old, nn.Conv3d):  # SqueezeNet
            setattr(net, name, nn.Conv3d(old.in_channels, num_classes, old.kernel_size).to(old.weight))
        elif old.out_features == classes:  # not C3D's hidden layers
            setattr(net, name, nn.Linear(old.in_features, num_classes).to(old.weight))
    if dropout is not None:
        net.dropout.p = dropout
    return net


def freeze(net, trained=("fc",), statistics=False):
    """Freeze a net, in place, but the modules whose names begin so: no gradient, and no batch statistics that move.

    statistics  let them move all the same; else the batch norms become `FrozenBatchNorm`s

    (Efficient-3DCNNs' own option for this trains everything: its schedule sets the learning rate of all groups.)
    """
    unknown = [prefix for prefix in trained if not any(key.startswith(prefix) for key, _ in net.named_parameters())]
    if unknown:
        raise ValueError(f"no parameter begins with {', '.join(unknown)}; modules: {list(dict(net.named_children()))}")
    kept = [module for name, module in net.named_modules() if name.startswith(tuple(trained))]
    if not statistics:
        freeze_batch_norms(net, keep=kept)
    for key, parameter in net.named_parameters():
        parameter.requires_grad_(key.startswith(tuple(trained)))
    return net


def freeze_stages(net, count):
    """Freeze a net's stem and first `count` stages, in place, as `freeze` does: parameters and batch statistics."""
    if not 0 <= count <= len(net.stages):
        raise ValueError(f"{count} frozen stages; the net has {len(net.stages)}, and 0 freezes the stem alone")
    return freeze(net, tuple(f"stages.{stage}." for stage in range(count, len(net.stages))) + ("fc",))


def freeze_norms(net, affine=False):
    """Let every batch norm use its running statistics and never update them, in training too; in place.

    affine  also stop training their weights and biases
    """
    freeze_batch_norms(net)
    for module in net.modules():
        if affine and isinstance(module, FrozenBatchNorm):
            module.requires_grad_(False)
    return net
