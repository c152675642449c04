"""A training in its folder: epoch after epoch, resumable at any moment; lib.train fills it with a net and clips.

Nothing random outlives a step: clips depend on (seed, epoch, index), dropout on (seed, step), the learning rate on the
step. So `last.pt` (net, optimizer, where we are) is all that a resumed run needs to end, on a CPU, bit-equal.
"""

import json
import math
import time
from contextlib import contextmanager

import numpy as np
import torch
from tqdm.auto import tqdm

from lib import checkpoints
from lib.data.balance import class_weights
from lib.data.loading import Loader
from lib.distributed import by_first, first, level, same_tensors
from lib.files import read_json, set_aside, write_text
from lib.memory import keep_freed
from lib.not_finite import NotFinite, explain
from lib.pace import Every, Pace
from lib.passes import deterministic
from lib.schedules import learning_rate_factor
from lib.train_steps import LossSum, Stepper

SHOWN_EVERY_S = 1.0  # the bar's loss and pace: a GPU is asked for its losses no oftener


class Training:
    """Net, optimizer and position; what last.pt holds, and where a training in that folder goes on."""

    def __init__(self, run_dir, net, recipe, penalty=None, device="cpu", norms="whole"):
        keep_freed()
        self.run_dir, self.net, self.recipe = run_dir, net, recipe
        self.stepper = Stepper(net, recipe, device, penalty, norms)
        same_tensors(net.state_dict().values())
        self.epoch, self.step, self.history = 0, 0, []  # step: within the epoch
        self._items = ()  # of the batch that is being trained on
        self._loader = None
        self.losses = self._no_losses()
        if saved := first(self._saved):
            net.load_state_dict(saved["net"])
            self.stepper.load(saved)
            self.epoch, self.step, self.history = (saved[key] for key in ("epoch", "step", "history"))
            self.losses = self._no_losses(saved["loss_sum"])
            self._write_metrics()

    best_epoch = property(lambda self: self._best(self.history))

    def _best(self, history):
        """The first epoch with the best top-1 on val. ValueError: an epoch, in a record of old, has none"""
        if wrong := [row["epoch"] for row in history if not math.isfinite(row["val_top1"])]:
            raise ValueError(f"{self.run_dir}: epoch {wrong[0] + 1} has no top-1 on val; delete this folder")
        return max(history, key=lambda row: (row["val_top1"], -row["epoch"]))["epoch"]

    def _saved(self):
        """What last.pt holds; None: nothing, or the best weights before it are lost, so it trains from the start."""
        saved = checkpoints.load(self.run_dir / "last.pt", self._run())
        return saved if saved and (not saved["history"] or self.kept_weights(saved["history"])) else None

    @by_first
    def save(self):
        state = {"net": self.net.state_dict(), **self.stepper.state()}
        place = {"epoch": self.epoch, "step": self.step, "loss_sum": self.losses.read(), "history": self.history}
        checkpoints.save(self.run_dir / "last.pt", {**state, **place, "run": self._run()}, keep_before=True)

    def train_epoch(self, clips, measure, workers=0, save_minutes=5.0, progress=None):
        """Train the rest of the epoch that we are in; then `measure()`, a dict, joins its row of the history."""
        started = time.perf_counter()
        with deterministic(self.recipe["deterministic"], self.net, self.stepper.device):
            loss, pace = self._train_epoch(clips, workers, save_minutes, progress)
        level(self.net, f"epoch {self.epoch + 1}")
        row = {"epoch": self.epoch, "train_loss": loss, **measure()}
        self.history.append({**row, "seconds": round(time.perf_counter() - started, 3), **pace})
        self.keep_weights()
        self.epoch, self.step, self.losses = self.epoch + 1, 0, self._no_losses()
        self.save()
        self._write_metrics()

    @by_first
    def keep_weights(self):
        """Called after every epoch, before last.pt is written: keep the best on val."""
        if self.best_epoch == self.epoch:
            weights = {"net": self.net.state_dict(), "epoch": self.epoch, "run": self._run()}
            checkpoints.save(self.run_dir / "best.pt", weights)

    def kept_weights(self, history):
        """Whether what `keep_weights` wrote is there, whole, and this run's best of these epochs, or a later one."""
        path = self.run_dir / "best.pt"
        if not (kept := checkpoints.load(path, self._run())):
            return False
        if right := kept["epoch"] in (best := self._best(history), *range(len(history), self.recipe["epochs"])):
            return right
        set_aside(path, f"{path} holds epoch {kept['epoch'] + 1}, but epoch {best + 1} is the best")

    def best_weights(self):
        """The state dict of best.pt. ValueError: it was lost since the training began"""
        if not self.kept_weights(self.history):
            raise ValueError(f"{self.run_dir / 'best.pt'} was lost or changed; the same call trains again")
        return checkpoints.load(self.run_dir / "best.pt")["net"]

    def _run(self):
        """What run.json says, so that the weights are known wherever they are copied to."""
        path = self.run_dir / "run.json"
        return read_json(path) if path.exists() else {}

    @by_first
    def _write_metrics(self):
        write_text(self.run_dir / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in self.history))

    @property
    def _clips_per_step(self):
        return self.recipe["batch_size"] * self.recipe["accumulate"]

    def _no_losses(self, total=0.0):
        return LossSum(total, self._clips_per_step)

    def _clips_per_epoch(self, clips):
        """How many clips an epoch shows. ValueError: they do not fill one step"""
        count = min(len(clips), self.recipe["clips_per_epoch"] or len(clips))
        if self.recipe["last_step"] == "drop":
            count -= count % self._clips_per_step
        if not count:
            raise ValueError(f"{len(clips)} training clips do not fill one step of {self._clips_per_step}")
        return count

    def _train_epoch(self, clips, workers, save_minutes, progress):
        """-> the epoch's mean loss per clip, and its pace"""
        count, weights = self._clips_per_epoch(clips), weights_of(self.recipe, clips)
        steps = math.ceil(count / self._clips_per_step)
        order = {"shuffle": True, "sampling": self.recipe["class_sampling"], "start": self.step, "clips": count}
        loader = self._loading(clips, workers).epoch(self.epoch, self._clips_per_step, share=self.stepper.own, **order)
        hidden = None if progress is None else not progress  # tqdm's None: hidden unless on a terminal
        options = {"total": steps, "initial": self.step, "leave": False, "disable": hidden}
        pace, saved, shown = Pace(workers), Every(60 * save_minutes), Every(SHOWN_EVERY_S)
        self.net.train()
        with self._explaining(clips), tqdm(desc=f"epoch {self.epoch + 1}", **options) as bar:
            for batch, labels, items in pace.arriving(self.stepper.on_device(loader)):
                self._items = items
                self._prepare_step(self.epoch * steps + self.step, steps)
                of = min(self._clips_per_step, count - self.step * self._clips_per_step)
                self.losses.add(self.stepper.take(batch, labels, clips.pixels, weights, of), self.step, items)
                self.step += 1
                bar.update()
                if shown.again():
                    bar.set_postfix(loss=f"{self.losses.read() / self.step:.3f}", **pace.facts())
                if saved.again():
                    self.save()
            return self.losses.read() / (count / self._clips_per_step), pace.facts()

    def _loading(self, clips, workers):
        """The workers of the epoch before, if they load the same clips."""
        if self._loader is None or self._loader.dataset is not clips or self._loader.workers != workers:
            self.close()
            self._loader = Loader(clips, workers)
        return self._loader

    def close(self):
        """End the processes that load clips."""
        if self._loader is not None:
            self._loader.close()

    @contextmanager
    def _explaining(self, clips):
        """A loss that is no number becomes an error that says where it came from."""
        try:
            yield
        except NotFinite as found:
            raise FloatingPointError(explain(self, found, clips.describe, self._items)) from None

    def _prepare_step(self, step, steps):
        """Seed what is random in a step, set its learning rate; `steps` make an epoch."""
        recipe = self.recipe
        torch.manual_seed(int(np.random.SeedSequence([recipe["seed"], step]).generate_state(1)[0]))
        total, warmup = steps * recipe["epochs"], round(steps * recipe["warmup_epochs"])
        options = {"milestones": recipe["milestones"]} if recipe["schedule"] == "steps" else {}
        factor = learning_rate_factor(step, total, recipe["schedule"], warmup_steps=warmup, **options)
        for group in self.stepper.optimizer.param_groups:
            group["lr"] = group["base_rate"] * factor


def weights_of(recipe, clips):
    """(K,) or None, see `lib.data.balance.class_weights`."""
    found = class_weights(recipe["class_weights"], clips, recipe["class_sampling"])
    return None if found is None else torch.tensor(found, dtype=torch.float32)
