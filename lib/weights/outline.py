"""What a checkpoint says it holds, looked at before PyTorch believes it: no code runs, no tensor is made.

`torch.load` takes the sizes that a file declares as they are and asks its records for no checksum. So a few bytes can
ask for terabytes, a damaged file loads, and tuples in tuples end the process. Here the pickle is read with dummies in
place of all that it names, and what it declares is held against the bytes that are there.

Formats  zip (torch >= 1.6) and the older row of pickles followed by the storages' bytes
"""

import collections
import pickle
import warnings
import zipfile
from math import prod
from pathlib import Path

import torch

DEEPEST = 100  # containers in containers; a state dict has 3
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


def check_outline(path):
    """ValueError: the file is damaged, or asks for more memory than it has bytes. A file that is no checkpoint passes:
    PyTorch says so."""
    path = Path(path)
    with open(path, "rb") as file:
        is_zip = file.read(4) == b"PK\x03\x04"
        file.seek(0)
        try:
            (_check_zip if is_zip else _check_legacy)(path, file)
        except Refused as refused:
            raise ValueError(f"{path} was not loaded: {refused}") from None
        except zipfile.BadZipFile as error:
            why = f"its zip is damaged, or its download or copy did not end ({error!s:.80})"
            raise ValueError(f"{path} was not loaded: {why}") from None
        except Exception as error:  # a pickle or a zip can fail in any way; whatever it was, it is not read on
            raise ValueError(f"{path} is damaged: its list of tensors ends in {_said(error)}") from None


def _said(error):
    return f"{type(error).__name__}: {error!s:.80}"


def _check_zip(path, file):
    with zipfile.ZipFile(file) as archive:
        listing = archive.infolist()
        records = {info.filename: info for info in listing}
        if len({name.casefold() for name in records}) < len(listing):  # PyTorch asks for them in any case
            raise Refused("two of its records have one name")
        if listing and min(info.header_offset for info in listing):
            raise Refused("its zip does not begin where the file does: PyTorch might read another than the last")
        if pressed := next((name for name, info in records.items() if info.compress_type != zipfile.ZIP_STORED), None):
            raise Refused(f"the record {pressed} is compressed; a checkpoint's records are not")
        if sum(info.file_size for info in records.values()) > path.stat().st_size:
            raise Refused("its records are declared larger than the file")
        for name in records:
            _check_record(archive, name)
        listed = f"{listing[0].filename.partition('/')[0]}/data.pkl" if listing else ""  # as PyTorch finds it
        if listed not in records:
            return  # no checkpoint of PyTorch
        with archive.open(listed) as pickled:
            storages = _outline(pickled)
        for storage in storages:
            record = records.get(f"{listed.removesuffix('data.pkl')}data/{storage.key}")
            there = record.file_size if record else 0
            if storage.bytes > there:
                raise Refused(f"the record data/{storage.key} is declared as {storage.bytes} bytes and has {there}")


def _check_record(archive, name):
    """Read a record to its end: its checksum is then compared, which PyTorch does not do."""
    try:
        with archive.open(name) as record:
            while record.read(2**20):
                pass
    except zipfile.BadZipFile as error:
        raise Refused(f"the file is damaged in its record {name}: {error!s:.80}") from None


def _check_legacy(path, file):
    size = path.stat().st_size
    bounded = _Bounded(file, size)
    try:
        magic = _Outline(bounded).load()
    except Exception:  # no checkpoint of PyTorch: torch.load says so
        return
    if magic != LEGACY_MAGIC:
        return
    for _ in range(2):  # protocol version, machine
        _outline(bounded)
    if sum(storage.bytes for storage in _outline(bounded)) > size:
        raise Refused("its tensors are declared larger than the file")


def _outline(file):
    """The storages that the next pickle of a file names."""
    reader = _Outline(file)
    if faulty := _faulty(reader.load()):
        raise Refused(faulty)
    return list(reader.storages.values())


def _faulty(value, name="", depth=4):
    """What is wrong with the first tensor that cannot be, by its name; None if all can be."""
    if isinstance(value, _Faulty):
        return f"{name or 'a tensor'} {value.reason}"
    if isinstance(value, dict) and depth:
        found = (_faulty(item, str(key), depth - 1) for key, item in value.items())
        return next((text for text in found if text), None)
    return None


class _Bounded:
    """A file that is asked for no more than it holds: to read is to allocate."""

    def __init__(self, file, size):
        self.file, self.size, self.readline = file, size, file.readline

    def read(self, count):
        return self.file.read(min(count, self.size))

    def readinto(self, buffer):
        return self.file.readinto(buffer)


class Refused(ValueError):
    """What a file declares cannot be."""


class _Faulty:
    def __init__(self, reason):
        self.reason = reason


class _Storage:
    def __init__(self, kind, key, elements):
        width = torch.empty(0, dtype=kind).element_size() if isinstance(kind, torch.dtype) else 1
        if not isinstance(elements, int) or elements < 0:
            raise Refused(f"the storage {key} declares {elements!r} elements")
        self.key, self.elements, self.bytes = str(key), elements, elements * width


class _Dummy:
    """Stands for whatever a pickle names: it is made and filled, and does nothing."""

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, item):
        pass

    def extend(self, items):
        pass


def _tensor(storage, offset, size, stride, *_):
    """Its elements must lie in its storage, each once."""
    numbers = (offset, *size, *stride)
    if not isinstance(storage, _Storage) or not all(type(number) is int and number >= 0 for number in numbers):
        return _Faulty(f"declares offset {offset!r:.40}, size {size!r:.40}, strides {stride!r:.40}")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if prod(size) else -1
    if prod(size) > storage.elements or last >= storage.elements:
        return _Faulty(f"has size {tuple(size)}, but its storage {storage.elements} elements")
    return _Dummy()


def _never(kind):
    return lambda *_: _Faulty(f"is a {kind} tensor; weights are dense and of a floating type")


CALLED = {
    "_rebuild_tensor": _tensor,
    "_rebuild_tensor_v2": _tensor,
    "_rebuild_parameter": lambda data, *_: data,
    "_rebuild_parameter_with_state": lambda data, *_: data,
    "_rebuild_qtensor": _never("quantised"),
    "_rebuild_sparse_tensor": _never("sparse"),
    "_rebuild_sparse_csr_tensor": _never("sparse"),
    "_rebuild_nested_tensor": _never("nested"),
    "_rebuild_meta_tensor_no_storage": _never("meta"),
}


class _Outline(pickle._Unpickler):
    """Reads a pickle with dummies. The unpickler in Python: the one in C allocates what a memo's number says."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, file):
        super().__init__(file, encoding="utf-8")
        self.storages, self.depths = {}, {}

    def find_class(self, module, name):
        if module == "collections" and name == "OrderedDict":
            return collections.OrderedDict
        if not module.startswith("torch"):
            return _Dummy
        known = getattr(torch, name, None)
        if name.endswith("Storage"):
            with warnings.catch_warnings():  # it is deprecated to ask for a quantised one
                warnings.simplefilter("ignore")
                return getattr(known, "dtype", torch.uint8)
        return known if isinstance(known, torch.dtype) else CALLED.get(name, _Dummy)

    def persistent_load(self, saved):
        if isinstance(saved, tuple) and len(saved) == 4 and saved[0] == "module":  # a net's class and its source
            return _Dummy
        if not isinstance(saved, tuple) or len(saved) < 5 or saved[0] != "storage":
            raise Refused(f"a storage is named {saved!r:.80}")
        _, kind, key, _, elements = saved[:5]
        storage = _Storage(kind, key, elements)
        return self.storages.setdefault(storage.key, storage)

    def _nested(self):
        """Tuples in tuples have no end in a pickle, and C's stack has."""
        made = self.stack[-1]
        depth = 1 + max((self.depths.get(id(item), (0,))[0] for item in made), default=0)
        if depth > DEEPEST:
            raise Refused(f"tuples are nested more than {DEEPEST} deep")
        self.depths[id(made)] = depth, made  # kept, so that its number stays its own

    def _no(self):
        raise Refused("it holds a bytearray, which no checkpoint of PyTorch does")


def _then_nested(load):
    def load_tuple(self):
        load(self)
        self._nested()

    return load_tuple


for code in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
    _Outline.dispatch[code[0]] = _then_nested(pickle._Unpickler.dispatch[code[0]])
_Outline.dispatch[pickle.BYTEARRAY8[0]] = _Outline._no
