"""Efficient 3D ConvNets on video: models, data, training, search and cost."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what an editor and a type checker see
    from lib.cost import measure_cost
    from lib.fusing import fuse
    from lib.models import create_model, list_models, register
    from lib.weights.published import load_published

_kernels = find_spec("kernels")
if _kernels is None or Path(_kernels.origin).resolve().parents[1] != Path(__file__).resolve().parents[1]:
    raise ImportError(
        f"the package 'kernels' at {_kernels and _kernels.origin} is not efficient3d's: "
        "run `pip uninstall kernels`, then `pip install -e .` in the clone"
    )

# Found on first use: importing torch takes seconds, and lib.files or lib.run do not need it.
_HOMES = {
    "create_model": "lib.models",
    "fuse": "lib.fusing",
    "list_models": "lib.models",
    "register": "lib.models",
    "load_published": "lib.weights.published",
    "measure_cost": "lib.cost",
}
__all__ = ["create_model", "fuse", "list_models", "load_published", "measure_cost", "register"]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'lib' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
