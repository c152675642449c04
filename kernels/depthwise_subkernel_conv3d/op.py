"""depthwise_subkernel_conv3d: one small kernel per channel, of any kind.

Source  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking, AAAI 2021, arXiv:2003.12798; with every channel
        "kxkxk" it is the depthwise convolution of Tran et al., CSN, ICCV 2019, arXiv:1904.02811
"""

from kernels._autograd import as_autocast_asks
from kernels._backend import check_backend
from kernels._checks import check_clip, working_dtype
from kernels._kinds import check_stride, check_weights
from kernels._subkernel_op import subkernel_ops
from kernels._transforms import transformed
from kernels.depthwise_subkernel_conv3d.numba_cpu import depthwise_backward_cpu, depthwise_cpu
from kernels.depthwise_subkernel_conv3d.numba_cuda import depthwise_backward_cuda, depthwise_cuda
from kernels.depthwise_subkernel_conv3d.reference import depthwise_backward_reference, depthwise_reference

VERSIONS = {  # forward, backward
    "cuda": (depthwise_cuda, depthwise_backward_cuda),
    "reference": (depthwise_reference, depthwise_backward_reference),
    "cpu": (depthwise_cpu, depthwise_backward_cpu),
}
_op, _backward_op, _transformed = subkernel_ops("depthwise_subkernel_conv3d", VERSIONS)


def depthwise_subkernel_conv3d(x, weights, stride=1, *, backend="auto"):
    """Every channel of x filtered by a kernel of its own, "same" padding (k // 2 where the kernel is k), no bias.

    x        (N, C, T, H, W)  float16, bfloat16, float32, float64
    weights  {kind: (C_kind, 1, t, h, w)}  channels of x in the dict's order; float32, or x's type.
                              A kind such as "1xkxk" (kernels._kinds.KINDS) says where the kernel has its size k, odd
    stride   int or (t, h, w)
    out      (N, C, T', H', W'), T' = (T - 1) // stride + 1
    """
    check_clip(x)
    weights = check_weights(weights, x, depthwise=True)
    check_backend("depthwise_subkernel_conv3d", VERSIONS, backend, x)
    x, *weights = as_autocast_asks(x, *weights)
    weights, options = [w.to(working_dtype(x)) for w in weights], (check_stride(stride), backend)
    return _transformed(options, x, *weights) if transformed() else _op(x, weights, *options)
