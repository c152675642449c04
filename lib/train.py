"""The trainer: SGD over clips, in a folder that knows how far it got."""

from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

from lib.data.protocol import agreed
from lib.distributed import first, place, together
from lib.evaluate.predictions import by_protocol, check_classes, predict
from lib.identity import arithmetic, opened, used
from lib.pace import choose_workers
from lib.precision import settle
from lib.recipe import complete
from lib.recipe import identity as recorded
from lib.run import finish
from lib.training import Training, weights_of


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
    norms="whole",
    **recipe,
):
    """Train `net` in the folder `run_dir`; called again, go on where it stopped; called once more, return the record.

    train, val, test  ClipDatasets of one protocol's pixels; val chooses best.pt, test is seen once, by best.pt, after
                      the last epoch
    identity          what else makes this run this run (weights it starts from, ...); kept in run.json beside what is
                      `used` and the threads (lib/identity.py), the recipe, and the protocols of train and val
    workers           processes that load clips, or "auto", see lib/pace.py
    save_minutes      how much work a kill may cost at most
    progress          show a bar; None: on a terminal
    penalty           f(net) -> a scalar that is added to every batch's loss; the history's loss is without it
    measured          f(net) -> a context in which val and test measure the net; it leaves the net as it found it
    observe           f(net) -> what else goes into an epoch's row of the history, {name: JSON value}
    norms             of several processes, whose clips a batch norm's statistics are of: lib.whole_batch.NORMS
    recipe            changes to RECIPE
    Of several processes (lib/distributed.py) all call it with the same arguments; `batch_size` counts the clips of all.
    Returns the content of result.json. ValueError: an unknown option, or a folder that holds another run.
    """
    recipe, run_dir, seen = _complete(recipe, train, device), Path(run_dir), agreed(train, val, test)
    with together(run_dir):  # a second training waits here and finds the run done
        if record := opened(run_dir, {**(identity or {}), **_said(net, train, device, recipe), **seen}, norms):
            return record
        with measured(net.to(device)):
            check_classes(net, (train, val, test), device)
        state = Training(run_dir, net, recipe, penalty, device, norms)
        workers = choose_workers(workers, train, device)
        how = {"batch_size": recipe["batch_size"], "device": device, "workers": workers}
        accuracy = partial(_accuracy, net, measured, how)

        def epoch_facts():
            found = accuracy(val)
            return {"val_top1": found["top1"], "val_top5": found["top5"], **(observe(net) if observe else {})}

        with closing(state):
            while state.epoch < recipe["epochs"]:
                state.train_epoch(train, epoch_facts, workers, save_minutes, progress if place() == 0 else False)
        net.load_state_dict(first(state.best_weights))
        tested = {} if test is None else {"test": accuracy(test)}
        facts = {"best_epoch": state.best_epoch, "precision": recipe["precision"]}
        return first(finish, run_dir, {"history": state.history, **facts, **tested}, device)


def _accuracy(net, measured, how, dataset):
    with measured(net):
        return by_protocol(*predict(net, dataset, **how), dataset.protocol)


def _complete(changes, clips, device):
    """The recipe; ValueError if these clips cannot be trained on by it."""
    recipe = settle(complete(changes), device)
    weights_of(recipe, clips)
    return recipe


def _said(net, clips, device, recipe):
    """What makes a run this run, beside what its caller and its protocols say."""
    return {"used": used(net, clips), **arithmetic(device), "recipe": recorded(recipe)}
