"""Synthetic volumes: no axis is special, draws are repeatable, a net learns them, all seven kinds are searched."""

import numpy as np
import pytest
import torch

from data_prep.moving_shapes.volumes import SOLIDS, Volumes, render, rotation
from lib import create_model
from lib.models.subkernels import OPS
from lib.models.swap import swappable
from lib.search.subkernels.nets import build_dealt, build_supernet
from lib.search.subkernels.search import search
from lib.train import fit

RECIPE = {"epochs": 3, "batch_size": 16, "learning_rate": 0.05, "progress": False}


@pytest.fixture(scope="module")
def splits():
    return [Volumes(split, count, size=16) for split, count in (("train", 256), ("val", 32), ("test", 64))]


def test_the_same_volumes_again():
    a, b, other = render(5, "train"), render(5, "train"), render(13, "train")
    assert np.array_equal(a[0], b[0]) and a[1] == other[1] == 5 and not np.array_equal(a[0], other[0])
    assert a[0].shape == (24, 24, 24) and len(SOLIDS) == 8
    dataset = Volumes("train", 8, size=16)
    assert torch.equal(dataset[3, 2][0], dataset[3, 2][0]) and not torch.equal(dataset[3, 2][0], dataset[4, 2][0])
    with pytest.raises(ValueError, match="no split 'trian'"):
        Volumes("trian", 8)


def test_no_axis_is_special():
    """Rotations are rotations and show every direction alike; grey values vary alike along the three axes."""
    rng = np.random.default_rng(0)
    matrices = np.stack([rotation(rng) for _ in range(2000)])
    np.testing.assert_allclose(
        matrices @ matrices.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (2000, 3, 3)), atol=1e-9
    )
    assert np.allclose(np.linalg.det(matrices), 1)
    assert np.abs((matrices**2).mean(0) - 1 / 3).max() < 0.03 and np.abs(matrices.mean(0)).max() < 0.06
    volumes = np.stack([render(index, "val", size=16)[0] for index in range(160)]).astype(float)
    changes = [np.abs(np.diff(volumes, axis=axis)).mean() for axis in (1, 2, 3)]
    assert max(changes) / min(changes) < 1.02


def test_strides_are_isotropic():
    places = swappable(create_model("volume_nano"))
    assert len(places) == 5 and all(len(set(getattr(m, name).stride)) == 1 for m, name, _ in places)


def test_search_among_all_seven_kinds(splits, tmp_path):
    """From volumes to a deal to a net that beats chance clearly."""
    torch.manual_seed(0)
    net = build_supernet("volume_nano", "mixconvall", num_classes=8)
    deal, record = search(tmp_path / "search", net, *splits[:2], strength=5e-4, **{**RECIPE, "epochs": 1})
    assert len(deal) == 5 and [set(layer) for layer in deal] == [set(OPS["mixconvall"])] * 5
    assert [sum(layer.values()) for layer in deal] == [len(row) // 7 for row in record["history"][-1]["gammas"]]
    torch.manual_seed(0)
    found = build_dealt("volume_nano", "mixconvall", deal, num_classes=8)
    assert found(torch.rand(2, 3, 16, 16, 16)).shape == (2, 8)
    test = fit(tmp_path / "deal", found, *splits, **{**RECIPE, "epochs": 4})["test"]
    assert test["top1_low"] > 12.5
