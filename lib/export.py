"""A net as ONNX, for runtimes without PyTorch. Our ops become the plain operators of their references.

`torch.export` needs nothing of this: it keeps our ops as they are. ONNX needs the extra "export":
pip install -e ".[export]"
"""

from pathlib import Path

import torch

import kernels  # noqa: F401, registers the ops
from kernels.depthwise_subkernel_conv3d.reference import depthwise_reference
from kernels.frame_shift.reference import frame_shift_reference
from kernels.shift.reference import shift_reference
from kernels.subkernel_conv3d.reference import subkernel_reference
from kernels.temporal_filter.reference import filter_reference
from lib.files import replacing


def _shift(x, shift, stride, padding, quantize, normalize_grad, t_factor, rule, backend):
    return shift_reference(x, shift, stride, padding, quantize, rule)


# op: its reference, called with the op's arguments; `backend`, and what only gradients need, means nothing to it
PLAIN = {
    "shift": _shift,
    "frame_shift": lambda x, offset, backend: frame_shift_reference(x, offset),
    "temporal_filter": lambda x, taps, backend: filter_reference(x, taps),
    "subkernel_conv3d": lambda x, weights, stride, backend: subkernel_reference(x, weights, stride),
    "depthwise_subkernel_conv3d": lambda x, weights, stride, backend: depthwise_reference(x, weights, stride),
}


def plain_program(net, clip):
    """The net in evaluation mode as a `torch.export.ExportedProgram` of PyTorch's own operators alone.

    clip  (3, T, H, W), the shape of one clip; the batch stays free
    """
    training = net.training
    x = torch.zeros(2, *clip, device=next(net.parameters()).device)
    try:
        batch = {"x": {0: torch.export.Dim("N", max=1024)}}
        program = torch.export.export(net.eval(), (), {"x": x}, dynamic_shapes=batch)
    finally:
        net.train(training)
    ours = {getattr(torch.ops.efficient3d, name).default: plain for name, plain in PLAIN.items()}
    return program.run_decompositions({**torch.export.default_decompositions(), **ours})


def save_onnx(net, clip, path):
    """Write a net as ONNX: input "x" (N, 3, T, H, W), output "logits" (N, num_classes), any N.  -> path

    clip  (3, T, H, W), the shape of one clip, fixed in the file
    """
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        raise ValueError('ONNX needs the extra "export": pip install -e ".[export]"') from None
    program = torch.onnx.export(plain_program(net, clip), dynamo=True, output_names=["logits"], verbose=False)
    with replacing(path) as temporary:
        program.save(temporary, external_data=False)
    return Path(path)
