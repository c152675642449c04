"""The trainer: SGD over clips, resumable at any moment.

Nothing random outlives a step: clips depend on (seed, epoch, index), dropout on (seed, step), the learning rate on the
step. So `last.pt` (net, optimizer, where we are) is all that a resumed run needs to end, on a CPU, bit-equal.
"""

import json
import math
import time
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from lib import checkpoints
from lib.data import batches, normalize
from lib.data.balance import class_weights
from lib.data.protocol import agreed
from lib.evaluate.predictions import by_protocol, check_classes, predict
from lib.files import locked, read_json, write_text
from lib.identity import arithmetic, used
from lib.losses import heads_loss, mix
from lib.memory import keep_freed
from lib.models import in_format, unwrapped
from lib.not_finite import NotFinite, explain
from lib.recipe import complete
from lib.run import claim, finish, result
from lib.schedules import learning_rate_factor


def fit(
    run_dir,
    net,
    train,
    val,
    test=None,
    *,
    identity=None,
    device="cpu",
    workers=0,
    save_minutes=5.0,
    progress=None,
    penalty=None,
    measured=nullcontext,
    observe=None,
    **recipe,
):
    """Train `net` in the folder `run_dir`; called again, go on where it stopped; called once more, return the record.

    train, val, test  ClipDatasets of one protocol's pixels; val chooses best.pt, test is seen once, by best.pt, after
                      the last epoch
    identity          what else makes this run this run (weights it starts from, ...); kept in run.json beside what is
                      `used` and the threads (lib/identity.py), the recipe, and the protocols of train and val
    save_minutes      how much work a kill may cost at most
    progress          show a bar; None: on a terminal
    penalty           f(net) -> a scalar that is added to every batch's loss; the history's loss is without it
    measured          f(net) -> a context in which val and test measure the net; it leaves the net as it found it
    observe           f(net) -> what else goes into an epoch's row of the history, {name: JSON value}
    recipe            changes to RECIPE
    Returns the content of result.json. ValueError: an unknown option, or a folder that holds another run.
    """
    recipe, run_dir, seen = _complete(recipe, train), Path(run_dir), agreed(train, val, test)
    with locked(run_dir):  # a second process waits here and finds the run done
        claim(run_dir, {**(identity or {}), "used": used(net, train), **arithmetic(device), "recipe": recipe, **seen})
        if record := result(run_dir):
            return record
        with measured(net.to(device)):
            check_classes(net, (train, val, test), device)
        state = Training(run_dir, net, recipe, penalty)
        how = {"batch_size": recipe["batch_size"], "device": device, "workers": workers}

        def accuracy(dataset):
            with measured(net):
                return by_protocol(*predict(net, dataset, **how), dataset.protocol)

        def epoch_facts():
            found = accuracy(val)
            return {"val_top1": found["top1"], "val_top5": found["top5"], **(observe(net) if observe else {})}

        while state.epoch < recipe["epochs"]:
            state.train_epoch(train, epoch_facts, device, workers, save_minutes, progress)
        net.load_state_dict(checkpoints.load(run_dir / "best.pt")["net"])
        tested = {} if test is None else {"test": accuracy(test)}
        return finish(run_dir, {"history": state.history, "best_epoch": state.best_epoch, **tested}, device)


def _complete(changes, clips):
    """The recipe; ValueError if these clips cannot be trained on by it."""
    recipe = complete(changes)
    _class_weights(recipe, clips)
    return recipe


def _class_weights(recipe, clips):
    """(K,) or None, see `lib.data.balance.class_weights`."""
    found = class_weights(recipe["class_weights"], clips, recipe["class_sampling"])
    return None if found is None else torch.tensor(found, dtype=torch.float32)


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


class Training:
    """Net, optimizer and position; what last.pt holds, and where a training in that folder goes on."""

    def __init__(self, run_dir, net, recipe, penalty=None):
        keep_freed()
        self.run_dir, self.net, self.recipe, self.penalty = run_dir, net, recipe, penalty
        self.optimizer = torch.optim.SGD(
            parameter_groups(net, recipe["learning_rate"], recipe["weight_decay"]),
            lr=recipe["learning_rate"],
            momentum=recipe["momentum"],
            nesterov=recipe["nesterov"],
        )
        self.epoch, self.step, self.loss_sum, self.history = 0, 0, 0.0, []  # step: within the epoch
        saved = checkpoints.load(run_dir / "last.pt")
        if saved and (not saved["history"] or self.kept_weights()):  # else those are lost: train again from the start
            net.load_state_dict(saved["net"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.epoch, self.step, self.loss_sum, self.history = (
                saved[key] for key in ("epoch", "step", "loss_sum", "history")
            )
            self._write_metrics()

    @property
    def best_epoch(self):
        """The first epoch with the best top-1 on val. ValueError: an epoch, in a record of old, has none"""
        if wrong := [row["epoch"] for row in self.history if not math.isfinite(row["val_top1"])]:
            raise ValueError(f"{self.run_dir}: epoch {wrong[0] + 1} has no top-1 on val; delete this folder")
        return max(self.history, key=lambda row: (row["val_top1"], -row["epoch"]))["epoch"]

    def save(self):
        keys = ("epoch", "step", "loss_sum", "history")
        weights = {"net": self.net.state_dict(), "optimizer": self.optimizer.state_dict()}
        state = {**weights, **{key: getattr(self, key) for key in keys}}
        checkpoints.save(self.run_dir / "last.pt", state, keep_before=True)

    def train_epoch(self, clips, measure, device="cpu", workers=0, save_minutes=5.0, progress=None):
        """Train the rest of the epoch that we are in; then `measure()`, a dict, joins its row of the history."""
        started = time.perf_counter()
        loss = self._train_epoch(clips, device, workers, save_minutes, progress)
        row = {"epoch": self.epoch, "train_loss": loss, **measure()}
        self.history.append({**row, "seconds": round(time.perf_counter() - started, 3)})
        self.keep_weights()
        self.epoch, self.step, self.loss_sum = self.epoch + 1, 0, 0.0
        self.save()
        self._write_metrics()

    def keep_weights(self):
        """Called after every epoch, before last.pt is written: keep the best on val."""
        if self.best_epoch == self.epoch:
            weights = {"net": self.net.state_dict(), "epoch": self.epoch, "run": self._run()}
            checkpoints.save(self.run_dir / "best.pt", weights)

    def kept_weights(self):
        """Whether what `keep_weights` wrote is there, and whole."""
        return checkpoints.whole(self.run_dir / "best.pt")

    def _run(self):
        """What run.json says, so that the weights are known wherever they are copied to."""
        path = self.run_dir / "run.json"
        return read_json(path) if path.exists() else {}

    def _write_metrics(self):
        write_text(self.run_dir / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in self.history))

    def _train_epoch(self, clips, device, workers, save_minutes, progress):
        """-> the epoch's mean loss per clip"""
        recipe, clips_per_step = self.recipe, self.recipe["batch_size"] * self.recipe["accumulate"]
        steps = min(len(clips), recipe["clips_per_epoch"] or len(clips)) // clips_per_step
        if not steps:
            raise ValueError(f"{len(clips)} training clips do not fill one step of {clips_per_step}")
        self.net.train()
        saved, weights = time.monotonic(), _class_weights(recipe, clips)
        places = {"workers": workers, "drop_last": True, "start": self.step, "sampling": recipe["class_sampling"]}
        loader = islice(batches(clips, self.epoch, clips_per_step, shuffle=True, **places), steps - self.step)
        hidden = None if progress is None else not progress  # tqdm's None: hidden unless on a terminal
        for batch, labels, items in tqdm(
            loader, f"epoch {self.epoch + 1}", steps, initial=self.step, leave=False, disable=hidden
        ):
            self._prepare_step(self.epoch * steps + self.step, steps)
            how = (recipe, clips.pixels, device, self.penalty, weights)
            try:
                self.loss_sum += _step(self.net, self.optimizer, batch, labels, *how)
            except NotFinite as found:
                raise FloatingPointError(explain(self, found, [clips.describe(int(i)) for i in items])) from None
            self.step += 1
            if time.monotonic() - saved > 60 * save_minutes:
                self.save()
                saved = time.monotonic()
        return self.loss_sum / steps

    def _prepare_step(self, step, steps):
        """Seed what is random in a step, set its learning rate; `steps` make an epoch."""
        recipe = self.recipe
        torch.manual_seed(int(np.random.SeedSequence([recipe["seed"], step]).generate_state(1)[0]))
        total, warmup = steps * recipe["epochs"], round(steps * recipe["warmup_epochs"])
        options = {"milestones": recipe["milestones"]} if recipe["schedule"] == "steps" else {}
        factor = learning_rate_factor(step, total, recipe["schedule"], warmup_steps=warmup, **options)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_rate"] * factor


def _step(net, optimizer, clips, labels, recipe, pixels, device, penalty=None, weights=None):
    """One optimizer step over `accumulate` forward passes; returns the mean loss, without the penalty."""
    optimizer.zero_grad(set_to_none=True)
    loss_sum, labels = 0.0, labels.to(device)
    weights = weights if weights is None else weights.to(device)
    for part, wanted in zip(clips.split(recipe["batch_size"]), labels.split(recipe["batch_size"]), strict=True):
        part, share = mix(normalize(part.to(device), pixels), recipe["mixup"], recipe["cutmix"])
        smoothing = (recipe["label_smoothing"], recipe["smoothing_rule"])
        loss = heads_loss(net(in_format(net, part)), wanted, *smoothing, share, weights)
        whole = loss * recipe["loss_weight"] + (penalty(net) if penalty else 0)
        (whole / recipe["accumulate"]).backward()
        loss_sum += loss.item()
        if not math.isfinite(loss_sum):
            raise NotFinite(loss_sum, part)
    if recipe["clip_norm"]:
        torch.nn.utils.clip_grad_norm_(net.parameters(), recipe["clip_norm"])
    optimizer.step()
    return loss_sum / recipe["accumulate"]
