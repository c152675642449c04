"""Where in a clip, and when, a net sees what speaks for a class.

Selvaraju et al., Grad-CAM, ICCV 2017, arXiv:1610.02391, eq. 1 and 2, with time as one more axis: each channel of the
last feature map is weighted by the mean of the logit's gradient over time and space, and what is positive in their sum
is enlarged to the clip.
"""

from contextlib import contextmanager

import torch
from torch.nn import functional as F

from lib.models import in_format


def grad_cam(net, clips, labels=None, *, layer=None):
    """-> heat (N, T, H, W), each clip's largest 1, all 0 where nothing speaks for the class; the classes (N,)

    clips   (N, C, T, H, W), as the net takes them: `lib.data.normalize` comes before
    labels  (N,), or one class for all; None: the ones that the net finds likeliest
    layer   the module of `net` whose output (N, K, T', H', W') is looked at; None: what `feature_map` returns, of a net
            with two heads the first one's
    The net is as it was before: its mode, its gradients. ValueError: no such class, or no feature map
    """
    clips = in_format(net, clips)
    with _in_evaluation(net), torch.enable_grad():
        layer = layer or _last_layer(net, clips)
        with _kept(layer) as seen:
            logits = net(clips)
        if not seen:
            raise ValueError(f"the layer {type(layer).__name__} is no part of {type(net).__name__}'s forward pass")
        chosen = _classes(logits, labels)
        (slope,) = torch.autograd.grad(logits.gather(1, chosen[:, None]).sum(), seen[-1])
    heat = (slope.mean((2, 3, 4), keepdim=True) * seen[-1].detach()).sum(1, keepdim=True).relu().float()  # eq. 1, 2
    heat = F.interpolate(heat, clips.shape[2:], mode="trilinear", align_corners=False)[:, 0]
    largest = heat.amax((1, 2, 3), keepdim=True)
    return heat / largest.where(largest > 0, torch.ones_like(largest)), chosen


def _classes(logits, labels):
    if labels is None:
        return logits.argmax(1)
    chosen = torch.as_tensor(labels, device=logits.device).expand(len(logits))
    if chosen.is_floating_point() or not ((chosen >= 0) & (chosen < logits.shape[1])).all():
        raise ValueError(f"labels={labels}; the net has the classes 0 to {logits.shape[1] - 1}")
    return chosen.long()


def _map_of(output):
    """The feature map in what a module returns, alone or first of several; None if there is none."""
    first = output[0] if isinstance(output, (tuple, list)) and output else output
    return first if isinstance(first, torch.Tensor) and first.ndim == 5 else None


@contextmanager
def _kept(layer):
    """Inside, the layer's feature map begins the graph: [] fills with it, and no gradient goes further back."""
    seen = []

    def keep(module, inputs, output):
        found = _map_of(output)
        if found is None:
            raise ValueError(f"the layer {type(module).__name__} returns no feature map (N, K, T, H, W)")
        seen.append(found.detach().requires_grad_())
        own = seen[-1].clone()  # what follows may change it in place
        return (own, *output[1:]) if isinstance(output, (tuple, list)) else own

    hook = layer.register_forward_hook(keep)
    try:
        yield seen
    finally:
        hook.remove()


def _last_layer(net, clips):
    """The outermost module that returns what `net.feature_map` does."""
    if not hasattr(net, "feature_map"):
        raise ValueError(f"{type(net).__name__} has no feature_map: say the layer, such as layer=net.stages")
    returned = []

    def note(module, inputs, output):
        returned.append((module, _map_of(output)))

    hooks = [module.register_forward_hook(note) for module in net.modules() if module is not net]
    try:
        with torch.no_grad():
            wanted = net.feature_map(clips)
    finally:
        for hook in hooks:
            hook.remove()
    found = [module for module, output in returned if output is wanted]
    if not found:
        raise ValueError(f"no module of {type(net).__name__} returns its feature map: say the layer")
    return found[-1]


@contextmanager
def _in_evaluation(net):
    modes = {module: module.training for module in net.modules()}
    try:
        yield net.eval()
    finally:
        for module, mode in modes.items():
            module.training = mode
