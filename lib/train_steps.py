"""One optimizer step after another: clips to the device, passes forward and back, gradients, weights, losses.

What lies between steps (epochs, checkpoints, measures) is lib.train's. Whoever trains otherwise, over many processes
for example, changes one place: `Stepper.on_device`, `Stepper.gradients_ready`, `LossSum.read`.
"""

import math

import torch

from lib.data import normalize
from lib.data.ahead import SideStream, ahead
from lib.distributed import add_up, add_up_gradients
from lib.losses import heads_loss, mix
from lib.models import in_format, unwrapped
from lib.not_finite import NotFinite
from lib.passes import forward_of
from lib.precision import Precision, check_scaling
from lib.whole_batch import own_items, passes


def parameter_groups(net, learning_rate, weight_decay):
    """The optimizer's groups.

    A net with a policy of its own has `parameter_groups()`: a list of dicts with `params` and, where they are not 1,
    `rate` and `decay`, the multiples of the base values. Every parameter stands in exactly one group.
    """
    inner = unwrapped(net)  # DataParallel and its kin hide what they wrap
    groups = inner.parameter_groups() if hasattr(inner, "parameter_groups") else [{"params": list(net.parameters())}]
    listed = [id(p) for group in groups for p in group["params"]]
    if sorted(listed) != sorted(id(p) for p in net.parameters()):
        raise ValueError(f"parameter_groups of {type(inner).__name__} must hold every parameter exactly once")
    return [
        {
            "params": [p for p in group["params"] if p.requires_grad],
            "base_rate": learning_rate * group.get("rate", 1),
            "weight_decay": weight_decay * group.get("decay", 1),
        }
        for group in groups
    ]


class Stepper:
    """The optimizer steps of a net, by a recipe.

    net      on its device already
    recipe   of lib.recipe, complete
    penalty  f(net) -> a scalar that is added to every batch's loss; the losses that are told are without it
    norms    of several processes: lib.whole_batch.NORMS
    """

    def __init__(self, net, recipe, device="cpu", penalty=None, norms="whole"):
        self.net, self.recipe, self.device, self.penalty = net, recipe, torch.device(device), penalty
        self.precision = Precision(recipe["precision"], device)
        if self.precision.scaler.is_enabled():
            check_scaling(net)
        self.together = {"mixed": bool(recipe["mixup"] or recipe["cutmix"]), "norms": norms}
        self.forward = forward_of(net, recipe)
        self.looks = self.device.type == "cpu"  # at every loss at once; a GPU would have to wait for it
        self.optimizer = torch.optim.SGD(
            parameter_groups(net, recipe["learning_rate"], recipe["weight_decay"]),
            lr=recipe["learning_rate"],
            momentum=recipe["momentum"],
            nesterov=recipe["nesterov"],
        )

    def state(self):
        """What a resumed training needs beside the net."""
        return {"optimizer": self.optimizer.state_dict(), **self.precision.state()}

    def load(self, saved):
        """`state()` of a checkpoint."""
        self.optimizer.load_state_dict(saved["optimizer"])
        self.precision.load(saved)

    def on_device(self, batches):
        """The batches of an epoch, (clips, labels, items), where the net is: the one place where they travel.

        Clips travel as uint8, a quarter of the bytes of what they become there.
        """
        if self.device.type == "cuda":
            side = SideStream(self.device)
            return ahead(batches, side.send, side.receive)
        return ((clips.to(self.device), labels.to(self.device), items) for clips, labels, items in batches)

    def own(self, steps):
        """Of the items of each step those that this process loads: see `lib.data.batches`."""
        size, mixed = self.recipe["batch_size"], self.together["mixed"]
        return [own_items(items, size, mixed) for items in steps]

    def take(self, clips, labels, pixels, weights=None, count=None):
        """One step over uint8 clips (N, 3, T, H, W), in forward passes of `batch_size`; the last may be smaller.

        The gradient is that of the mean over the N clips, however many passes they take.
        weights  (K,) of the classes, or None
        count    of the clips of all processes, of which `clips` are this one's; None: there is one process
        -> [(mean loss of a pass, without penalty, on the device; its clips)]. NotFinite: on a CPU, where looking at a
        loss costs nothing, as soon as one is no number; elsewhere `LossSum.read` finds it
        """
        self.optimizer.zero_grad(set_to_none=True)
        count, losses = count or len(clips), []
        weights = weights if weights is None else weights.to(self.device)
        parts = passes(count, self.recipe["batch_size"], **self.together)
        sizes = [len(part.rows) for part in parts]
        for part, shown, wanted in zip(parts, clips.split(sizes), labels.split(sizes), strict=True):
            shown, share = mix(normalize(shown, pixels), self.recipe["mixup"], self.recipe["cutmix"])
            with part, self.precision.guarded():
                loss = self._loss(shown, wanted, share, weights)
                penalty = self.penalty(self.net) if self.penalty else 0
                whole = part.share(loss * self.recipe["loss_weight"], penalty)
                self.precision.scaler.scale(whole / (count / part.count)).backward()
            losses.append(part.share(loss.detach(), 0))
            if self.looks and not torch.isfinite(loss):
                raise NotFinite(loss.item(), shown)
        self.gradients_ready()
        self.precision.scaler.step(self.optimizer)
        self.precision.scaler.update()
        return [(loss, part.count) for loss, part in zip(add_up(torch.stack(losses)), parts, strict=True)]

    def _loss(self, part, wanted, share, weights):
        with self.precision.passes():
            outputs = self.forward(in_format(self.net, part))
        smoothing = (self.recipe["label_smoothing"], self.recipe["smoothing_rule"])
        return heads_loss(self.precision.wide(outputs), wanted, *smoothing, share, weights)

    def gradients_ready(self):
        """Called once a step, when all passes have added their gradients, before the optimizer uses them."""
        add_up_gradients(self.net.parameters())
        if self.recipe["clip_norm"]:
            self.precision.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe["clip_norm"])


class LossSum:
    """The losses of an epoch, added in their order as Python's numbers; read from the device only when asked for.

    total          of the steps before
    clips_by_step  of a whole step: one with half as many clips counts half
    """

    def __init__(self, total, clips_by_step):
        self.total, self.clips_by_step, self._waiting = total, clips_by_step, []

    def add(self, losses, step, items):
        """losses  what `Stepper.take` returned; step  its number; items  of the dataset, for messages"""
        self._waiting.append((losses, step, items))

    def read(self):
        """The sum up to now. NotFinite: a loss is no number; (loss, None, step, items) of the first"""
        if not self._waiting:
            return self.total
        read = iter(torch.stack([loss for losses, *_ in self._waiting for loss, _ in losses]).tolist())
        for losses, step, items in self._waiting:
            first, clips, found = losses[0][1], sum(count for _, count in losses), 0.0
            for _, count in losses:
                found += next(read) * (count / first)
            if not math.isfinite(found):
                raise NotFinite(found, None, step, items)
            self.total += found / (clips / first) * (clips / self.clips_by_step)
        self._waiting = []
        return self.total
