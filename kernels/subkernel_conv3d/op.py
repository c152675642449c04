"""subkernel_conv3d: a convolution whose output channels have kernels of different kinds.

Source  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking, AAAI 2021, arXiv:2003.12798
"""

from kernels._backend import check_backend
from kernels._checks import check_clip
from kernels._kinds import check_stride, check_weights
from kernels._subkernel_op import subkernel_ops
from kernels.subkernel_conv3d.library import subkernel_backward_library, subkernel_library
from kernels.subkernel_conv3d.numba_cuda import subkernel_backward_cuda, subkernel_cuda
from kernels.subkernel_conv3d.reference import subkernel_backward_reference, subkernel_reference

VERSIONS = {  # forward, backward
    "cuda": (subkernel_cuda, subkernel_backward_cuda),
    "reference": (subkernel_reference, subkernel_backward_reference),
    "cpu": (subkernel_library, subkernel_backward_library),
    "library": (subkernel_library, subkernel_backward_library),
}
_op, _backward_op = subkernel_ops("subkernel_conv3d", VERSIONS)


def subkernel_conv3d(x, weights, stride=1, *, backend="auto"):
    """A convolution, kind after kind on the channel axis, "same" padding (k // 2 where a kernel is k), no bias.

    It equals a dense k x k x k convolution whose kernels are 0 outside their channel's centred sub-kernel.

    x        (N, C_in, T, H, W)  float16, bfloat16, float32, float64
    weights  {kind: (C_kind, C_in, t, h, w)}  output channels in the dict's order; float32, or float64 if x is.
                                 A kind such as "1xkxk" (kernels._kinds.KINDS) says where the kernel has its size k, odd
    stride   int or (t, h, w)
    out      (N, sum C_kind, T', H', W'), T' = (T - 1) // stride + 1
    """
    check_clip(x)
    weights = check_weights(weights, x, depthwise=False)
    check_backend(backend, x)
    return _op(x, weights, check_stride(stride), backend)
