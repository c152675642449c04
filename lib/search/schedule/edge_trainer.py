"""The trainer of real searches: one edge is a training of `lib.train` at a constant rate, epoch by epoch.

In the folder of an edge:
    last.pt      net, optimizer and position, so that a kill costs no more than `save_minutes` of an epoch
    model_3.pt   the weights after epoch 3; the planner decides later which of these it keeps
    metrics.jsonl
The folder of the search itself holds initial.pt, the net before any training, and trainer.json, what trains.
"""

from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from lib import checkpoints
from lib.evaluate.metrics import top_k_accuracy
from lib.evaluate.predictions import predict
from lib.files import locked, read_json, set_aside
from lib.identity import arithmetic, used
from lib.precision import settle
from lib.recipe import complete
from lib.recipe import identity as recorded
from lib.run import claim
from lib.search.schedule.staged import stage_recipe
from lib.search.schedule.trainer import LostModel
from lib.training import Training
from lib.weights.loading import load_state


def planner_metric(logits, labels, ks=(1, 3, 5)):
    """The mean of top-1, top-3 and top-5, shares from 0 to 1. With few classes, k is at most classes - 1.

    logits  (videos, views, classes), averaged over views as they are; labels (videos,)
    Source: Optimization Planning's code.
    """
    scores = np.asarray(logits).mean(1)
    return float(np.mean(top_k_accuracy(scores, labels, [min(k, scores.shape[1] - 1) for k in ks])))


class EdgeTrainer:
    """Trains the edges of a search in a folder: the trainer that `lib.search.schedule.find_schedule` takes.

    folder    of the search, the same that `find_schedule` is given
    build     f(frozen_bn) -> net; the initial net is build(False) after torch.manual_seed(seed)
    clips     f(split, stage, seed) -> ClipDataset of a clip setting, such as a partial of `stage_clips` in staged.py
    initial   weights to start from, a state dict; None: as built
    gpus      the number of GPUs that batch_size counts on; we accumulate as many batches instead
    recipe    changes to lib.recipe.RECIPE; rate, schedule and batches come from the edge
    Epoch n of an edge depends on (seed, edge, n) alone: neither order and place of the trainings nor a kill change it.
    """

    def __init__(
        self,
        folder,
        build,
        clips,
        *,
        initial=None,
        seed=0,
        gpus=1,
        device="cpu",
        workers=0,
        save_minutes=5.0,
        progress=None,
        **recipe,
    ):
        self.folder, self.build, self.clips = Path(folder), build, clips
        self.initial, self.seed, self.gpus, self.recipe = initial, seed, gpus, recipe
        self.device, self.workers = device, workers
        self.running = {"workers": workers, "save_minutes": save_minutes, "progress": progress}
        self._training = None

    def start(self, edge, model):
        self._open(edge, model, fresh=True)
        return self._measure(edge)["metric"] if edge.start else None

    def resume(self, edge, model, n):
        self._open(edge, model)
        self._train_to(edge, n)  # nothing to do, unless last.pt was damaged

    def epoch(self, edge, n):
        self._train_to(edge, n)
        return self._training.history[n - 1]["metric"]

    def keep(self, edge, n):
        checkpoints.forget(edge.folder / "last.pt")
        for path in edge.folder.glob("model_*.pt"):
            if path.stem != f"model_{n}":
                path.unlink()
        return str((edge.folder / f"model_{n}.pt").relative_to(self.folder))

    def net(self, model, frozen_bn=False):
        """A kept model by its name in a schedule or in the record of an edge; None: the initial one."""
        net = self.build(frozen_bn)
        load_state(net, (self._kept(self.folder / model) if model else self._initial())["net"])
        return net.to(self.device)

    def _kept(self, path):
        if kept := checkpoints.load(path, run_of(path.parent)):
            return kept
        record = path.with_name("edge.json")
        if record.exists():
            set_aside(record, f"{record} says that there is {path}")
        raise LostModel(f"{path} is damaged or gone; the same search again trains its edge anew")

    def _open(self, edge, model, fresh=False):
        if edge.folder is None or self.folder not in edge.folder.parents:
            raise ValueError(f"a real training needs a folder: call find_schedule(folder={str(self.folder)!r})")
        self._train_clips = self.clips("train", edge.setting, seed := self._seed(edge))
        self._val_clips = self.clips("val", edge.evaluation, seed)
        self._claim()
        if fresh:  # the planner knows nothing of a training that is there
            checkpoints.forget(edge.folder / "last.pt")
        stage = {**edge.setting, "base_learning_rate": edge.learning_rate, "epochs": 1}
        recipe = settle(complete({**self.recipe, **stage_recipe(stage, self.gpus), "seed": seed}), self.device)
        self._training = _EdgeTraining(edge.folder, self.net(model, stage["frozen_bn"]), recipe, device=self.device)

    def _seed(self, edge):
        return int(np.random.SeedSequence([self.seed, edge.index]).generate_state(1)[0])

    def _claim(self):
        """Write trainer.json, or check that this trainer is the one that is said there."""
        options = {"recipe": recorded(settle(complete(self.recipe), self.device)), "seed": self.seed, "gpus": self.gpus}
        what = {"used": used(self.build(False), self._train_clips), **options, **arithmetic(self.device)}
        with locked(self.folder):
            claim(self.folder, what, file="trainer.json", what="search")

    def _train_to(self, edge, n):
        with closing(self._training):
            while self._training.epoch < n:
                self._training.train_epoch(self._train_clips, lambda: self._measure(edge), **self.running)

    def _measure(self, edge):
        how = {"batch_size": edge.evaluation["batch_size"], "device": self.device, "workers": self.workers}
        return {"metric": planner_metric(*predict(self._training.net, self._val_clips, **how))}

    def _initial(self):
        path = self.folder / "initial.pt"
        with locked(self.folder):
            if not (kept := checkpoints.load(path)):
                torch.manual_seed(self.seed)
                net = self.build(False)
                if self.initial is not None:
                    load_state(net, self.initial)
                checkpoints.save(path, {"net": net.state_dict()})
                kept = checkpoints.load(path)
        return kept


def run_of(folder):
    """What weights in the folder of an edge say of where they come from: the edge, and its search's trainer.json."""
    trainer = folder.parents[1] / "trainer.json"
    return {"edge": folder.name, **(read_json(trainer) if trainer.exists() else {})}


class _EdgeTraining(Training):
    """Keeps the weights of every epoch: the planner chooses among them later."""

    def keep_weights(self):
        weights = {"net": self.net.state_dict(), "run": self._run()}
        checkpoints.save(self.run_dir / f"model_{self.epoch + 1}.pt", weights)

    def kept_weights(self, history):
        return True  # `EdgeTrainer.net` finds out

    def _run(self):
        return run_of(self.run_dir)
