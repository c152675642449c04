"""What all jobs of a process share, looked at before and after Python of others is imported: what it changed, put back.

Looked at are the modules of OURS and the parts of THEIRS that nets are made of: every attribute, what is in containers,
methods, functions' code and defaults; torch's settings by all pairs of get and set that it has; the working directory.
"""

import builtins
import contextlib
import importlib.machinery
import os
import random
import sys
import types
from functools import partial

import numpy as np
import torch

OURS = ("bench", "data_prep", "kernels", "lib")
THEIRS = ("torch.nn", "torch.optim", "torch.functional", "torch._tensor", "torch.utils.data")
TORCH = os.path.dirname(torch.__file__)
OLD = {"cpu": None}  # the default device of a process that sets none
PLAIN = (bool, int, float, str, tuple, list, type(None), torch.dtype)  # values of settings that can be compared
SETTINGS = {
    "torch.get_default_dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "torch.get_default_device": (
        lambda: str(torch.get_default_device()),
        lambda old: torch.set_default_device(OLD.get(old, old)),
    ),
    "torch.get_num_threads": (torch.get_num_threads, torch.set_num_threads),
    "torch.is_grad_enabled": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch.is_anomaly_enabled": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    "torch.set_flush_denormal": (lambda: not np.float64(1e-310) * 1, torch.set_flush_denormal),
    "numpy.geterr": (lambda: tuple(np.geterr().items()), lambda value: np.seterr(**dict(value))),
    "the working directory": (os.getcwd, os.chdir),
}


class Watched:
    """`with Watched() as process: ...`, then `process.changed()` and `process.put_back()`.

    Random states and environment variables are as before when the block ends, whatever it did: each job sets its own.
    """

    def __enter__(self):
        self._owners, self._settings = {}, _settings()
        self._random = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
        self._variables = dict(os.environ)
        for name, module in list(sys.modules.items()):
            if _of(name, (*OURS, *THEIRS)) and isinstance(module, types.ModuleType):
                self._look(module, name)
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_):
        sys.meta_path.remove(self)
        random.setstate(self._random[0])
        np.random.set_state(self._random[1])  # noqa: NPY002
        torch.set_rng_state(self._random[2])
        os.environ.clear()
        os.environ.update(self._variables)

    def find_spec(self, name, path=None, target=None):
        """Of Python's import: a module of ours that the block is the first to import is looked at as soon as it is."""
        if not _of(name, OURS) or not (spec := importlib.machinery.PathFinder.find_spec(name, path, target)):
            return None
        if spec.loader and (execute := getattr(spec.loader, "exec_module", None)):
            spec.loader.exec_module = lambda module: (execute(module), self._look(module, name))
        return spec

    def changed(self):
        """Names of what is not as it was, settings first."""
        return [*self._other_settings(), *(f"{where}.{key}" if isinstance(owner, _NAMED) else where
                for owner, where, before in self._owners.values()
                for key in _differences(owner, where, before))]  # fmt: skip

    def put_back(self):
        """As far as Python can: all that `changed` names."""
        for name in self._other_settings():
            value, put = self._settings[name]
            with contextlib.suppress(RuntimeError, TypeError, ValueError):
                put(value)
        for owner, where, before in self._owners.values():
            if different := _differences(owner, where, before, grown=True):
                _put(owner, before, different)

    def _other_settings(self):
        now = _settings()
        return [name for name, (value, _) in self._settings.items() if now.get(name, (_ABSENT,))[0] != value]

    def _look(self, owner, where, depth=0):
        if id(owner) in self._owners or depth > 6:
            return
        content = _content(owner)
        if content is None:
            return
        self._owners[id(owner)] = owner, where, content
        for key, value in content.items():
            if isinstance(value, staticmethod | classmethod):
                value = value.__func__
            inner = f"{where}.{key}" if isinstance(owner, _NAMED) else where
            if not isinstance(value, types.ModuleType) and (value is not owner):
                self._look(value, inner, depth + 1)


_NAMED = (types.ModuleType, type, types.FunctionType)
_ABSENT = object()


def _of(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _content(owner):
    """{key: value} of what belongs to an owner and could be changed; None of anything else."""
    if isinstance(owner, types.FunctionType):
        found = {key: getattr(owner, key) for key in ("__code__", "__defaults__", "__kwdefaults__")}
        return found if _of(owner.__module__ or "", (*OURS, *THEIRS)) else None
    if isinstance(owner, types.ModuleType):
        return {key: value for key, value in vars(owner).items() if not key.startswith("__")}
    if isinstance(owner, type):
        return dict(vars(owner)) if _of(owner.__module__, (*OURS, *THEIRS)) else None
    if isinstance(owner, dict):
        return dict(owner)
    if isinstance(owner, list | tuple):
        return dict(enumerate(owner))
    if isinstance(owner, set):
        return dict.fromkeys(owner)
    if isinstance(owner, np.ndarray):
        return {"bytes": owner.tobytes()}
    return dict(vars(owner)) if _of(type(owner).__module__, OURS) and hasattr(owner, "__dict__") else None


def _differences(owner, where, before, grown=False):
    """The keys of an owner that are others now, gone, or new; unless `grown`, the registry and the like may grow."""
    now = _content(owner)
    found = [key for key, value in before.items() if not _same(now.get(key, _ABSENT), value)]
    if _of(where, THEIRS) and not isinstance(owner, types.FunctionType):
        return [key for key in {**before, **now} if not _same(now.get(key), before.get(key)) and _foreign(now.get(key))]
    if isinstance(owner, types.ModuleType):  # parts of a package come with their first import
        return found + [key for key in now if key not in before and hasattr(builtins, str(key))]
    if isinstance(owner, dict) and where.rpartition(".")[2].startswith("_") and not grown:
        return found
    if isinstance(owner, type):
        return found + [key for key in now if key not in before and not key.startswith("_abc")]
    return found + [key for key in now if key not in before]


def _foreign(value):
    """Whether something that was put among torch's own parts is code that is not torch's: it patches itself, too."""
    value = getattr(value, "__func__", value)
    home = sys.modules.get(getattr(value, "__module__", None))
    file = getattr(getattr(value, "__code__", None), "co_filename", None) or getattr(home, "__file__", None)
    return callable(value) and not str(file).startswith(TORCH)


def _same(now, before):
    return now is before or (isinstance(before, bytes) and now == before)


def _put(owner, before, different):
    if isinstance(owner, dict | set):
        owner.clear()
        owner.update(before)
    elif isinstance(owner, list):
        owner[:] = before.values()
    elif isinstance(owner, np.ndarray):
        owner[...] = np.frombuffer(before["bytes"], owner.dtype).reshape(owner.shape)
    else:
        kind = type if isinstance(owner, type) else object  # of a frozen value, too
        own = isinstance(owner, types.ModuleType | types.FunctionType)
        put, drop = (setattr, delattr) if own else (kind.__setattr__, kind.__delattr__)
        for key in different:
            put(owner, key, before[key]) if key in before else drop(owner, key)


def _settings():
    """{setting: (its value, f(value) that sets it)}, of those that can be read and compared."""
    found = {}
    for name, (get, put) in {**SETTINGS, **dict(_torch_pairs()), **dict(_torch_properties())}.items():
        with contextlib.suppress(RuntimeError, TypeError, AttributeError):  # takes arguments, or is torn within itself
            if isinstance(value := get(), PLAIN):
                found[name] = value, put
    return found


def _torch_pairs():
    for name in dir(torch._C):
        if name.startswith("_get_") and hasattr(torch._C, other := name.replace("get", "set", 1)):
            yield f"torch._C.{name}", (getattr(torch._C, name), getattr(torch._C, other))


def _torch_properties():
    for name in [name for name in sys.modules if _of(name, ("torch.backends",))]:
        module = sys.modules[name]
        for key, kind in vars(type(module)).items():
            if type(kind).__name__ == "ContextProp":
                yield f"{name}.{key}", (partial(getattr, module, key), partial(setattr, module, key))
