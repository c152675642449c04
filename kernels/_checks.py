"""What an op refuses, in words: every message names the argument, what came and what would be right."""

import torch

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def check(holds, message):
    if not holds:
        raise ValueError(message)


def check_choice(name, value, choices):
    check(value in choices, f"{name} is {value!r}; it can be {', '.join(map(repr, choices))}")


def check_clip(x):
    """x (N, C, T, H, W), of a floating type, with at least one channel, frame, row and column."""
    check(isinstance(x, torch.Tensor), f"x is a {type(x).__name__}; it must be a tensor (N, C, T, H, W)")
    check(x.dim() == 5, f"x has shape {tuple(x.shape)}; it must be (N, C, T, H, W)")
    check(x.dtype in FLOATS, f"x is {x.dtype}; it must be float16, bfloat16, float32 or float64")
    check(all(n > 0 for n in x.shape[1:]), f"x has shape {tuple(x.shape)}; only the batch may be empty")


def check_like(name, value, x, shape, dtype):
    """A tensor that goes with x: its shape, its type, x's device."""
    check(isinstance(value, torch.Tensor), f"{name} is a {type(value).__name__}; it must be a tensor {shape}")
    check(tuple(value.shape) == tuple(shape), f"{name} has shape {tuple(value.shape)}; for this x it must be {shape}")
    dtypes = dtype if isinstance(dtype, tuple) else (dtype,)
    right = " or ".join(str(d) for d in dict.fromkeys(dtypes))
    check(value.dtype in dtypes, f"{name} is {value.dtype}; for an x of {x.dtype} it must be {right}")
    check(value.device == x.device, f"{name} is on {value.device}, x on {x.device}; they must be on the same device")


def working_dtype(x):
    """The type that arithmetic is done in: float32 for half precision."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def parameter_dtypes(x):
    """The types that learned parameters may have: the one that arithmetic is done in, or that of x."""
    return working_dtype(x), x.dtype


def axes(name, value, count, least):
    """An int, or one per axis -> list of `count` ints."""
    values = [value] * count if isinstance(value, int) else list(value)
    right = len(values) == count and all(isinstance(v, int) and v >= least for v in values)
    check(right, f"{name} is {value!r}; it must be an int >= {least}, or {count} of them")
    return values
