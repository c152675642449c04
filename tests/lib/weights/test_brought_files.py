"""Files as people bring them: the right ones load whatever lies around the weights, the others are told apart."""

import io
import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from bench.published.checkpoint import inspect, net_of
from lib import create_model, load_published
from lib.models.registry import entry
from lib.weights.loading import load_weights
from lib.weights.published import save_published
from lib.weights.reading import read_tensors

NET = "c2d_nano"


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return create_model(NET, num_classes=3).state_dict()


def written(folder, content, name="file.pth", **how):
    torch.save(content, folder / name, **how)
    return folder / name


def named(state, change):
    return {change(key): value for key, value in state.items()}


AROUND = {
    "an average alone": lambda s: {"state_dict_ema": s, "epoch": 3},
    "an average in a name of its own": lambda s: {"ema": {"module": s, "decay": 0.9}},
    "weights": lambda s: {"weights": s, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}},
    "params": lambda s: {"params": s},
    "two wrappers": lambda s: {"model": {"state_dict": s, "epoch": 3}},
    "model in model": lambda s: {"model": {"model": s}},
    "a part by itself in DataParallel": lambda s: named(s, lambda key: key.replace("stages.", "stages.module.")),
    "a module's net": lambda s: {"state_dict": named(s, lambda key: f"net.{key}")},
    "Lightning's net": lambda s: {"pytorch-lightning_version": "2.5", "state_dict": {
        **named(s, lambda key: f"net.{key}"), "loss.weight": torch.ones(3)}},
    "numbers of NumPy": lambda s: {"state_dict": s, "a": np.int8(3), "b": np.float16(0.5), "c": np.str_("best")},
    "another's checksum": lambda s: {"state_dict": s, "checksum": "d41d8cd98f00b204e9800998ecf8427e"},
    "views of one buffer": lambda s: _views(s),
    "half": lambda s: {key: v.half() if v.is_floating_point() else v for key, v in s.items()},
}  # fmt: skip


def _views(state):
    sizes = [value.numel() for value in state.values() if value.is_floating_point()]
    parts = iter(torch.cat([v.flatten() for v in state.values() if v.is_floating_point()]).split(sizes))
    return {key: next(parts).view(v.shape) if v.is_floating_point() else v for key, v in state.items()}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("way", AROUND)
def test_the_weights_are_found_and_are_the_right_ones(way, zipped, state, tmp_path):
    path = written(tmp_path, AROUND[way](state), _use_new_zipfile_serialization=zipped)
    net, clip = create_model(NET, num_classes=3).eval(), torch.randn(1, 3, 4, 32, 32)
    net.load_state_dict(state)
    with torch.no_grad():
        found, wanted = load_weights(NET, path).model(clip), net(clip)
    torch.testing.assert_close(
        found, wanted, rtol=1e-2 if way == "half" else 1e-5, atol=1e-3 if way == "half" else 1e-6
    )


def test_several_and_none(state, tmp_path):
    with pytest.raises(ValueError, match="file.pth holds several state dicts, generator, critic, and does not say"):
        read_tensors(written(tmp_path, {"generator": state, "critic": {"fc.bias": torch.ones(7)}}))
    with pytest.raises(
        ValueError, match="file.pth holds no state dict.*state_dict is none for its entry 'extra', a None"
    ):
        read_tensors(written(tmp_path, {"state_dict": {**state, "extra": None}}))


class Note:
    """An object that a training laid beside its weights."""


MORE = {
    "whole net": (lambda net: net, r"more than data \(lib.models.*the whole net.*net.state_dict\(\)"),
    "in DataParallel": (torch.nn.DataParallel, r"more than data \(torch.nn.*the whole net.*net.state_dict\(\)"),
    "beside": (
        lambda net: {"state_dict": net.state_dict(), "x": Note()},
        r".*Note\); keep its weights alone.*you trust",
    ),
    "an array": (lambda net: {"state_dict": net.state_dict(), "x": np.ones(2)}, r".*numpy.*; keep its weights alone"),
}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("case", MORE)
def test_more_than_data_says_what_to_do(case, zipped, tmp_path):
    content, says = MORE[case]
    path = written(tmp_path, content(create_model(NET)), _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=f"file.pth was not loaded: it holds {says}"):
        read_tensors(path)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_pickles_of_another_protocol(zipped, state, tmp_path, recwarn):
    path = written(tmp_path, state, pickle_protocol=4, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        ValueError, match="file.pth was not loaded: it is a pickle of protocol 4, and PyTorch's safe reader"
    ):
        read_tensors(path)
    path.write_bytes(pickle.dumps({key: value.numpy() for key, value in state.items()}))
    with pytest.raises(ValueError, match="a pickle of protocol 4, and torch.save did not write it"):
        read_tensors(path)
    assert not [warning for warning in recwarn if "pickle" in str(warning.message)]


def packed(weights, pack):
    data = io.BytesIO()
    if pack == "tar":
        with tarfile.open(fileobj=data, mode="w") as archive:
            for name in ("8frames/net.pth.tar",):
                (info := tarfile.TarInfo(name)).size = len(weights)
                archive.addfile(info, io.BytesIO(weights))
    else:
        with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED if pack == "stored" else zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("net.pth", weights)
    return data.getvalue()


def oldest():
    (data := io.BytesIO()).write(tarfile.TarInfo("sys_info").tobuf())
    return data.getvalue() + b"\0" * 1024


FOREIGN = {
    "a zip around it": (lambda raw: packed(raw, "zip"), "is a zip, which holds net.pth: unpack it"),
    "a plain zip around it": (lambda raw: packed(raw, "stored"), "is a zip, which holds net.pth: unpack it"),
    "a tar around it": (lambda raw: packed(raw, "tar"), "is a tar archive, which holds 8frames/net.pth.tar: unpack it"),
    "PyTorch 0.1": (lambda raw: oldest(), "is a tar archive of PyTorch before 0.1.10"),
    "RAR": (lambda raw: b"Rar!\x1a\x07\x01\0" + raw, "is packed by RAR"),
    "7-Zip": (lambda raw: b"7z\xbc\xaf\x27\x1c" + raw, "is packed by 7-Zip"),
    "zstd": (lambda raw: b"\x28\xb5\x2f\xfd" + raw, "is packed by zstd"),
    "a page with a mark": (lambda raw: b"\xef\xbb\xbf<!DOCTYPE html>", "is a web page"),
    "a page far down": (lambda raw: b"\r\n" * 80 + b"<html>", "is a web page"),
    "an answer": (lambda raw: b"404: Not Found", "but text: '404: Not Found'"),
    "git-annex": (lambda raw: b"/annex/objects/SHA256E-s12--a.pth\n", "git annex get"),
    "a place that was kept": (lambda raw: b"\0" * 2**16, "begins with zeros alone: its download did not end"),
    "cut": (lambda raw: raw[: len(raw) // 2], "its zip is damaged, or its download or copy did not end"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_was_downloaded_instead(kind, state, tmp_path):
    make, says = FOREIGN[kind]
    path = written(tmp_path, state)
    path.write_bytes(make(path.read_bytes()))
    with pytest.raises(ValueError, match=f"file.pth was not loaded: (it )?.*{says}"):
        read_tensors(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "file.pth")
    with pytest.raises(ValueError, match="file.pth is no ordinary file"):
        read_tensors(tmp_path / "file.pth")


# ---- whose weights they are
def zeros(name, path):
    """A published file of a net, its values zero."""
    with torch.device("meta"):
        shapes = create_model(name, num_classes=5).state_dict()
    layout = entry(name).layouts[0]
    state = {
        layout.keys(ours)[-1]: torch.zeros(layout.shape(ours, value.shape), dtype=value.dtype)
        for ours, value in shapes.items()
    }
    torch.save({layout.wrapper: state}, path)
    return path


@pytest.mark.parametrize(
    ("name", "alike"), [("p3dc_18", "p3da_18, p3dc_18"), ("x3d_s", "x3d_m, x3d_s, x3d_xs")], ids=["p3d", "x3d"]
)
def test_nets_of_the_same_tensors_are_not_guessed(name, alike, tmp_path, capsys, monkeypatch):
    """Where a convolution in time sits, how many frames a clip has: the tensors do not say it."""
    few = ["mobilenet3d", "p3d_18", "p3da_18", "p3dc_18", "x3d_m", "x3d_s", "x3d_xs"]  # all of them take half a minute
    monkeypatch.setattr("lib.weights.published.list_models", lambda pattern: few)
    path = zeros(name, tmp_path / "best.pth")
    for ask in (net_of, lambda path: inspect(path, out=tmp_path / "out.safetensors")):
        with pytest.raises(ValueError, match=f"best.pth does not say whose it is: {alike} have these tensors.*--as"):
            ask(path)
    inspect(path)
    assert f"fits too       {alike.partition(', ')[2]}" in capsys.readouterr().out
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("file", ["x3d_s.pyth", "X3D_S.pyth", "x3d_s_13x6x1_facebook-kinetics400-rgb.pth"])
def test_x3ds_files_say_it_by_their_name(file, tmp_path):
    assert net_of(zeros("x3d_s", tmp_path / file)) == "x3d_s"
    loaded = load_published("x3d_s", tmp_path / file)
    save_published("x3d_s", loaded.model, tmp_path / "again.pth")
