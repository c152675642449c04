"""Clips to batches, epoch after epoch: their order, and the processes that load them."""

import gc

import torch
from torch.utils.data import DataLoader

from lib.data import watch
from lib.data.balance import draw
from lib.data.clips import generator
from lib.data.protocol import at_least


class Loader:
    """The batches of a dataset, from the same worker processes in every epoch; a context, which ends them.

    workers  0: this process loads, when a batch is asked for
    """

    def __init__(self, dataset, workers=0):
        at_least(0, workers=workers)
        self.dataset, self.workers = dataset, workers
        self._groups, self._loader = [], None  # what the workers are to load

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the workers; the next epoch starts others."""
        if self._loader is not None and self._loader._iterator is not None:
            # left to the garbage collector, each worker of a failed epoch takes 5 s to end
            self._loader._iterator._shutdown_workers()
        self._loader = None

    def epoch(
        self, number, batch_size, *, shuffle, drop_last=False, start=0, clips=None, sampling="natural", share=None
    ):
        """The clips of one epoch.  -> iterator of (clips uint8 (N, 3, T, H, W), labels (N,), indices (N,))

        The order depends on the dataset's seed and the epoch only. `sampling` says which classes a shuffled epoch
        shows how often, see lib/data/balance.py. Clips are channels_last_3d, as they are decoded; the last batch is
        smaller unless drop_last. `start` batches are left out, unread: there a resumed epoch goes on. `clips` is how
        many an epoch has, at most; None: all. `share` is f(list of batches, each a list of items) -> those that this
        process loads, of several; None: all.
        """
        at_least(1, batch_size=batch_size)
        at_least(0, epoch=number)
        dataset = self.dataset
        order = _order(dataset, number, sampling) if shuffle else [(number, i) for i in range(len(dataset))]
        order = order[:clips]
        stop = len(order) - len(order) % batch_size if drop_last else len(order)
        groups = [order[k : k + batch_size] for k in range(start * batch_size, stop, batch_size)]
        groups = groups if share is None else share(groups)
        if self.workers == 0:
            return (_collate([dataset[item] for item in group]) for group in groups)
        self._groups[:] = groups
        return self._from_workers()

    def _from_workers(self):
        if self._loader is None:
            self._start()
        else:
            iter(self._loader)  # the same workers, from the new beginning of the list; what they had not given is left
        yield from self._loader._iterator

    def _start(self):
        # The platform's default way to start workers (fork on Linux) is safe here: a worker opens its own decoder, runs
        # torch on one thread (DataLoader sees to it) and no Numba kernel; forking after a parallel one would kill it.
        # The generator of its own keeps DataLoader from drawing from torch's global one, which a net's dropout uses.
        self._loader = DataLoader(
            self.dataset,
            batch_sampler=self._groups,
            num_workers=self.workers,
            collate_fn=_collate,
            timeout=2 * watch.STALLED_AFTER_S,  # a worker names the file that stalls it before
            generator=torch.Generator(),
            persistent_workers=True,
        )
        gc.collect()  # a reader of decord that is garbage here would, collected in a fork, wait for threads it has not
        gc.freeze()  # nor is what is in use here the fork's to collect
        try:
            iter(self._loader)
        finally:
            gc.unfreeze()


def batches(dataset, epoch, batch_size, *, workers=0, **order):
    """One epoch of a Loader of its own: see `Loader.epoch`. Closing the iterator early ends its workers."""
    loader = Loader(dataset, workers)
    found = loader.epoch(epoch, batch_size, **order)  # says now what is wrong with it
    return _closing(loader, found) if workers else found


def _closing(loader, found):
    with loader:
        yield from found


def _order(dataset, epoch, sampling):
    rng = generator(dataset.seed, epoch, 0)
    if sampling == "natural":
        return [(epoch, int(i)) for i in rng.permutation(len(dataset))]
    return [(epoch, i, again) if again else (epoch, i) for i, again in draw(dataset.labels, sampling, rng)]


def _collate(items):
    clips, labels, indices = zip(*items, strict=True)
    clips = torch.stack([clip.permute(1, 2, 3, 0) for clip in clips]).permute(0, 4, 1, 2, 3)
    return clips, torch.tensor(labels), torch.tensor(indices)
