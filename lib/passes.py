"""A net's passes in training, otherwise than operator by operator with all kept: compiled, checkpointed, deterministic.

The net itself stays as it is, and so do the keys of its state dict; what is called in its place is another function.
Source: Chen et al., Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174, sec. 4 (checkpoints).
"""

import os
from contextlib import contextmanager, nullcontext
from functools import partial

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from lib.distributed import processes
from lib.models import unwrapped

# PyTorch has no backward pass of these on CUDA whose sums have one order
DISORDERLY = (nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Upsample)
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"  # without it, cuBLAS' sums have none either


def forward_of(net, recipe):
    """What a training calls in place of `net`: f(clips) -> logits, with the gradients and the keys of the net.

    recipe  of lib.recipe: `compile` and `checkpointing`
    ValueError: both at once, one of several processes, or a net that cannot be checkpointed
    """
    if (recipe["compile"] or recipe["checkpointing"]) and processes() > 1:
        raise ValueError("compile and checkpointing: norms of several processes wait for each other; start one")
    if recipe["compile"] and recipe["checkpointing"]:
        raise ValueError(
            "compile and checkpointing: torch.compile cannot keep norms still in a second pass; choose one"
        )
    if recipe["compile"]:
        return compiled(net, recipe["compile"])
    return partial(_checkpointed, net, blocks_of(net)) if recipe["checkpointing"] else net


def compiled(net, backend=True):
    """torch.compile for clips of one size; RuntimeError, with the reason, where the compiler gives up.

    Every size is compiled anew: for sizes that vary, PyTorch 2.13's Inductor fails in stock convolutions already
    (ValueRangeError; tests/lib/test_passes.py).
    backend  True: Inductor, which needs a C++ compiler on a CPU and Triton on a GPU; or another one's name
    """
    from torch._dynamo import config
    from torch._dynamo.exc import TorchDynamoException

    torch.compiler.reset()  # what other nets of this process were compiled for is nothing to this one
    call = torch.compile(net, dynamic=False, backend="inductor" if backend is True else backend)

    def forward(clips):
        try:
            with config.patch(fail_on_recompile_limit_hit=True):  # else it would go on eagerly, with other last bits
                return call(clips)
        except TorchDynamoException as error:
            why = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            name = getattr(unwrapped(net), "registered_as", type(unwrapped(net)).__name__)
            raise RuntimeError(f"compile: {name} cannot be compiled here: {why}; train it without") from error

    return forward


def blocks_of(net):
    """The modules of a net whose activations need not be kept: those of its stages, one by one."""
    inner = unwrapped(net)
    if isinstance(net, nn.DataParallel) or not hasattr(inner, "roles"):
        raise ValueError(
            f"checkpointing: {type(net).__name__} does not say what its stages are; lib.models.VideoNet.roles does"
        )
    stages = [module for role, modules in inner.roles().items() if role.startswith("stage") for module in modules]
    return [block for stage in stages for block in (stage if isinstance(stage, nn.Sequential) else [stage])]


def _checkpointed(net, blocks, clips):
    """net(clips), with the input of every block kept alone: what is between is computed again in the backward pass."""
    called, own = set(), [vars(block).get("forward") for block in blocks]

    def again(block, forward, *inputs, **named):
        called.add(block)
        contexts = {"context_fn": lambda: (nullcontext(), _still(block))}
        return checkpoint(forward, *inputs, use_reentrant=False, **contexts, **named)

    try:
        for block in blocks:
            block.forward = partial(again, block, block.forward)
        outputs = net(clips)
    finally:
        for block, forward in zip(blocks, own, strict=True):
            vars(block).update(forward=forward) if forward else vars(block).pop("forward", None)
    if not called:
        raise ValueError(f"checkpointing: {type(unwrapped(net)).__name__} calls none of its stages as a module")
    return outputs


@contextmanager
def _still(block):
    """Norms gather statistics in the first pass; what the second one, for gradients, does to buffers is undone."""
    found = [
        (module, name, tensor) for module in block.modules() for name, tensor in module.named_buffers(recurse=False)
    ]
    try:
        for module, name, tensor in found:
            setattr(module, name, tensor.clone())
        yield
    finally:
        for module, name, tensor in found:
            setattr(module, name, tensor)


@contextmanager
def deterministic(wanted, net, device="cpu"):
    """Inside, PyTorch takes only operators that give the same bits every time, and refuses others.

    Our own kernels add in a fixed order everywhere. On a CPU a training is deterministic without it.
    ValueError, before anything runs: what of the net has no such operator on CUDA. RuntimeError: what turns up later
    """
    if not wanted:
        yield
        return
    _check_deterministic(net, device)
    cudnn, before = torch.backends.cudnn, torch.get_deterministic_debug_mode()
    benchmark = cudnn.benchmark
    try:
        torch.use_deterministic_algorithms(True)
        cudnn.benchmark = False  # it would choose algorithms by the clock
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise RuntimeError(f"deterministic: {str(error).partition('.')[0]}; train this net without it") from error
    finally:
        torch.set_deterministic_debug_mode(before)
        cudnn.benchmark = benchmark


def _check_deterministic(net, device):
    if torch.device(device).type != "cuda":
        return
    if os.environ.get(WORKSPACE) not in (":4096:8", ":16:8"):
        raise ValueError(f"deterministic needs {WORKSPACE}=:4096:8 in the environment before Python starts")
    if wrong := [f"{name} ({type(m).__name__})" for name, m in net.named_modules() if isinstance(m, DISORDERLY)]:
        raise ValueError(f"deterministic: on CUDA PyTorch has no such backward pass of {', '.join(wrong)}")
