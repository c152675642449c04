"""A net as it is, and as a copy on the meta device that computes nothing: what `lib.cost` counts.

Counts are facts about the net alone. So the caller's mode does not reach it: inference mode, autocast and compilation
are switched off, wrappers are taken off.
"""

import contextlib
import copy
import sys

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map


@contextlib.contextmanager
def plainly():
    """Run as plain eager PyTorch without gradients, whatever mode the caller is in."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))  # there, other operators reach a counter
        stack.enter_context(torch.no_grad())
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and to import it takes seconds
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        for device in filter(torch.is_autocast_enabled, ("cpu", "cuda")):
            stack.enter_context(torch.autocast(device, enabled=False))
        yield


def bare(net):
    """The net inside `torch.compile`, DataParallel, DDP or an ExportedProgram."""
    while True:
        if isinstance(getattr(net, "_orig_mod", None), nn.Module):
            net = net._orig_mod
        elif isinstance(net, nn.DataParallel | nn.parallel.DistributedDataParallel):
            net = net.module
        elif not isinstance(net, nn.Module) and hasattr(net, "graph_module"):
            net = net.module()
        else:
            return net


def on_meta(net):
    """A copy of the net with all its tensors on the meta device, in evaluation mode; no memory is copied."""
    memo = {}
    for parameter in net.parameters():
        memo[id(parameter)] = nn.Parameter(twin(parameter), parameter.requires_grad)
    with _TensorsOnMeta():
        return evaluating(copy.deepcopy(net, memo))


def evaluating(net):
    """The net in evaluation mode; an exported one has none, and stays as it was exported."""
    with contextlib.suppress(NotImplementedError):
        net.eval()
    return net


def twin(tensor):
    """A tensor of the same shape, strides and type on the meta device."""
    if tensor.layout != torch.strided:
        return tensor.detach().to("meta")
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


class _TensorsOnMeta(TorchFunctionMode):
    """Buffers, plain attributes and tensors that were computed (pruned weights), which PyTorch does not copy."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is not torch.Tensor.__deepcopy__:
            return func(*args, **(kwargs or {}))
        tensor, memo = args
        return memo.setdefault(id(tensor), twin(tensor))


def together(arguments):
    """The arguments of an operator, all tensors on the meta device if one is: constants of the net's code are not."""
    tensors = [leaf for leaf in tree_leaves(arguments) if isinstance(leaf, torch.Tensor)]
    if len({tensor.device.type for tensor in tensors}) < 2 or not any(tensor.is_meta for tensor in tensors):
        return arguments
    return tree_map(lambda leaf: _to_meta(leaf) if isinstance(leaf, torch.Tensor) else leaf, arguments)


def _to_meta(tensor):
    if tensor.is_meta:
        return tensor
    if tensor.dtype == torch.bool and tensor.ndim:
        return tensor  # how many are chosen is in its values
    return twin(tensor)
