"""The loss: cross entropy over the heads of a net, with smoothed targets and with mixed clips.

Szegedy et al., CVPR 2016, arXiv:1512.00567, sec. 7 (label smoothing); Zhang et al., mixup, ICLR 2018, arXiv:1710.09412;
Yun et al., CutMix, ICCV 2019, arXiv:1905.04899. Optimization Planning's code mixes with alphas 0.8 and 1.0, e = 0.1.
"""

import math

import torch
from torch.nn import functional as F


def heads_loss(outputs, labels, label_smoothing=0.0, rule="proper", share=1.0, weights=None):
    """Cross entropy of the logits (N, K), summed over the heads if a net returns a tuple of logits.

    labels           (N,)
    label_smoothing  e: the target is 1 - e + e/K at the label and e/K at the K - 1 other classes
    rule             "optplan", as that code has it: e/(K - 1) at the other classes and 1 - e + e/(K - 1) at the label,
                     more than 1 in all
    share            less than 1 for mixed clips: the weight of a clip's own label. The label of its partner, which is
                     the clip at its place in the reversed batch, weighs 1 - share
    weights          (K,): a clip's loss is multiplied by its label's, and the mean taken over clips; None: all alike
    """
    if rule not in SMOOTHING_RULES:
        raise ValueError(f"no smoothing_rule {rule!r}; there are {', '.join(SMOOTHING_RULES)}")
    heads = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    targets = [(share, labels), (1 - share, labels.flip(0))] if share < 1 else [(1, labels)]
    loss = SMOOTHING_RULES[rule]
    if weights is None:
        return sum(weight * loss(logits, wanted, label_smoothing) for logits in heads for weight, wanted in targets)
    return sum(
        part * (weights[wanted] * loss(logits, wanted, label_smoothing, "none")).mean()
        for logits in heads
        for part, wanted in targets
    )


def _smoothed(logits, labels, e, reduction="mean"):
    return F.cross_entropy(logits, labels, label_smoothing=e, reduction=reduction)


def _smoothed_to_more_than_1(logits, labels, e, reduction="mean"):
    uniform, classes = -F.log_softmax(logits, 1), logits.shape[1]
    uniform = uniform.mean() if reduction == "mean" else uniform.mean(1)
    return (1 - e) * F.cross_entropy(logits, labels, reduction=reduction) + e * classes / (classes - 1) * uniform


SMOOTHING_RULES = {"proper": _smoothed, "optplan": _smoothed_to_more_than_1}


def mix(clips, mixup=0.0, cutmix=0.0, switch=0.5):
    """Mix each clip with its partner in the reversed batch.  -> (mixed clips, share), the share of a clip itself

    clips          (N, C, T, H, W); not changed
    mixup, cutmix  alpha of the Beta distribution of the share, drawn by torch's global generator; 0: switched off
    switch         the probability of CutMix when both are on
    The target of clip i is share * target[i] + (1 - share) * target[N - 1 - i]: see `heads_loss`.
    """
    if mixup < 0 or cutmix < 0:
        raise ValueError(f"mixup={mixup} and cutmix={cutmix} are alphas of a Beta distribution: they must be >= 0")
    if not (mixup or cutmix):
        return clips, 1.0
    cut = bool(cutmix) and (not mixup or torch.rand(()).item() < switch)
    alpha = float(cutmix if cut else mixup)
    share = torch.distributions.Beta(alpha, alpha).sample().item()
    if not cut:
        return torch.lerp(clips.flip(0), clips, share), share
    top, bottom, left, right = _box(*clips.shape[-2:], share)
    mixed = clips.clone()
    mixed[..., top:bottom, left:right] = clips.flip(0)[..., top:bottom, left:right]  # the same box in all frames
    return mixed, 1 - (bottom - top) * (right - left) / math.prod(clips.shape[-2:])


def _box(height, width, share):
    """A box around a random pixel with 1 - share of the area, clipped to the frame.  -> top, bottom, left, right"""
    edges = []
    for side in (height, width):
        half, centre = int(side * math.sqrt(1 - share)) // 2, int(torch.randint(side, ()))
        edges += [max(0, centre - half), min(side, centre + half)]
    return edges
