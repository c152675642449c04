import multiprocessing
import pickle
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from video_files import write_dataset

from lib.data import ClipDataset, batches, build_cache, own_protocol
from lib.data.loading import Loader

OPTIONS = dict(train=True, seed=7)


@pytest.fixture
def dataset(tmp_path):
    return ClipDataset(write_dataset(tmp_path), "train", own_protocol(8, 32), **OPTIONS)


def test_an_iterator_closed_early_leaves_no_process(dataset):
    loader = batches(dataset, 0, 1, shuffle=True, workers=2)
    next(loader)
    assert len(multiprocessing.active_children()) == 2
    loader.close()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_video_is_named(dataset, tmp_path, workers):
    (tmp_path / "videos" / "1.mp4").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="videos/1.mp4 cannot be read"):
        list(batches(dataset, 0, 3, shuffle=True, workers=workers))
    assert multiprocessing.active_children() == []


@numba.njit(parallel=True)
def double(x):
    for i in numba.prange(len(x)):
        x[i] *= 2


def test_workers_survive_a_parent_that_ran_a_parallel_kernel_and_a_decoder(dataset):
    double(np.ones(1000))
    dataset[0, 0]
    assert len(list(batches(dataset, 0, 1, shuffle=True, workers=2))) == len(dataset)


def test_a_dataset_can_be_sent_to_a_spawned_worker(dataset, tmp_path):
    """macOS starts workers so: everything they need travels by pickle, a cache as its folder."""
    cache = build_cache(dataset.manifest, tmp_path / "cache", 32, progress=False)
    protocol = own_protocol(8, 32, scales=(1, 0.8))
    cached = ClipDataset(dataset.manifest, "train", protocol, **OPTIONS, cache=cache)
    sent = pickle.dumps(cached)
    assert len(sent) < 10_000 and torch.equal(pickle.loads(sent)[2, 1][0], cached[2, 1][0])


GARBAGE = """
import gc, os, sys
from lib.data import ClipDataset, batches, open_video, own_protocol, read_manifest

manifest = read_manifest(sys.argv[1])
gc.disable()
for video in manifest.videos[:3]:  # readers in cycles, as tracebacks leave them
    box = [open_video(manifest.root / video.path)]
    box[0].read([0])
    box.append(box)
del box
os.register_at_fork(after_in_child=gc.collect)
dataset = ClipDataset(manifest, "train", own_protocol(4, 16), train=False)
print(sum(len(labels) for _, labels, _ in batches(dataset, 0, 4, shuffle=False, workers=2)))
"""


def test_readers_that_are_garbage_do_not_hang_a_worker(tiny_shapes):
    """decord's destructor waits for threads, which a forked process has not."""
    command = [sys.executable, "-c", GARBAGE, str(tiny_shapes / "motion")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=Path(__file__).parents[3])
    assert ran.stdout == "30\n", ran.stderr


def test_the_same_workers_load_every_epoch_and_what_this_process_would_load(dataset):
    order = {"shuffle": True, "drop_last": True}
    with Loader(dataset, 2) as loader, Loader(dataset) as alone:
        seen = []
        for epoch in range(3):
            found = loader.epoch(epoch, 1, start=epoch, **order)
            wanted = alone.epoch(epoch, 1, start=epoch, **order)
            for _ in range(1 if epoch == 1 else len(dataset) - epoch):  # the second is not read to its end
                got, want = next(found), next(wanted)
                assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))
            seen.append({process.pid for process in multiprocessing.active_children()})
        assert seen[0] == seen[1] == seen[2] and len(seen[0]) == 2
    assert multiprocessing.active_children() == []
