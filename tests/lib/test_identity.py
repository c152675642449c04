"""A run's record says what it uses, so that another net or other videos are never taken for it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from family_clips import splits
from torch import nn

from lib import create_model
from lib.data import ClipDataset, own_protocol, read_manifest
from lib.identity import arithmetic, used
from lib.run import ROOT
from lib.train import fit

HELPERS = str(Path(__file__).parents[1] / "helpers")
CODE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(x.mean((2, 3, 4))){}
"""


def net_from(path, change):
    path.write_text(CODE.format(change))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Net()


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return splits(tmp_path_factory.mktemp("noise"), 8, 32)


def test_options_that_no_name_says_change_the_tensors(sets):
    clips = sets[0]
    a, b = (used(create_model("mobilenetv2_3d_nano", num_classes=2, width=width), clips) for width in (1.0, 0.5))
    assert a["net"]["name"] == b["net"]["name"] and a != b


def test_a_readers_own_code_counts(sets, tmp_path):
    clips = sets[0]
    first, again = (used(net_from(tmp_path / f"mine_{i}.py", ""), clips) for i in (1, 2))
    other = used(net_from(tmp_path / "mine_3.py", " * 2"), clips)
    assert first == again and first["net"]["tensors"] == other["net"]["tensors"] and first != other


def test_weights_and_wrappers_do_not_count(sets):
    clips, net = sets[0], create_model("c2d_nano", num_classes=2)
    before = used(net, clips)
    with torch.no_grad():
        net.fc.bias.add_(1)
    assert used(net, clips) == used(nn.DataParallel(net), clips) == before


def test_what_mirror_images_exchange_counts_where_clips_are_mirrored(tmp_path):
    """It stands in dataset.json alone, and is in no hash."""
    net, told = create_model("mobilenetv2_3d_nano", num_classes=3), {}
    changes = {
        "as it was": {},
        "turned": {"mirror_pairs": [[1, 0]]},
        "other": {"mirror_pairs": [[0, 2]]},
        "none": {"mirror_pairs": []},
        "not one": {"unmirrored": [2]},
        "never": {"mirror_pairs": None},
    }
    for name, change in changes.items():
        clips = splits(tmp_path / name, 8, 32)[0]
        file = tmp_path / name / "dataset.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
        for mirror in (True, False):
            protocol = own_protocol(8, 32, mirror=mirror)
            again = ClipDataset(read_manifest(tmp_path / name), "train", protocol, train=True, cache=clips.cache)
            told[name, mirror] = json.dumps(used(net, again))
    assert told["as it was", True] == told["turned", True]
    assert len({said for (name, mirror), said in told.items() if mirror}) == len(changes) - 1
    assert len({said for (name, mirror), said in told.items() if not mirror} | {told["never", True]}) == 1


def test_a_folder_of_another_net_is_refused(sets, tmp_path):
    train, val, _ = sets
    options = {"epochs": 1, "batch_size": 2, "progress": False}
    fit(tmp_path, create_model("c2d_nano", num_classes=3), train, val, **options)
    with pytest.raises(ValueError, match="holds another run .*used"):
        fit(tmp_path, create_model("i3d_nano", num_classes=3), train, val, **options)


@pytest.fixture
def two_threads():
    """torch has two threads at first, and one afterwards, as all tests have."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def test_another_number_of_threads_is_another_run(sets, tmp_path, two_threads):
    train, val, _ = sets
    options = {"epochs": 1, "batch_size": 2, "progress": False}
    first = fit(tmp_path, create_model("c2d_nano", num_classes=3), train, val, **options)
    assert json.loads((tmp_path / "run.json").read_text())["threads"] == 2
    torch.set_num_threads(1)
    message = r"another run \(threads: 2 there, 1 asked for\); it goes on with torch.set_num_threads\(2\), a notebook"
    with pytest.raises(ValueError, match=message) as refused:
        fit(tmp_path, create_model("c2d_nano", num_classes=3), train, val, **options)
    assert "\n" not in str(refused.value) and str(tmp_path) in str(refused.value)
    torch.set_num_threads(2)
    assert fit(tmp_path, create_model("c2d_nano", num_classes=3), train, val, **options) == first


BITS = """
import hashlib, sys
sys.path[:0] = {paths!r}
from family_clips import splits
import os, torch
from lib import create_model
from lib.train import fit
if len(sys.argv) > 2:
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
folder, told = sys.argv[1], hashlib.sha256()
for name in ("rubiksnet_nano", "cakes_nano"):
    torch.manual_seed(0)
    net = create_model(name, num_classes=3)
    fit(folder + "/" + name, net, *splits(folder, 8, 64), epochs=1, batch_size=4, progress=False)
    for value in net.state_dict().values():
        told.update(value.contiguous().numpy().tobytes())
print(told.hexdigest())
"""


@pytest.mark.long
def test_the_cores_and_what_else_counts_threads_change_no_bit(tmp_path):
    """Torch's number of threads given, neither Numba's nor the machine's cores count; but that number does."""

    def bits(name, *cores, **environment):
        command = [sys.executable, "-c", BITS.format(paths=[str(ROOT), HELPERS])]
        environment = {**os.environ, "MKL_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", **environment}
        folder = str(tmp_path / name)
        return subprocess.run([*command, folder, *cores], env=environment, check=True, stdout=-1, text=True).stdout

    first = bits("first", NUMBA_NUM_THREADS="2")
    assert bits("numba", NUMBA_NUM_THREADS="1") == first and bits("core", "one", NUMBA_NUM_THREADS="2") == first
    assert bits("torch", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1") != first


def test_threads_that_openmp_withholds_are_told(monkeypatch, two_threads):
    """With them a training on two threads waited for ever."""
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    with pytest.raises(ValueError, match="OMP_THREAD_LIMIT=1, but torch has 2 threads"):
        arithmetic()
    monkeypatch.setenv("OMP_THREAD_LIMIT", "2")
    assert arithmetic() == {"device": "cpu", "threads": 2}
    monkeypatch.setenv("OMP_DYNAMIC", "TRUE")
    with pytest.raises(ValueError, match="OMP_DYNAMIC"):
        arithmetic()
    monkeypatch.delenv("OMP_DYNAMIC")
    assert arithmetic("meta") == {"device": "meta", "threads": None}
