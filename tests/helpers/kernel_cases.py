"""What the tests of all ops share: formats, golden files, one way to compare two versions."""

import json
import zlib
from pathlib import Path

import hypothesis
import numpy as np
import torch

from kernels._kinds import KINDS, kernel_size

GOLDEN = Path(__file__).parents[1] / "golden"
FORMATS = ["contiguous", "channels_last_3d", "sliced", "expanded"]

hypothesis.settings.register_profile("kernels", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("kernels")


def golden_cases(name):
    return json.loads((GOLDEN / f"{name}.golden.json").read_text())["cases"]


def golden_tensors(case):
    """x, shift, upstream gradient as our (N, C, T, H, W), float64; and how to flatten ours into the file's order."""
    x = np.random.RandomState(1).standard_normal(case["x_shape"]).astype(np.float32)
    g = np.random.RandomState(3).standard_normal(case["output_shape"]).astype(np.float32)
    three = case["op"] == "rubiks3d"
    x, g = (torch.from_numpy(a).double().transpose(1, 2) if three else torch.from_numpy(a).double() for a in (x, g))
    return x.requires_grad_(), torch.tensor(case["shift"], dtype=torch.float64, requires_grad=True), g


def in_file_order(tensor):
    return (tensor.transpose(1, 2) if tensor.dim() == 5 else tensor).flatten()


def stand_in(key, shape):
    """The golden files' weights: they depend on the key alone."""
    rng, leaf = np.random.RandomState(zlib.crc32(key.encode())), key.rsplit(".", 1)[-1]
    if leaf == "running_mean":
        value = 0.1 * rng.standard_normal(shape)
    elif leaf == "running_var":
        value = 1 + 0.1 * np.abs(rng.standard_normal(shape))
    elif len(shape) >= 2:
        value = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    else:
        value = (leaf == "weight") + 0.1 * rng.standard_normal(shape)
    return torch.from_numpy(np.asarray(value)).float()


def golden_convolution(case):
    """x, {kind: weight}, stride, and what batch_norm takes, of a case of cakes/ops."""
    kind_of = {kernel_size(kind, 3): kind for kind in KINDS}
    state = {key: stand_in(key, shape) for key, shape in case["state_dict"].items() if shape}
    weights = {kind_of[tuple(w.shape[2:])]: w for w in state.values() if w.dim() == 5}
    flat = {key.rsplit(".", 1)[-1]: value for key, value in state.items() if value.dim() == 1}
    x = torch.from_numpy(np.random.RandomState(0).standard_normal(case["input_shape"]).astype(np.float32))
    norm = [flat[name] for name in ("running_mean", "running_var", "weight", "bias")]
    return x, weights, (1, case["stride"], case["stride"]), norm


def assert_golden(case, y, norm):
    y = torch.nn.functional.batch_norm(y, *norm, eps=1e-5).relu()
    assert list(y.shape) == case["output_shape"]
    torch.testing.assert_close(y.sum((0, 2, 3, 4)), torch.tensor(case["output_channel_sums"]), rtol=1e-5, atol=0)
    torch.testing.assert_close(y.flatten()[:6], torch.tensor(case["output_first"]), rtol=1e-5, atol=1e-6)


def golden_clips(case, seed):
    """Clips (N, C, T, H, W) of a case of rubiksnet/tsm."""
    x = np.random.RandomState(seed).standard_normal(case["x_shape"]).astype(np.float32)
    return torch.from_numpy(x).unflatten(0, (-1, case["num_segments"])).transpose(1, 2).contiguous()


def in_format(x, layout):
    """The numbers of x (N, C, T, H, W), or fewer of them, in another memory layout."""
    if layout == "channels_last_3d":
        return x.contiguous(memory_format=torch.channels_last_3d)
    if layout == "sliced":
        return x.repeat_interleave(2, 4)[..., ::2]
    if layout == "expanded":
        return x[:, :, :1].expand(x.shape)
    return x.contiguous()


def gradients(y, inputs, g):
    """Of the inputs that have one; 0 for a weight without channels."""
    return torch.autograd.grad(y, [i for i in inputs if i.requires_grad], g, materialize_grads=True)


def same_format(y, x):
    """Whether an op that was given x may write y: channels_last_3d for channels_last_3d, else contiguous."""
    channels_last = x.is_contiguous(memory_format=torch.channels_last_3d) and not x.is_contiguous()
    return y.is_contiguous(memory_format=torch.channels_last_3d if channels_last else torch.contiguous_format)


def assert_versions_agree(op, inputs, g_layout="contiguous", *, own=True, **tolerance):
    """op(*inputs, backend=...) on the reference and on the CPU: outputs, gradients, formats if they are our own."""
    want, got = op(*inputs, backend="reference"), op(*inputs, backend="cpu")
    torch.testing.assert_close(got, want, **tolerance)
    assert same_format(want, inputs[0]) and (same_format(got, inputs[0]) or not own)
    g = in_format(torch.randn_like(want), g_layout)
    for a, b in zip(gradients(got, inputs, g), gradients(want, inputs, g), strict=True):
        torch.testing.assert_close(a, b, **tolerance)
