"""Training steps of whole nets, with our ops and with what PyTorch has in their place."""

from functools import partial

import torch

from bench.timing.op_versions import shift_as_convolution
from bench.timing.stopwatch import interleave, percentiles
from kernels import shift3d
from lib import create_model
from lib.losses import heads_loss
from lib.models import in_format
from lib.models.rubiksnet import Shift
from lib.precision import Precision

# net, batch, clip; the first is the quick one
STEPS = [
    ("rubiksnet_nano", 16, (3, 8, 64, 64)),
    ("rubiksnet_tiny", 4, (3, 8, 112, 112)),
    ("mobilenetv2_3d", 4, (3, 16, 112, 112)),
    ("ircsn_50", 4, (3, 8, 112, 112)),
]


def measure_step(name, batch, clip, device="cpu", seconds=2.0):
    """Rows: one training step of a whole net, by our ops and by PyTorch's."""
    steps = {impl: one_step(net, clips_of(net, batch, clip, device)) for impl, net in step_nets(name, device).items()}
    key = {"op": name, "mode": "training step", "shape": "x".join(map(str, (batch, *clip))), "dtype": "float32"}
    times = interleave(steps, device=device, seconds=seconds)
    return [{**key, "impl": i, "metric": "time", "unit": "ms", **percentiles(t)} for i, t in times.items()]


def step_nets(name, device="cpu"):
    """{version: the net `name`}: with our shift and others; or with our kernels and PyTorch's operators."""

    def net(**options):
        torch.manual_seed(0)
        return create_model(name, num_classes=8, **options).to(device)

    if name.startswith("rubiksnet"):
        shifts = {"auto": shift3d, "reference": partial(shift3d, backend="reference"), "conv3d": shift_as_convolution}
        return {impl: with_shift(net(), shift) for impl, shift in shifts.items()}
    if name.startswith("cakes"):  # the library's convolutions either way: the reference is a slow twin
        return {"auto": net(), "conv3d": net()}
    return {"auto": net(), "conv3d": net(backend="reference")}


def with_shift(net, shift):
    """Let a rubiks3d net call shift(x, its shifts, stride) in place of shift3d."""
    for module in net.modules():
        if isinstance(module, Shift):
            module.op = partial(shift, **getattr(module.op, "keywords", {}))  # its stride, if it is bound there
    return net


def clips_of(net, batch, clip, device):
    return in_format(net, torch.randn(batch, *clip, device=device))


def one_step(net, clips, precision=None):
    """A call that trains a net on the clips once; `precision`: a lib.precision.Precision without a scaler."""
    labels, precision = torch.arange(len(clips), device=clips.device) % 8, precision or Precision("fp32")
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=1e-3)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with precision.passes():
            outputs = net(clips)
        heads_loss(precision.wide(outputs), labels).backward()
        optimizer.step()

    return step
