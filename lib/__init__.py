"""Efficient 3D ConvNets on video: models, data, training, search and cost."""

from pathlib import Path

import kernels

if Path(kernels.__file__).resolve().parents[1] != Path(__file__).resolve().parents[1]:
    raise ImportError(
        f"the package 'kernels' at {kernels.__file__} is not efficient3d's: "
        "run `pip uninstall kernels`, then `pip install -e .` in the clone"
    )

from lib.cost import measure_cost  # noqa: E402
from lib.models import create_model, list_models, register  # noqa: E402
from lib.published import load_published  # noqa: E402

__all__ = ["create_model", "list_models", "load_published", "measure_cost", "register"]
