import multiprocessing
import pickle

import numba
import numpy as np
import pytest
import torch
from video_files import write_dataset

from lib.data import ClipDataset, batches, build_cache, own_protocol

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
