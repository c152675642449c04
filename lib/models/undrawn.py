"""On the meta device nothing is drawn: PyTorch's way to draw no numbers there takes half of a net's building."""

import contextlib

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

DRAWS = {torch.Tensor.normal_, torch.Tensor.uniform_, nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_}


class _Undrawn(TorchFunctionMode):
    """A tensor that has no values stays as it is, whatever should be drawn into it; all else as ever."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in DRAWS and (tensor := args[0] if args else kwargs["tensor"]).is_meta:
            return tensor
        return function(*args, **kwargs)


def undrawn():
    """A block in which a net is built; on any other device an empty one."""
    return _Undrawn() if torch.get_default_device().type == "meta" else contextlib.nullcontext()
