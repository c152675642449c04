"""What the tests of all ops share: formats, golden files, one way to compare two versions."""

import json
from pathlib import Path

import hypothesis
import torch

GOLDEN = Path(__file__).parents[1] / "golden"
FORMATS = ["contiguous", "channels_last_3d", "sliced", "expanded"]

hypothesis.settings.register_profile("kernels", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("kernels")


def golden_cases(name):
    return json.loads((GOLDEN / f"{name}.golden.json").read_text())["cases"]


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
    return torch.autograd.grad(y, [i for i in inputs if i.requires_grad], g)


def same_format(y, x):
    """Whether an op that was given x may write y: channels_last_3d for channels_last_3d, else contiguous."""
    channels_last = x.is_contiguous(memory_format=torch.channels_last_3d) and not x.is_contiguous()
    return y.is_contiguous(memory_format=torch.channels_last_3d if channels_last else torch.contiguous_format)


def assert_versions_agree(op, inputs, g_layout="contiguous", **tolerance):
    """op(*inputs, backend=...) on the reference and on the CPU: outputs, gradients, formats."""
    want, got = op(*inputs, backend="reference"), op(*inputs, backend="cpu")
    torch.testing.assert_close(got, want, **tolerance)
    assert same_format(got, want) and same_format(got, inputs[0])
    g = in_format(torch.randn_like(want), g_layout)
    for a, b in zip(gradients(got, inputs, g), gradients(want, inputs, g), strict=True):
        torch.testing.assert_close(a, b, **tolerance)
