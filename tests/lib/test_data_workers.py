import multiprocessing

import numba
import numpy as np
import pytest
from video_files import write_dataset

from lib.data import ClipDataset, batches

OPTIONS = dict(frames=8, size=32, train=True, seed=7)


@pytest.fixture
def dataset(tmp_path):
    return ClipDataset(write_dataset(tmp_path), "train", **OPTIONS)


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
