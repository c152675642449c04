"""In which number type a training's passes compute; weights, their gradients and the loss stay float32.

Micikevicius et al., Mixed Precision Training, ICLR 2018, arXiv:1710.03740: sec. 3.1 (weights in float32), 3.2 (the loss
is scaled, so that small gradients do not become 0 in float16). bfloat16 has float32's range and needs no scale.
"""

from contextlib import nullcontext

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from lib.models.shifts import Shift

DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
DEVICES = {"bf16": ("cpu", "cuda"), "fp16": ("cuda",)}  # where a net's operators know it; fp32: everywhere

# What "auto" takes on a device. On a CPU that has it, bf16 trains all nets of results/shipped/precision.csv 1.4 to 2.2
# times as fast, but that a net learns as much in it is not shown yet, over seeds. So nothing stands here, and auto is
# fp32 everywhere: {"cpu": "bf16"} is the row to add.
AUTO = {}


def settle(recipe, device):
    """The recipe with a precision in the place of "auto": the one of AUTO, if the device has it."""
    if recipe["precision"] != "auto":
        return recipe
    best = AUTO.get(torch.device(device).type, "fp32")
    return {**recipe, "precision": best if best != "bf16" or has_bf16(device) else "fp32"}


def has_bf16(device="cpu"):
    """Whether a device multiplies in bfloat16 itself: where it does not, bf16 is coarser and not faster."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def check_scaling(net):
    """ValueError: a net with learned shifts cannot train with a scaled loss.

    Their gradient has unit length whatever the loss is, so that it would be divided by a scale that it never had.
    """
    if any(isinstance(module, Shift) and module.shift.requires_grad for module in net.modules()):
        raise ValueError(
            "precision fp16 scales the loss, and the unit gradient of learned shifts cannot be scaled back: "
            "take precision bf16 or fp32"
        )


class Precision:
    """`with precision.passes(): net(clips)`, then `precision.scaler` around the backward pass and the optimizer.

    name    fp32, bf16 or fp16
    device  where the net is
    ValueError: the device does not know the type
    """

    def __init__(self, name, device="cpu"):
        kind = torch.device(device).type
        if kind not in DEVICES.get(name, (kind,)):
            there = [other for other in DTYPES if kind in DEVICES.get(other, (kind,))]
            raise ValueError(f"precision {name} needs {' or '.join(DEVICES[name])}; {kind} has {', '.join(there)}")
        if name == "bf16" and kind == "cuda" and not torch.cuda.is_bf16_supported():
            raise ValueError(f"{torch.cuda.get_device_name(device)} has no bfloat16; take precision fp16 or fp32")
        self.name, self.kind, self.dtype = name, kind, DTYPES[name]
        self.scaler = torch.amp.GradScaler("cuda", enabled=name == "fp16")  # does nothing where it is not enabled

    def passes(self):
        """A context for forward passes."""
        return torch.autocast(self.kind, self.dtype) if self.dtype else nullcontext()

    def guarded(self):
        """A context for passes forward and back: see the function."""
        return guarded(self.kind, self.name)

    def wide(self, outputs):
        """Logits, or a tuple of them, for a loss in float32."""
        if not self.dtype:
            return outputs
        return tuple(map(torch.Tensor.float, outputs)) if isinstance(outputs, tuple | list) else outputs.float()

    def state(self):
        """What a resumed training needs; {} unless the loss is scaled."""
        return {"scaler": self.scaler.state_dict()} if self.scaler.is_enabled() else {}

    def load(self, saved):
        """`state()` of a checkpoint."""
        if self.scaler.is_enabled() and "scaler" in saved:
            self.scaler.load_state_dict(saved["scaler"])


def guarded(device, precision):
    """A context in which a device computes in float32 what it computes wrongly in 16 bits."""
    return SmallInFloat32() if (device, precision) == ("cpu", "bf16") else nullcontext()


class SmallInFloat32(TorchFunctionMode):
    """Convolutions over less than their kernel's size, such as 3 frames wide over 2 frames.

    PyTorch 2.13's in bfloat16 on a CPU (oneDNN) read memory there that nobody wrote: other bits each time, or NaN.
    """

    def __torch_function__(self, function, types, arguments=(), named=None):
        named = named or {}
        if function in CONVOLUTIONS and smaller(*arguments[:2]):
            with torch.autocast("cpu", enabled=False):
                wide = [a.float() if isinstance(a, torch.Tensor) else a for a in arguments]
                return function(*wide, **{k: v.float() if isinstance(v, torch.Tensor) else v for k, v in named.items()})
        return function(*arguments, **named)


CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)


def smaller(x=None, weight=None, *_):
    """Whether clips are smaller than a convolution's kernel."""
    return weight is not None and any(size < k for size, k in zip(x.shape[2:], weight.shape[2:], strict=True))
