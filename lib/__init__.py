"""Efficient 3D ConvNets on video: models, data, training, search and cost."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

_kernels = find_spec("kernels")
if _kernels is None or Path(_kernels.origin).resolve().parents[1] != Path(__file__).resolve().parents[1]:
    raise ImportError(
        f"the package 'kernels' at {_kernels and _kernels.origin} is not efficient3d's: "
        "run `pip uninstall kernels`, then `pip install -e .` in the clone"
    )

# Found on first use: importing torch takes seconds, and lib.files or lib.run do not need it.
_HOMES = {
    "create_model": "lib.models",
    "list_models": "lib.models",
    "register": "lib.models",
    "load_published": "lib.weights.published",
    "measure_cost": "lib.cost",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'lib' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
