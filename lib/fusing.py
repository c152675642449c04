"""A net that only evaluates, made of one that trains: norms folded into convolutions, activations computed with them.

fused = fuse(net, clip=(3, 16, 112, 112))

What may be folded is not guessed from names: a copy of the net on the meta device sees a clip, and every tensor's
reader is known. A norm is folded where all that it reads are convolutions, added or joined, that nobody else reads:

    norm(conv(x)) = scale * (W x + b - mean) + bias,   scale = weight / sqrt(variance + eps)

so W becomes scale * W. All other norms stay: those before a convolution, those of convolutions that take no bias
(lib.models.swap), of a supernet that drops channels, and what a hook looks at.
"""

import copy
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from lib.cost import Recorder, clip_for
from lib.models.fused import ACTIVATIONS, CONVOLUTIONS, JOINED, ONCE, Folded, Fused, JoinedConvs
from lib.models.layers import FrozenBatchNorm
from lib.on_meta import bare, on_meta, plainly
from lib.precision import has_bf16

PRECISIONS = ("fp32", "bf16")
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
FOLDABLE = (*CONVOLUTIONS, nn.Conv1d, nn.Conv2d)


def fuse(net, clip=(3, 16, 112, 112), precision="fp32"):
    """A copy of a net that evaluates faster: the same logits up to rounding; it cannot be trained.  -> Fused

    net        any module; it is left as it was
    clip       (3, T, H, W), a clip that it takes: where code of its own asks for the size, what holds is what this
               clip shows
    precision  "fp32" keeps the net's type. "bf16": convolutions and linear layers in bfloat16 (lib.precision.has_bf16
               says whether a device is made for it), which moves the logits, and 1 in 300 answers (bench/README.md)
    ValueError: an unknown precision, a clip that the net cannot take, weights that are beyond float32 when folded
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; it can be {' or '.join(map(repr, PRECISIONS))}")
    net = bare(net)
    net = net.net if isinstance(net, Fused) else net
    with plainly():
        twin = _in_plain_sight(copy.deepcopy(net).eval())
        flow = Flow(twin, clip)
        _apply(twin, flow)
        _check_finite(twin)
        if precision == "bf16":
            _narrow(twin)
    return Fused(twin.requires_grad_(False), precision)


def _check_finite(net):
    """ValueError: a folded weight is NaN or infinite. The activations of a CPU's fused layers make numbers of NaN."""
    for name, weight in net.named_parameters():
        if not weight.is_meta and not torch.isfinite(weight).all():
            raise ValueError(f"{name} is beyond {str(weight.dtype).removeprefix('torch.')} with its norm folded in")


def fused_for(net, protocol, precision="fp32", device="cpu"):
    """`fuse` for the clips of a Protocol.  ValueError: bf16 on a device that has none of its own"""
    if precision == "bf16" and not has_bf16(device):
        raise ValueError(f"precision bf16: this {device} has no bfloat16 of its own; take fp32")
    return fuse(net, (getattr(net, "in_channels", 3), protocol.frames, protocol.size, protocol.size), precision)


def _in_plain_sight(net):
    """The net, layers that hide a norm or a convolution exchanged for plain ones; in place."""
    for module in net.modules():
        if type(module) is FrozenBatchNorm:
            module.__class__ = nn.BatchNorm3d
        elif type(module) in JOINED and module.op_backend == "auto" and not _hooked(module):
            module.__class__ = JoinedConvs
    return net


def _hooked(module):
    """Whether somebody looks at what goes in or out: then it must go on being called with it."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


@dataclass(frozen=True)
class Part:
    """A convolution (its module's name) whose output is channels `start` to `stop` of what a norm reads."""

    conv: str
    start: int
    stop: int
    shifts: bool  # whether it adds the norm's shift: of several that are added, the first


class Flow:
    """One forward pass of a net on the meta device, as numbered calls of operators, and who reads what they make."""

    def __init__(self, net, clip):
        meta, begun = on_meta(net), {}
        self.modules = {name: module for name, module in meta.named_modules() if not _hooked(module)}
        for name in self.of_types(ACTIVATIONS):
            # an activation is one operator: the next that runs
            self.modules[name].register_forward_pre_hook(lambda *_, n=name: begun.update({len(recorder.calls): n}))
        with Recorder() as recorder:
            out = meta(clip_for(net, clip, "meta"))
        self.calls, self.activations = recorder.calls, begun  # number: the activation's name
        self.readers, self.sources = _links(self.calls, out)
        self.owners = {id(self.modules[name].weight): name for name in self.of_types(FOLDABLE)}
        self.convs = self._called({n: self.conv_of(call) for n, call in enumerate(self.calls)})
        norms = {id(self.modules[name].running_mean): name for name in self.of_types(NORMS)}
        self.norms = self._called({n: norms.get(id(call.args[3])) for n, call in enumerate(self.calls) if _norms(call)})

    def of_types(self, types):
        """Names of the modules that are of these types, and not of types made of them."""
        return [name for name, module in self.modules.items() if type(module) in types]

    def _called(self, names):
        """{number of a call: name of its module}, of modules that are called once."""
        times = Counter(names.values())
        return {number: name for number, name in names.items() if name is not None and times[name] == 1}

    def conv_of(self, call):
        """The module of a convolution's weight, or of what the weight is a view of; None if there is none."""
        return self.owner(call.args[1]) if call.name == "aten::convolution" and not call.args[6] else None

    def owner(self, weight):
        view = next((c for c in self.calls if c.is_view and c.result is weight), None)
        return self.owners.get(id(view.args[0] if view else weight))

    def folds(self):
        """{name of a norm that can be folded: [Part]}"""
        found = {name: self.parts(self.sources[number][0], number) for number, name in self.norms.items()}
        return {name: parts for name, parts in found.items() if parts}

    def parts(self, number, reader, start=0, shifts=True):
        """The convolutions that a tensor is the sum of, or is joined of.  -> [Part]; [] if others made it or read it

        number, reader  the calls that made the tensor, and that alone may read it
        """
        if number is None or self.readers[number] != [reader]:
            return []
        call = self.calls[number]
        if number in self.convs:
            return [Part(self.convs[number], start, start + call.out.shape[1], shifts)]
        operands = _operands(call, self.sources[number])
        found = [self.parts(maker, number, start + first, shifts and also) for maker, first, also in operands]
        return [part for parts in found for part in parts] if all(found) else []

    def activated(self, folds):
        """{name of a convolution: the activation that alone reads it, or its norm's output}"""
        last = {name: number for number, name in self.convs.items()}
        for number, norm in self.norms.items():
            if len(parts := folds.get(norm, [])) == 1:
                last[parts[0].conv] = number
        after = {name: self.readers[number] for name, number in last.items()}
        return {name: self.activations[n[0]] for name, n in after.items() if len(n) == 1 and n[0] in self.activations}


def _norms(call):
    return call.kind == "norm"


def _operands(call, makers):
    """[(the call that made an operand, its first channel in the result, whether it takes the norm's shift)] of a sum or
    a join of channels; [] of anything else."""
    base, size = call.name.removeprefix("aten::").rstrip("_"), call.out.shape
    if base == "add" and len(makers) == 2 and call.kwargs.get("alpha", 1) == 1:
        alike = all(operand.shape == size for operand in call.args[:2])
        return [(makers[0], 0, True), (makers[1], 0, False)] if alike else []
    if base == "cat" and (*call.args, call.kwargs.get("dim", 0))[1] == 1:
        ends = list(accumulate((part.shape[1] for part in call.args[0]), initial=0))
        return [(maker, first, True) for maker, first in zip(makers, ends, strict=False)]
    return []


def _links(calls, out):
    """Two dicts by the number of a call: the calls that read what it made; the calls that made what it reads, or None.

    A tensor that is written in place is another one from then on; what the net returns has a reader, too.
    """
    readers, sources, made = defaultdict(list), {}, {}
    for number, call in enumerate(calls):
        read = _tensors((call.args, call.kwargs))
        sources[number] = [made.get(id(tensor)) for tensor in read]
        for maker in filter(lambda m: m is not None, sources[number]):
            readers[maker].append(number)
        made.update({id(tensor): number for tensor in _tensors(call.result)})
    for tensor in _tensors(out):
        readers[made.get(id(tensor))].append(len(calls))
    return readers, sources


def _tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def _apply(net, flow):
    """Fold what can be folded, and let convolutions compute what follows them; in place."""
    folds = flow.folds()
    activated = flow.activated(folds)
    for name, parts in folds.items():
        norm = net.get_submodule(name)
        for part in parts:
            _fold(net.get_submodule(part.conv), norm, part)
        _replace(net, norm)
    for name in flow.of_types(CONVOLUTIONS):
        conv = net.get_submodule(name)
        if conv.padding_mode == "zeros" and not isinstance(conv.padding, str):
            conv.__class__ = CONVOLUTIONS[type(conv)]
            conv.turns = hasattr(net, "registered_as")  # nets of the suite take any memory format, others may not
            if name in activated:
                act = net.get_submodule(activated[name])
                conv.act = getattr(act, "kind", type(act))
                act.__class__ = ONCE[conv.act]


def _fold(conv, norm, part):
    """Let a convolution compute its part of a norm, too; in place."""
    work, here = torch.float64, slice(part.start, part.stop)
    scale = torch.rsqrt(norm.running_var.to(work) + norm.eps)
    scale = scale if norm.weight is None else scale * norm.weight.to(work)
    shift = -norm.running_mean.to(work) * scale + (0 if norm.bias is None else norm.bias.to(work))
    bias = (shift if part.shifts else torch.zeros_like(shift))[here]
    if conv.bias is not None:
        bias = bias + conv.bias.to(work) * scale[here]
    weight = conv.weight.to(work) * scale[here].view(-1, *[1] * (conv.weight.ndim - 1))
    conv.weight, conv.bias = (nn.Parameter(new.to(conv.weight.dtype)) for new in (weight, bias))


def _replace(net, norm):
    """Put nothing in place of a norm, wherever it stands."""
    for module in net.modules():
        for name, child in module._modules.items():
            if child is norm:
                module._modules[name] = nn.Identity()


def _narrow(net):
    for module in net.modules():
        if isinstance(module, Folded | nn.Linear):
            module.to(torch.bfloat16)
