"""subkernel_conv3d: a convolution whose output channels have kernels of different kinds.

Source  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking, AAAI 2021, arXiv:2003.12798
"""

from kernels._autograd import as_autocast_asks
from kernels._backend import check_backend, choose
from kernels._checks import check_clip, working_dtype
from kernels._kinds import check_stride, check_weights
from kernels._subkernel_op import subkernel_ops
from kernels._transforms import transformed
from kernels.subkernel_conv3d.library import subkernel_library
from kernels.subkernel_conv3d.numba_cuda import subkernel_backward_cuda, subkernel_cuda
from kernels.subkernel_conv3d.reference import subkernel_backward_reference, subkernel_reference

VERSIONS = {  # forward, backward
    "reference": (subkernel_reference, subkernel_backward_reference),
    "cuda": (subkernel_cuda, subkernel_backward_cuda),
}
LIBRARY = ("library", "cpu")  # on a CPU nothing of ours is faster
BACKENDS = (*VERSIONS, *LIBRARY)
_op, _backward_op, _transformed = subkernel_ops("subkernel_conv3d", VERSIONS)


def subkernel_conv3d(x, weights, stride=1, *, backend="auto"):
    """A convolution, kind after kind on the channel axis, "same" padding (k // 2 where a kernel is k), no bias.

    It equals a dense k x k x k convolution whose kernels are 0 outside their channel's centred sub-kernel.

    x        (N, C_in, T, H, W)  float16, bfloat16, float32, float64
    weights  {kind: (C_kind, C_in, t, h, w)}  output channels in the dict's order; float32, or x's type. The
                                 library computes in the weights' type.
                                 A kind such as "1xkxk" (kernels._kinds.KINDS) says where the kernel has its size k, odd
    stride   int or (t, h, w)
    out      (N, sum C_kind, T', H', W'), T' = (T - 1) // stride + 1
    """
    check_clip(x)
    weights = check_weights(weights, x, depthwise=False)
    check_backend("subkernel_conv3d", BACKENDS, backend, x)
    stride = check_stride(stride)
    if choose("subkernel_conv3d", backend, x) in LIBRARY:
        return subkernel_library(x, weights, stride)
    x, *weights = as_autocast_asks(x, *weights)
    weights, options = [w.to(working_dtype(x)) for w in weights], (stride, backend)
    return _transformed(options, x, *weights) if transformed() else _op(x, weights, *options)
