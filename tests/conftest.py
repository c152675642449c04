"""What several tests share. One thread each: the machine's cores are for tests that run side by side."""

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_shapes(tmp_path_factory):
    """A folder with 45 tiny videos of moving_shapes: 30 train, 5 val, 10 test."""
    from data_prep.moving_shapes import dataset as moving_shapes

    folder = tmp_path_factory.mktemp("shapes") / "data"
    moving_shapes.prepare(folder, videos=45, frames=12, size=32, seed=0, workers=1, progress=False)
    return folder
