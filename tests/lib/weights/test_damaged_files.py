"""Files that are damaged, hostile or no weights: refused by name, before what they say is believed."""

import io
import pickle
import random
import struct
import sys
import types
import zipfile

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from lib import checkpoints
from lib.weights.reading import read_checkpoint, read_tensors


def tensors():
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3, 3),
        "bn.running_var": torch.rand(4),
        "bn.num_batches_tracked": torch.tensor(3),
        "fc.bias": torch.zeros(5),
    }


def written(path, content=None, **how):
    torch.save({"state_dict": tensors(), "epoch": 3} if content is None else content, path, **how)
    return path


def flip(path, where):
    """Change one byte."""
    data = bytearray(path.read_bytes())
    data[where] ^= 0x40
    path.write_bytes(data)


def test_a_damaged_record_is_named(tmp_path):
    """One byte in the middle of every tensor: PyTorch itself compares no checksum."""
    path = written(tmp_path / "file.pth")
    assert set(read_tensors(path)) == set(tensors())
    with zipfile.ZipFile(path) as archive:
        places = {info.filename: info.header_offset for info in archive.infolist() if "/data/" in info.filename}
    assert len(places) == 4
    for name, start in places.items():
        written(path)
        header = path.read_bytes()[start : start + 30]
        flip(path, start + 30 + sum(struct.unpack("<HH", header[26:30])) + 1)
        with pytest.raises(ValueError, match=f"file.pth.*damaged in its record {name}"):
            read_tensors(path)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("conv.weight", torch.tensor([1.0, float("nan")]), "conv.weight holds NaN or infinity"),
        ("conv.weight", torch.tensor([1.0, float("-inf")]), "conv.weight holds NaN or infinity"),
        ("bn.running_var", torch.tensor([1.0, -0.5]), "bn.running_var holds a negative variance"),
        ("fc.bias", torch.zeros(0), "fc.bias is empty.*0 classes"),
        ("fc.bias", torch.zeros(5, dtype=torch.bool), "fc.bias is torch.bool"),
        ("fc.bias", torch.zeros(5, dtype=torch.complex64), "fc.bias is torch.complex64"),
        ("fc.bias", torch.zeros(5, dtype=torch.int8), "fc.bias is torch.int8"),
        ("fc.bias", torch.zeros(5).to_sparse(), "fc.bias is a sparse tensor"),
        ("fc.bias", torch.quantize_per_tensor(torch.ones(5), 0.1, 0, torch.qint8), "fc.bias is a quantised tensor"),
        ("fc.bias", torch.zeros(1).expand(10**12), "fc.bias has size.*1000000000000.*1 elements"),
        ("fc.bias", torch.zeros(9).as_strided((5, 5), (1, 1)), "fc.bias has size"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_weight_is_refused_by_name(key, value, says, zipped, tmp_path):
    content = {"state_dict": {**tensors(), key: value}}
    path = written(tmp_path / "file.pth", content, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=f"file.pth.*{says}"):
        read_tensors(path)


def zip_of(path, pickled, **records):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
        for name, data in records.items():
            archive.writestr(f"archive/{name}", data)
    return path


def test_tuples_in_tuples_do_not_end_the_process(tmp_path):
    """As a key of a dict, where PyTorch's reader hashes them: 100,000 deep."""
    deep = b"\x80\x02}" + b")" + pickle.TUPLE1 * 100_000 + b"K\x01s."
    with pytest.raises(ValueError, match="file.pth was not loaded: tuples are nested"):
        read_tensors(zip_of(tmp_path / "file.pth", deep))


@pytest.mark.parametrize(
    ("pickled", "says"),
    [
        (b"\x80\x02r\xff\xff\xff\x7f.", "damaged"),  # a memo of 2 billion places
        (b"\x80\x05\x96\x00\x00\x00\x00\x00\x01\x00\x00.", "bytearray"),  # of a terabyte
        (b"\x80\x02\x8b\xff\xff\xff\x7f.", "damaged"),  # a number of 2 GB
        (b"\x80\x02X\xff\xff\xff\x7fabc.", "damaged"),  # a text of 2 GB
        (b"", "damaged"),
    ],
)
def test_pickles_that_ask_for_memory(pickled, says, tmp_path):
    with pytest.raises(ValueError, match=f"file.pth.*{says}"):
        read_tensors(zip_of(tmp_path / "file.pth", pickled))


def test_sizes_that_are_declared_and_not_there(tmp_path):
    """A storage of 400 GB, in a zip and in the older format: refused before anything is allocated."""
    data = io.BytesIO()
    torch.save({"a": torch.zeros(3)}, data, _use_new_zipfile_serialization=False)
    huge = data.getvalue().replace(b"K\x03N", b"\x8a\x05\x00\xe8\x76\x48\x17N")
    (tmp_path / "legacy.pth").write_bytes(huge)
    with pytest.raises(ValueError, match="legacy.pth.*declared larger than the file"):
        read_tensors(tmp_path / "legacy.pth")
    with zipfile.ZipFile(written(tmp_path / "small.pth")) as archive:
        pickled = archive.read("small/data.pkl").replace(b"K\x05t", b"\x8a\x05\x00\xe8\x76\x48\x17t")
    with pytest.raises(ValueError, match="is declared as 400000000000 bytes and has 0"):
        read_tensors(zip_of(tmp_path / "zip.pth", pickled, **{f"data/{i}": b"\0" * 1300 for i in range(3)}))


def test_compressed_and_twofold_records(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10**7)
    with pytest.raises(ValueError, match=r"bomb.pth.*data.pkl is compressed"):
        read_tensors(tmp_path / "bomb.pth")
    with pytest.warns(UserWarning), zipfile.ZipFile(tmp_path / "two.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b".")
        archive.writestr("archive/data.pkl", b"..")
    with pytest.raises(ValueError, match="one name"):
        read_tensors(tmp_path / "two.pth")


def test_our_own_checkpoints_carry_a_checksum(tmp_path):
    """Whole by the zip's own checksums, and yet not what was written: the older format has none at all."""
    content = {"net": tensors(), "optimizer": {"state": {0: {"momentum_buffer": torch.ones(3)}}}, "epoch": 1}
    checkpoints.save(tmp_path / "last.pt", content)
    saved = read_checkpoint(tmp_path / "last.pt")
    assert torch.equal(saved["net"]["fc.bias"], content["net"]["fc.bias"]) and saved["epoch"] == 1
    saved["optimizer"]["state"][0]["momentum_buffer"][1] = 2
    for zipped in (True, False):
        torch.save(saved, tmp_path / "last.pt", _use_new_zipfile_serialization=zipped)
        with pytest.raises(ValueError, match="last.pt is damaged.*checksum"):
            read_checkpoint(tmp_path / "last.pt")


def test_a_converted_file_carries_a_checksum(tmp_path):
    """Of our own tensors in a safetensors file, which has none itself."""
    path, metadata = tmp_path / "net.safetensors", {checkpoints.CHECKSUM: checkpoints.checksum(tensors())}
    save_file(tensors(), path, metadata)
    assert torch.equal(read_tensors(path)["conv.weight"], tensors()["conv.weight"])
    save_file({**tensors(), "fc.bias": torch.ones(5)}, path, metadata)
    with pytest.raises(ValueError, match="net.safetensors is damaged.*checksum"):
        read_tensors(path)


def test_mmengines_checkpoint_says_what_to_do(tmp_path, monkeypatch):
    """Its objects lie beside the weights: a command that keeps the weights alone, to run where it was made."""
    name = "mmengine.logging.history_buffer"
    module = types.ModuleType(name)
    history = type("HistoryBuffer", (), {"__module__": name})
    module.HistoryBuffer = history
    with monkeypatch.context() as patch:
        for part in ("mmengine", "mmengine.logging", name):
            patch.setitem(sys.modules, part, module)
        written(tmp_path / "epoch_3.pth", {"state_dict": tensors(), "message_hub": history()})
    with pytest.raises(ValueError, match=r"epoch_3.pth.*mmengine.*torch.save\(\{'state_dict': c\['state_dict'\]"):
        read_tensors(tmp_path / "epoch_3.pth")


WAYS = {
    "DDP of a compiled net": lambda t: {f"module._orig_mod.{key}": value for key, value in t.items()},
    "compiled DDP": lambda t: {"model": {f"_orig_mod.module.{key}": value for key, value in t.items()}},
    "twice module": lambda t: {f"module.module.{key}": value for key, value in t.items()},
    "compiled inside": lambda t: {key.replace("conv.", "conv._orig_mod."): value for key, value in t.items()},
    "model_state_dict": lambda t: {"model_state_dict": t, "optimizer_state_dict": {"state": {}}, "loss": 0.5},
    "our trainer's": lambda t: {"net": t, "epoch": 3},
    "Lightning": lambda t: {"pytorch-lightning_version": "2.5", "epoch": 1, "state_dict": {
        **{f"model.{key}": value for key, value in t.items()}, "criterion.weight": torch.ones(5)}},
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_wrappers(way, tmp_path):
    found = read_tensors(written(tmp_path / "file.ckpt", WAYS[way](tensors())))
    assert set(found) == set(tensors()) and torch.equal(found["conv.weight"], tensors()["conv.weight"])


def test_what_is_no_state_dict(tmp_path):
    for content in ([tensors()], {"state_dict": {}}, {3: torch.zeros(2)}, {"model": {"a": 1}}, "text", None):
        torch.save(content, tmp_path / "file.pth")
        with pytest.raises(ValueError, match="file.pth holds no state dict"):
            read_tensors(tmp_path / "file.pth")


# ---- fuzzed: whatever comes, it is read or refused by name
def originals():
    from safetensors.torch import save

    for zipped in (True, False):
        data = io.BytesIO()
        torch.save({"state_dict": tensors(), "epoch": 3}, data, _use_new_zipfile_serialization=zipped)
        yield data.getvalue()
    yield save({key: value for key, value in tensors().items()}, {"model": "c3d", "options": "{}"})


ORIGINALS = list(originals())


def mangled(seed):
    """(suffix, bytes): one of the three formats with bytes changed, cut out, doubled, or swapped for a number's."""
    rng = random.Random(seed)
    kind = rng.randrange(3)
    data = bytearray(ORIGINALS[kind])
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at, length = rng.randrange(len(data)), rng.choice((1, 1, 2, 8, 100))
        change = rng.randrange(5)
        if change == 0:
            data[at] = rng.randrange(256)
        elif change == 1:
            del data[max(at, 1) : at + length]
        elif change == 2:
            data[at:at] = data[at : at + length]
        elif change == 3:
            data[at : at + 4] = struct.pack("<I", rng.choice((0, 1, 2**31 - 1, 2**32 - 1)))
        else:
            data = data[: max(at, 1)]
    return (".pth", ".pth", ".safetensors")[kind], bytes(data)


def read_or_refuse(seed, folder):
    suffix, data = mangled(seed)
    path = folder / f"fuzzed{suffix}"
    path.write_bytes(data)
    try:
        read_tensors(path)
    except ValueError as error:
        assert f"fuzzed{suffix}" in str(error), error


how = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


@settings(max_examples=60, **how)
@given(seed=st.integers(0, 2**32))
def test_fuzzed(seed, tmp_path):
    read_or_refuse(seed, tmp_path)


@pytest.mark.long
@settings(max_examples=3000, **how)
@given(seed=st.integers(0, 2**32))
def test_fuzzed_at_length(seed, tmp_path):
    read_or_refuse(seed, tmp_path)
