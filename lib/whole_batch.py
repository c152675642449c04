"""A process that has some clips of a batch computes what one process with all of them would.

A loss is the mean over all clips: each process has its share of it, by the number of its clips, and its gradients are
such that their sum over the processes is the gradient.

Three kinds of functions see more than one clip at a time. In training each is found where it is called, whatever module
calls it, and replaced as long as a `WholeBatch` is entered:

batch norm            its statistics are those of the clips of all processes, forward and backward
dropout, torch.rand   are drawn for the whole batch, of which a process takes the rows of its clips
shift                 the gradient of its distances becomes one of unit length after it was added up over the processes,
                      once per backward pass, as one process does it (see the class `Shift` and reference in kernels)

All processes must call the same functions in the same order: they wait for each other in every norm.
"""

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from kernels.shift.reference import normalised
from lib.distributed import add_up, place, processes, shares, stacked

NORMS = ("whole", "own")  # whose statistics a norm takes: those of all clips of the batch, of this process's clips


def passes(count, batch_size, *, mixed=False, norms="whole"):
    """What this process does of a step over `count` clips: an object for each forward and backward pass.

    mixed, norms  see `lib.distributed.shares` and NORMS
    """
    sizes = [min(batch_size, count - start) for start in range(0, count, batch_size)]
    if processes() == 1:
        return [Pass(range(size), size) for size in sizes]
    return [WholeBatch(shares(size, processes(), mixed)[place()], size, norms) for size in sizes]


def own_items(items, batch_size, mixed=False):
    """Those of the items of a step that are this process's, pass by pass. ValueError: a process has none in a pass"""
    found, start = [], 0
    for part in passes(len(items), batch_size, mixed=mixed):
        _check_shares(part.count, mixed)
        found += [items[start + row] for row in part.rows]
        start += part.count
    return found


def _check_shares(count, mixed):
    if not all(shares(count, processes(), mixed)):
        mixing = " (a clip and the one that it is mixed with stay together)" if mixed else ""
        raise ValueError(
            f"{count} clips in a forward pass are too few for {processes()} processes{mixing}: raise batch_size, which "
            "counts the clips of all processes, let last_step be 'drop', or start fewer processes"
        )


class Pass:
    """A forward and backward pass of one process alone; enter it around both.

    rows   of this process's clips in the batch, in their order
    count  clips of the batch
    """

    def __init__(self, rows, count):
        self.rows, self.count = list(rows), count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def share(self, mean, other):
        """This process's share of a sum: `mean` is taken over its clips, `other` is the same in all processes."""
        return mean + other


class WholeBatch(Pass, TorchFunctionMode):
    """A pass of one of several processes."""

    __enter__, __exit__ = TorchFunctionMode.__enter__, TorchFunctionMode.__exit__

    def __init__(self, rows, count, norms="whole"):
        TorchFunctionMode.__init__(self)
        Pass.__init__(self, rows, count)
        self.norms = norms

    def share(self, mean, other):
        return mean * (len(self.rows) / self.count) + other / processes()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        own = OWN.get(function)
        return own(self, function, *args, **(kwargs or {})) if own else function(*args, **(kwargs or {}))

    def whole_shape(self, shape):
        """The shape that a tensor of this process's clips has for all of them; frames folded into the clips' axis stay
        beside their clip. None: its first axis is not that of the clips"""
        each, rest = divmod(shape[0], len(self.rows)) if shape else (0, 1)
        return None if rest or not each else (self.count * each, *shape[1:])

    def mine(self, whole):
        """This process's rows of a tensor of the whole batch."""
        each = len(whole) // self.count
        return whole.unflatten(0, (self.count, each))[self.rows].flatten(0, 1)


def _norm(mode, function, x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if not training or mode.norms == "own":
        return function(x, mean, var, weight, bias, training, momentum, eps)
    weight = _wide(x).new_ones(x.shape[1]) if weight is None else weight
    bias = torch.zeros_like(weight) if bias is None else bias
    with torch.no_grad():
        center, spread, size = _statistics(x.detach())
        if mean is not None:
            mean.lerp_(center.to(mean.dtype), momentum)
            var.lerp_((spread * (size / (size - 1))).to(var.dtype), momentum)
    return _Norm.apply(x, weight, bias, center, spread, size, eps)


def _statistics(x):
    """Mean and variance (C,) of the clips of all processes, and how many numbers of a channel they are of."""
    mean, var = torch.ops.aten.batch_norm_update_stats(_wide(x), None, None, 0.0)  # what F.batch_norm calls itself
    size = mean.new_full((1,), x.numel() // x.shape[1])
    sizes, means, variances = stacked(torch.cat([size, mean, var])).split([1, len(mean), len(var)], 1)
    total = sizes.sum()
    center = (sizes * means).sum(0) / total
    spread = (sizes * (variances + (means - center) ** 2)).sum(0) / total
    return center, spread, total


def _wide(x):
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


class _Norm(torch.autograd.Function):
    """(x - mean) / sqrt(var + eps) * weight + bias, where mean and var are functions of the x of all processes."""

    @staticmethod
    def forward(ctx, x, weight, bias, mean, var, size, eps):
        ctx.save_for_backward(x, weight, mean, var, size)
        ctx.eps = eps
        return F.batch_norm(_wide(x), mean, var, weight, bias, False, 0.0, eps).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        x, weight, mean, var, size = ctx.saved_tensors
        wide, grads = _wide(x), [True, True, True]
        # as if mean and var were constants; to_weight and to_bias are the sums of g * (x - mean) / std and of g
        to_x, to_weight, to_bias = torch.ops.aten.native_batch_norm_backward(
            _wide(g), wide, weight, mean, var, None, None, False, ctx.eps, grads
        )
        sums = add_up(torch.cat([to_weight, to_bias])) / size * torch.rsqrt(var + ctx.eps).repeat(2)
        along, level = (sums * weight.repeat(2)).chunk(2)
        to_x = to_x - F.batch_norm(wide, mean, var, along, level, False, 0.0, ctx.eps)
        return to_x.to(x.dtype), to_weight, to_bias, None, None, None, None


def _dropout(mode, function, x, p=0.5, training=True, inplace=False):
    whole = mode.whole_shape(x.shape)
    if not training or not p or whole is None:
        return function(x, p, training, inplace)
    return x * mode.mine(function(x.new_ones(whole), p, training, False))


def _rand(mode, function, *size, **options):
    shape = tuple(options.pop("size", None) or (size[0] if size and not isinstance(size[0], int) else size))
    whole = mode.whole_shape(shape)
    return function(shape, **options) if whole is None else mode.mine(function(whole, **options))


def _shift(mode, function, x, shift, stride, padding, quantize, normalize_grad, t_factor, *rest):
    if normalize_grad and torch.is_grad_enabled() and shift.requires_grad:
        factor = x.shape[2] / x.shape[3] if t_factor is None else t_factor
        shift, normalize_grad = _UnitLength.apply(shift, factor, rest[0]), False
    return function(x, shift, stride, padding, quantize, normalize_grad, t_factor, *rest)


class _UnitLength(torch.autograd.Function):
    """shift itself; its gradient becomes one of unit length, of which every process gives an equal part."""

    @staticmethod
    def forward(ctx, shift, t_factor, rule):
        ctx.options = t_factor, rule
        return shift.view_as(shift)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return normalised(add_up(g.clone()), *ctx.options) / processes(), None, None


# what is called: what is called in its place, f(mode, function, *its arguments)
OWN = {
    F.batch_norm: _norm,
    F.dropout: _dropout,
    F.dropout1d: _dropout,
    F.dropout2d: _dropout,
    F.dropout3d: _dropout,
    torch.rand: _rand,
    torch.ops.efficient3d.shift.default: _shift,
}
