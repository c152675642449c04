"""Every argument of every op: what it takes beside the usual, and what it refuses, in a ValueError that names it."""

from collections import OrderedDict
from types import MappingProxyType

import numpy as np
import pytest
import torch
from torch import nn

import kernels
from kernels import (
    depthwise_subkernel_conv3d,
    frame_cache,
    frame_shift,
    shift2d,
    shift3d,
    subkernel_conv3d,
    temporal_filter,
    tsm_offset,
)

X, SHIFT, OFFSET, TAPS = torch.randn(2, 4, 3, 5, 6), torch.rand(3, 4), tsm_offset(4, 4), torch.rand(4, 3)
WEIGHTS = {"kxkxk": torch.randn(4, 1, 3, 3, 3)}
DENSE = {"kxkxk": torch.randn(2, 4, 3, 3, 3), "1xkxk": torch.randn(1, 4, 1, 3, 3)}
BACK = tsm_offset(4, 4, causal=True)
NAN, INFINITY = float("nan"), float("inf")

CALLS = {
    "shift3d": lambda x=X, shift=SHIFT, **k: shift3d(x, shift, **k),
    "shift2d": lambda x=X, shift=SHIFT[1:], **k: shift2d(x, shift, **k),
    "frame_shift": lambda x=X, offset=OFFSET, **k: frame_shift(x, offset, **k),
    "temporal_filter": lambda x=X, weight=TAPS, **k: temporal_filter(x, weight, **k),
    "subkernel_conv3d": lambda x=X, weights=DENSE, **k: subkernel_conv3d(x, weights, **k),
    "depthwise_subkernel_conv3d": lambda x=X, weights=WEIGHTS, **k: depthwise_subkernel_conv3d(x, weights, **k),
    "tsm_offset": lambda channels=8, **k: tsm_offset(channels, **k),
    "frame_cache": lambda x=X, offset=BACK: frame_cache(x, offset),
}
SHIFTS, CONVOLUTIONS = ["shift3d", "shift2d"], ["subkernel_conv3d", "depthwise_subkernel_conv3d"]
CLIPS = [name for name in CALLS if name != "tsm_offset"]

# argument: (the calls that have it, values that are refused)
REFUSED = {
    "x": (CLIPS, [None, 1.0, [[1.0]], np.ones((2, 4, 3, 5, 6)), X[0, 0], X.long(), X.bool(), X.to(torch.complex64),
                  X[:, :0], X[:, :, :0], X[..., :0], X.to_sparse(), X[None]]),
    "backend": (CLIPS[:-1], [None, 1, "gpu", "CPU", "cuda", ["cpu"], X]),
    "shift": (SHIFTS, [None, 0, X, SHIFT[:1], SHIFT[..., None], SHIFT.double(), SHIFT.long(), SHIFT.to("meta")]),
    "offset": (["frame_shift", "frame_cache"],
               [None, 1, [1, 0, -1, 0], OFFSET[:2], OFFSET[None], OFFSET.int(), OFFSET.float(), OFFSET.to("meta")]),
    "cache": (["frame_shift"], [1, "yes", X[0], X[:1, :1], X[:, :1, :, :2], X[:, :1].double(), X[:, :1].to("meta")]),
    "weight": (["temporal_filter"], [None, X, TAPS.T, TAPS.double(), TAPS.long(), TAPS.to("meta")]),
    "weights": (CONVOLUTIONS, [None, {}, [], X, {"3x3x3": X}, {1: X}, {"kxkxk": None}, {"kxkxk": [1.0]},
                               {"kxkxk": torch.ones(4, 3, 3)}, {"kxkxk": torch.ones(4, 1, 2, 2, 2)},
                               {"kxkxk": torch.ones(4, 1, 0, 0, 0)}, {"kxkxk": torch.ones(0, 1, 3, 3, 3)},
                               {"kxkxk": torch.ones(4, 2, 3, 3, 3)}, {"kxkxk": torch.ones(4, 1, 3, 3, 3).double()},
                               {"kxkxk": torch.ones(4, 1, 3, 3, 3, device="meta")}, {"1xkxk": WEIGHTS["kxkxk"]}]),
    "stride": (SHIFTS + CONVOLUTIONS, [None, 0, -1, 1.0, 2.5, NAN, True, "2", (1, 2, 2, 2), (), (1.0, 1, 1), [1, None],
                                       1 << 40, torch.tensor(2), np.float64(2)]),
    "padding": (SHIFTS, [None, -1, 0.5, NAN, False, "0", (1, 2, 2, 2), (), 1 << 40, torch.tensor(0)]),
    "quantize": (SHIFTS, [None, 1, 0.0, "no", torch.tensor(True)]),
    "normalize_grad": (SHIFTS, [None, 1, "yes"]),
    "integer_rule": (SHIFTS, [None, 0, "reference", "proper", ["central"]]),
    "t_factor": (["shift3d"], [None, "T", NAN, INFINITY, True, [1.0], torch.tensor(1.0)]),
    "temperature": (["temporal_filter"], [None, 0, 0.0, -1.0, NAN, INFINITY, True, "2", [2.0], torch.tensor(0.0),
                                          torch.tensor(-1.0), torch.tensor(NAN), torch.ones(2), torch.tensor(2),
                                          torch.ones(2, 2), torch.ones((), device="meta")]),
    "channels": (["tsm_offset"], [None, 0, -8, 8.0, "8", True]),
    "div": (["tsm_offset"], [None, 0, 1, -2, 4.0, "8", True]),
    "causal": (["tsm_offset"], [None, 1, "yes"]),
}  # fmt: skip
NAMES = {"weights": "weights|channels", "offset": "offset|cannot look ahead"}


def test_every_function_is_in_the_table():
    assert set(CALLS) == set(kernels.__all__) - {"KINDS", "eager", "kernel_size", "pays"}


@pytest.mark.parametrize("argument", REFUSED)
def test_is_refused_by_name(argument):
    calls, values = REFUSED[argument]
    for name in calls:
        for value in values:
            with pytest.raises(ValueError, match=NAMES.get(argument, argument)):
                pytest.fail(f"{name}: {argument}={value!r} gave {CALLS[name](**{argument: value})}")


TAKEN = {
    "stride": (SHIFTS + CONVOLUTIONS, 2, [np.int64(2), np.int32(2)]),
    "padding": (SHIFTS, 1, [np.int64(1)]),
    "quantize": (SHIFTS, True, [np.True_]),
    "t_factor": (["shift3d"], 2.0, [2, np.float32(2), np.int64(2)]),
    "temperature": (["temporal_filter"], 2.0, [2, np.float64(2), torch.tensor(2.0), torch.tensor([2.0])]),
    "channels": (["tsm_offset"], 8, [np.int64(8)]),
}


@pytest.mark.parametrize("argument", TAKEN)
def test_is_taken(argument):
    calls, usual, others = TAKEN[argument]
    for name in calls:
        for value in others:
            torch.testing.assert_close(CALLS[name](**{argument: value}), CALLS[name](**{argument: usual}))


@pytest.mark.parametrize("make", [list, tuple, torch.Size, np.array])
def test_axes(make):
    assert torch.equal(shift3d(X, SHIFT, make([1, 2, 2])), shift3d(X, SHIFT, (1, 2, 2)))
    assert torch.equal(subkernel_conv3d(X, DENSE, make([1, 2, 2])), subkernel_conv3d(X, DENSE, (1, 2, 2)))


@pytest.mark.parametrize("make", [OrderedDict, MappingProxyType, nn.ParameterDict])
def test_weights_may_lie_in_any_mapping(make):
    """In its own order: a ParameterDict sorts the kinds of a dict that it is made of."""
    weights = make(DENSE)
    assert torch.equal(subkernel_conv3d(X, weights), subkernel_conv3d(X, dict(weights.items())))
    assert torch.equal(depthwise_subkernel_conv3d(X, make(WEIGHTS)), depthwise_subkernel_conv3d(X, WEIGHTS))


def test_weights_of_two_types():
    with pytest.raises(ValueError, match="must be of one type"):
        subkernel_conv3d(X.half(), {"kxkxk": DENSE["kxkxk"], "1xkxk": DENSE["1xkxk"].half()})
