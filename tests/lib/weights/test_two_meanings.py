"""Files that could be read in two ways, or as another tool's: refused by a sentence that names the file and the way."""

import gzip
import io
import json
import zipfile

import numpy as np
import pytest
import torch

from lib import create_model
from lib.evaluate import classify
from lib.models.efficient3dcnns import published_input
from lib.models.registry import entry
from lib.run import ROOT
from lib.weights.fine_tune import start_from
from lib.weights.loading import load_weights
from lib.weights.published import compare
from lib.weights.reading import read_tensors
from lib.weights.safetensors import save_converted
from lib.weights.transfer_2d import flat_tensors

NET = "c2d_nano"


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return create_model(NET, num_classes=3).state_dict()


def written(folder, content, name="file.pth"):
    torch.save(content, folder / name)
    return folder / name


def averaged(state):
    return {key: value + 1 if value.is_floating_point() else value for key, value in state.items()}


TWICE = {
    "timm": lambda raw, mean: {"state_dict": raw, "state_dict_ema": mean},
    "two wrappers": lambda raw, mean: {"net": raw, "model": mean},
    "AveragedModel": lambda raw, mean: {"model": raw, "ema": {"n_averaged": torch.tensor(3),
                                        **{f"module.{key}": value for key, value in mean.items()}}},
    "shadow": lambda raw, mean: {"model": raw, "ema": {"decay": 0.9, "shadow": mean}},
    "Lightning": lambda raw, mean: {"pytorch-lightning_version": "2.5", "state_dict": {
        **{f"model.{key}": value for key, value in raw.items()},
        **{f"ema_model.module.{key}": value for key, value in mean.items()}}},
}  # fmt: skip


@pytest.mark.parametrize("way", TWICE)
def test_raw_and_averaged_weights_in_one_file(way, state, tmp_path):
    """Which ones were tested, the file does not say."""
    with pytest.raises(ValueError, match=r"file.pth holds weights of the same names twice, the second under .*ema"):
        read_tensors(written(tmp_path, TWICE[way](state, averaged(state))))


LISTS = {
    "torch_ema": lambda mean: {
        "ema": {"decay": 0.9, "num_updates": 3, "shadow_params": mean, "collected_params": None}
    },
    "on top": lambda mean: {"ema_params": tuple(mean)},
}


@pytest.mark.parametrize("way", LISTS)
def test_averaged_weights_without_names(way, state, tmp_path):
    """torch_ema keeps a list in the order of net.parameters(), without buffers."""
    mean = [value for key, value in averaged(state).items() if "running" not in key and "num_batches" not in key]
    with pytest.raises(ValueError, match=r"file.pth holds weights of the same shapes twice, the second under 'ema"):
        read_tensors(written(tmp_path, {"state_dict": state, **LISTS[way](mean)}))


BESIDE = {
    "gradients": lambda like: {"grads": like},
    "prefixed": lambda like: {"last_grad": like},
    "optimizer by name": lambda like: {"optimizer": {"exp_avg": like, "exp_avg_sq": like}},
    "optimizer's list": lambda like: {"optim_state": {"momentum_buffer": list(like.values())}},
    "bare moments": lambda like: {"exp_avg": like, "max_exp_avg_sq": like},
    "pruning": lambda like: {"masks": like},
    "other shapes": lambda like: {"history": [torch.zeros(7), torch.zeros(9)], "none": []},
}


@pytest.mark.parametrize("way", BESIDE)
def test_what_belongs_to_weights_and_is_none(way, state, tmp_path):
    content = {"state_dict": state, **BESIDE[way](averaged(state))}
    assert read_tensors(written(tmp_path, content)).keys() == state.keys()


@pytest.mark.parametrize("place", ["optimizer.ema", "optimizer.swa_weights", "ema_optim", "teacher", "other"])
def test_a_second_candidate_is_refused_wherever_it_lies(place, state, tmp_path):
    first, _, rest = place.partition(".")
    mean = averaged(state)
    with pytest.raises(ValueError, match=f"twice, the second under '{place}'"):
        read_tensors(written(tmp_path, {"state_dict": state, first: {rest: mean} if rest else mean}))


def test_two_keys_of_one_weight(state, tmp_path):
    both = {**{key.replace(".", "._orig_mod.", 1): value for key, value in state.items()}, **averaged(state)}
    with pytest.raises(ValueError, match=r"file.pth was not loaded: .*_orig_mod.* are both .* of the net"):
        read_tensors(written(tmp_path, both))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("fc.bias", torch.full((3,), 1e300, dtype=torch.float64), "beyond float32"),
        ("fc.bias", torch.zeros(3, device="meta"), "fc.bias is a meta tensor"),
        ("stem.0.1.num_batches_tracked", torch.tensor(0, device="meta"), "tracked is a meta tensor"),
        ("stem.0.1.num_batches_tracked", torch.tensor(1j), "tracked is torch.complex64"),
        ("stem.0.1.num_batches_tracked", torch.tensor(float("nan")), "tracked holds NaN"),
    ],
)
def test_what_a_net_would_turn_into_something_else(key, value, says, state, tmp_path):
    with pytest.raises(ValueError, match=f"file.pth was not loaded: .*{says}"):
        load_weights(NET, written(tmp_path, {**state, key: value}))


def rewritten(path, state, names, begin=b""):
    """The checkpoint's zip with its list of tensors under other names too, or behind other bytes."""
    data, out = io.BytesIO(), io.BytesIO()
    torch.save(state, data)
    with zipfile.ZipFile(data) as old, zipfile.ZipFile(out, "w") as new:
        for name in (*names, *old.namelist()):
            new.writestr(name, old.read("archive/data.pkl" if name in names else name))
    path.write_bytes(begin + out.getvalue())
    return path


@pytest.mark.parametrize(
    ("names", "begin", "says"),
    [
        (("archive/DATA.PKL",), b"", "two of its records have one name"),
        ((), b"PK\3\4" + b"\0" * 96, "does not begin where the file does"),
    ],
)
def test_what_is_looked_at_is_what_pytorch_reads(names, begin, says, state, tmp_path):
    with pytest.raises(ValueError, match=f"file.pth was not loaded: .*{says}"):
        read_tensors(rewritten(tmp_path / "file.pth", state, names, begin))


def test_a_list_beside_the_one_that_counts(state, tmp_path):
    """A record whose name only ends alike comes first: the other asks for ten million times one number."""
    huge = {**state, "fc.bias": torch.zeros(1).expand(10**7)}
    data, out = io.BytesIO(), io.BytesIO()
    torch.save(huge, data)
    with zipfile.ZipFile(data) as old, zipfile.ZipFile(out, "w") as new:
        new.writestr("archive/zdata.pkl", b"}.")
        for name in old.namelist():
            new.writestr(name, old.read(name))
    (tmp_path / "file.pth").write_bytes(out.getvalue())
    with pytest.raises(ValueError, match="file.pth was not loaded: fc.bias has size"):
        read_tensors(tmp_path / "file.pth")


def program():
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        for name in ("net/data.pkl", "net/code/__torch__/net.py", "net/constants.pkl"):
            archive.writestr(name, b"}.")
    return file.getvalue()


def arrays():
    np.savez(file := io.BytesIO(), a=np.zeros(3))
    return file.getvalue()


FOREIGN = {
    "empty": (lambda: b"", "is empty"),
    "web page": (lambda: b"\n<!DOCTYPE html><title>Not found</title>", "web page"),
    "Git LFS": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
    "gzip": (lambda: gzip.compress(b"x"), "gunzip"),
    "Keras": (lambda: b"\x89HDF\r\n\x1a\n" + b"\0" * 99, "HDF5"),
    "ONNX": (lambda: b"\x08\x08\x12\x07pytorch\x1a\x052.1.0", "ONNX"),
    "JSON": (lambda: b'{"a": 1}', "JSON"),
    "TorchScript": (program, "TorchScript"),
    "NumPy": (arrays, "arrays of NumPy"),
}


@pytest.mark.parametrize("name", ["file.pth", "file.safetensors"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_files_of_other_tools(kind, name, tmp_path):
    content, says = FOREIGN[kind]
    (tmp_path / name).write_bytes(content())
    with pytest.raises(ValueError, match=f"{name} was not loaded: it .*{says}"):
        read_tensors(tmp_path / name)


def test_safetensors_under_any_name(state, tmp_path):
    from safetensors.torch import save_file

    save_file(
        state, tmp_path / "net.bin", {"format": "pt", "model": "resnet50"}
    )  # others' metadata is no claim of ours
    assert torch.equal(load_weights(NET, tmp_path / "net.bin").model.fc.bias, state["fc.bias"])


def test_anothers_model_entry_is_no_claim_of_ours(state, tmp_path):
    loaded = load_weights(NET, written(tmp_path, {"state_dict": state, "model": "resnet50", "options": {"lr": 1}}))
    assert torch.equal(loaded.model.fc.bias, state["fc.bias"])


@pytest.mark.parametrize("options", [[1], "abc", {3: 4}])
def test_a_records_options_are_names(options, state, tmp_path):
    with pytest.raises(ValueError, match="file.pth: the options in its run's record"):
        load_weights(NET, written(tmp_path, {"net": state, "run": {"model": NET, "options": options}}))


def test_a_runs_record_tells_only_of_its_own_weights(state, tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"model": "i3d_nano", "options": {}}))
    assert load_weights(NET, written(tmp_path, state, "mine.pt")).report.options == {"num_classes": 3}
    with pytest.raises(ValueError, match="best.pt holds i3d_nano"):
        load_weights(NET, written(tmp_path, state, "best.pt"))


@pytest.mark.parametrize("wrong", [{"frames": "8"}, {"size": -4}, {"frame_stride": 0}])
def test_metadata_of_another_kind(wrong, state, tmp_path):
    from safetensors.torch import save_file

    seen = {"pixels": None, "size": 64, "frames": 8, **wrong}
    metadata = {"model": NET, "options": '{"num_classes": 3}', "preprocessing": json.dumps(seen)}
    save_file(state, tmp_path / "net.safetensors", metadata)
    with pytest.raises(ValueError, match="net.safetensors: its metadata is not what"):
        load_weights(NET, tmp_path / "net.safetensors")


def test_a_net_without_its_head_does_not_answer(tmp_path):
    """Random weights would: it is a start for a training, and is not converted into a file that looks whole."""
    with torch.device("meta"):
        shapes = create_model("ircsn_26").state_dict()
    layout = entry("ircsn_26").layouts[1]
    body = {layout.keys(ours)[0]: torch.zeros(v.shape, dtype=v.dtype) for ours, v in shapes.items() if "fc" not in ours}
    path = written(tmp_path, {"state_dict": body}, "ircsn_ig65m.pth")
    loaded = load_weights("ircsn_26", path)
    with pytest.raises(ValueError, match="ircsn_ig65m.pth cannot say what it sees: fc.weight, fc.bias are not in the"):
        classify(loaded, [])
    with pytest.raises(ValueError, match="ircsn_ig65m.pth cannot be converted: fc.weight"):
        save_converted("ircsn_26", loaded, path, tmp_path / "net.safetensors")
    assert start_from("ircsn_26", path, 5)[0].fc.weight.shape[0] == 5


def published_keys(name):
    with torch.device("meta"):
        return [entry(name).layouts[0].keys(ours)[-1] for ours in create_model(name).state_dict()]


@pytest.mark.parametrize("shape", [(), (1,), (2, 2), (1, 1, 1, 1, 1, 1)])
def test_weights_of_senseless_shapes(shape):
    """What they tell of a net's options is not asked: they do not fit, by name, and no other net's reading fails."""
    nets = ["shufflenet3d", "shufflenetv2_3d", "squeezenet3d", "c2d_vit_b_p16"]
    for name in nets:
        tensors = {key: torch.ones(shape) for key in published_keys(name)}
        assert not any(match.fits for _, match in compare(tensors, name))


def test_rubiksnets_shifts_of_no_axis(tmp_path):
    file = written(tmp_path, {"stages.0.0.shift.shift": torch.tensor(1.0)})
    assert flat_tensors("rubiksnet_nano", file) == {}


def test_the_backend_is_no_option_of_a_files_net(state, tmp_path):
    path = written(tmp_path, {"net": state, "run": {"model": NET, "options": {"backend": "reference"}}})
    assert start_from(NET, path, 5, pixels="own")[0].fc.weight.shape[0] == 5


@pytest.mark.parametrize(
    ("name", "classes", "known"),
    [
        ("jester", 600, False),
        ("ucf101", 27, False),
        ("kinetics", 101, False),
        ("kinetics", 600, True),
        ("jester", 27, True),
    ],
)
def test_a_name_that_the_classes_refute_says_nothing_of_pixels(name, classes, known):
    seen = published_input(f"{name}_mobilenetv2_1.0x_RGB_16_best.pth", {"num_classes": classes})
    assert (seen.pixels is not None) == known and (known or "the file's name says" in seen.note)


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_that_starts_from_weights_shows_what_they_see(notebook):
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    lines = [line for cell in cells for line in cell["source"]]
    if any(line.startswith("weights: str") for line in lines):
        seen = [line for line in lines if "own_protocol(frames, size" in line]
        assert seen and all("pixels" in line for line in seen)
