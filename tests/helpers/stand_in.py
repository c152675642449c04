"""Golden files, and stand-ins for the published weights that they were computed from.

A stand-in has a published file's real keys and shapes; each value depends on its key alone, so that the original code
and ours load the same net.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(name):
    """The golden file "system/name"."""
    return json.loads((GOLDEN / f"{name}.golden.json").read_text())


def layout_of(name):
    """The published file's layout "system/name"."""
    return json.loads((GOLDEN / f"{name}.keys.json").read_text())


def fill(key, shape, dtype="float32"):
    """The value of one tensor: He scale for weights, near 1 for scales and variances, small for most others."""
    leaf, stream = key.rsplit(".", 1)[-1], np.random.RandomState(zlib.crc32(key.encode()))
    draw = stream.standard_normal
    if leaf == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    if leaf == "shift":  # RubiksNet's
        value = stream.uniform(-1, 1, shape)
    elif leaf == "T":  # the temperature of its filters
        value = 2.0
    elif leaf == "running_var":
        value = 1 + 0.1 * np.abs(draw(shape))
    elif len(shape) >= 2 and leaf != "running_mean":
        value = draw(shape) * np.sqrt(2 / np.prod(shape[1:]))
    else:
        value = (1 if leaf == "weight" else 0) + 0.1 * draw(shape)
    return torch.from_numpy(np.asarray(value)).to(getattr(torch, dtype))


def stand_in(name):
    """The state dict of the stand-in for "system/name", keys as the file has them."""
    return {row["key"]: fill(row["key"], row["shape"], row["dtype"]) for row in layout_of(name)["keys"]}


def write_stand_in(name, folder):
    """Write the stand-in as the published file is written. -> its path"""
    layout = layout_of(name)
    wrapper, tensors = layout["wrapper"], stand_in(name)
    path = Path(folder) / layout.get("published_file", f"{layout['name']}.pth")
    key = wrapper["state_dict_key"]
    torch.save({**wrapper["extra"], key: tensors} if key else tensors, path)
    return path


def golden_input(shape):
    """The input of the golden logits."""
    return torch.from_numpy(np.random.RandomState(0).standard_normal(shape).astype(np.float32))
