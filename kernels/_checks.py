"""What an op refuses, in words: every message names the argument, what came and what would be right.

A message with values in it is a function, called only if the check fails: traced code must not format a size.
"""

import math

import numpy as np
import torch

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def check(holds, message):
    if not holds:
        raise ValueError(message() if callable(message) else message)


def check_choice(name, value, choices):
    right = isinstance(value, str) and value in choices
    check(right, lambda: f"{name} is {value!r}; it can be {', '.join(map(repr, choices))}")


def check_flag(name, value):
    check(isinstance(value, bool | np.bool_), lambda: f"{name} is {value!r}; it must be True or False")
    return bool(value)


def check_tensor(name, value, shape):
    is_one = isinstance(value, torch.Tensor)
    check(is_one, lambda: f"{name} is a {type(value).__name__}; it must be a tensor {shape}")
    check(value.layout == torch.strided, lambda: f"{name} has the layout {value.layout}; it must be a dense tensor")


def check_clip(x, shape="(N, C, T, H, W)"):
    """x (N, C, T, H, W), of a floating type, with at least one channel, frame, row and column."""
    check_tensor("x", x, shape)
    check(x.dim() == 5, lambda: f"x has shape {tuple(x.shape)}; it must be {shape}")
    check(x.dtype in FLOATS, lambda: f"x is {x.dtype}; it must be float16, bfloat16, float32 or float64")
    check(all(n > 0 for n in x.shape[1:]), lambda: f"x has shape {tuple(x.shape)}; only the batch may be empty")


def check_like(name, value, x, shape, dtype):
    """A tensor that goes with x: its shape, its type (or one of several), x's device."""
    check_tensor(name, value, tuple(shape))
    fits = value.dim() == len(shape) and all(n == m for n, m in zip(value.shape, shape, strict=True))
    check(fits, lambda: f"{name} has shape {tuple(value.shape)}; for this x it must be {tuple(shape)}")
    dtypes = dtype if isinstance(dtype, tuple) else (dtype,)
    right = " or ".join(str(d) for d in dict.fromkeys(dtypes))
    check(value.dtype in dtypes, lambda: f"{name} is {value.dtype}; for an x of {x.dtype} it must be {right}")
    same = value.device == x.device
    check(same, lambda: f"{name} is on {value.device}, x on {x.device}; they must be on the same device")


def check_values(holds, value, message, traced):
    """A check of a tensor's values: a ValueError where they can be seen at no cost, in eager code on the CPU; compiled
    or on a GPU, where looking would wait, an assertion on the device: a RuntimeError."""
    if torch.compiler.is_compiling() or value.device.type != "cpu" or not can_be_read(value):
        torch._assert_async(holds, traced)
    else:
        check(bool(holds), message)


def can_be_read(value):
    """Whether it has one value: no fake tensor, none of functorch's."""
    return type(value) in (torch.Tensor, torch.nn.Parameter) and not torch._C._functorch.is_functorch_wrapped_tensor(
        value
    )


def working_dtype(x):
    """The type that arithmetic is done in: float32 for half precision."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def parameter_dtypes(x):
    """The types that learned parameters may have: the one that arithmetic is done in, or that of x."""
    return working_dtype(x), x.dtype


def is_number(value, kinds=(int, float, np.integer, np.floating)):
    return isinstance(value, kinds) and not isinstance(value, bool) and -math.inf < value < math.inf


def is_whole(value, least):
    return is_number(value, (int, np.integer)) and least <= value < 1 << 31


def axes(name, value, count, least):
    """An int, or one per axis -> list of `count` ints."""
    values = list(value) if isinstance(value, list | tuple | np.ndarray) else [value] * count
    right = len(values) == count and all(is_whole(v, least) for v in values)
    check(right, lambda: f"{name} is {value!r}; it must be an int >= {least}, or {count} of them")
    return [int(v) for v in values]
