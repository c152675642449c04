"""What the tests of CUDA kernels share: their signatures, and cases to run in the simulator or on a GPU."""

import itertools

import torch
from kernel_cases import in_format

from kernels import _cuda
from kernels._format import plain_like
from kernels._kinds import kernel_size
from kernels.depthwise_subkernel_conv3d import numba_cuda as separable
from kernels.depthwise_subkernel_conv3d.reference import depthwise_backward_reference, depthwise_reference
from kernels.shift import numba_cuda as shift
from kernels.shift.reference import shift_backward_reference, shift_reference
from kernels.subkernel_conv3d import numba_cuda as dense
from kernels.subkernel_conv3d.reference import subkernel_backward_reference, subkernel_reference

NUMBERS = {
    torch.float16: "float16",
    torch.bfloat16: "uint16",  # its bits
    torch.float32: "float32",
    torch.float64: "float64",
}
TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 5e-2, torch.float32: 1e-4, torch.float64: 1e-9}


def signature(letters):
    """Element type -> signature. x, p: arrays of elements, of parameters; i, f, b: numbers; else tuples."""

    def of(dtype):
        from numba import types

        parameter = types.float64 if dtype == torch.float64 else types.float32
        kinds = {
            "x": types.Array(getattr(types, NUMBERS[dtype]), 1, "C"),
            "p": types.Array(parameter, 1, "C"),
            "i": types.int64,
            "f": types.float64,
            "b": types.boolean,
            "3": types.UniTuple(types.int64, 3),
            "5": types.UniTuple(types.int64, 5),
            "8": types.UniTuple(types.int64, 8),
            "g": types.UniTuple(types.UniTuple(types.int64, 3), 4),
            "k": types.UniTuple(types.UniTuple(types.int64, 3), 3),
            "m": types.UniTuple(types.UniTuple(types.int64, 5), 2),
        }
        return types.void(*(kinds[letter] for letter in letters))

    return of


# name: factory, its options after the element type (None: it has none, not even that), signature
KERNELS = {
    **{
        f"shift_forward quantize={quantize}": (shift.forward_kernel, (quantize,), signature("xpxb3gm"))
        for quantize in (False, True)
    },
    **{
        f"shift_backward quantize={quantize} unit={unit}": (
            shift.backward_kernel,
            (quantize, unit),
            signature("xxpxpb3gm"),
        )
        for quantize, unit in itertools.product((False, True), (False, True))
    },
    "depthwise_forward": (separable.forward_kernel, (3,), signature("xpx83km")),
    "depthwise_backward": (separable.backward_kernel, (3, False), signature("xxpxp83km")),
    "depthwise_backward unit": (separable.backward_kernel, (3, True), signature("xxpxp83km")),
    "subkernel_forward": (dense.forward_kernel, (3,), signature("xpx8iii33355i")),
    "subkernel_to_input": (dense.input_kernel, (3, False), signature("xpx8iii33355i")),
    "subkernel_to_input unit": (dense.input_kernel, (3, True), signature("xpx8iii33355i")),
    "subkernel_to_weight": (dense.weight_kernel, (3,), signature("xxp8iii33355")),
    "shift_finish": (shift.finish_kernel, None, signature("ppiibfb")),
}


def clip(shape, dtype, layout, device):
    return in_format(torch.randn(shape, device=device).to(dtype), layout)


def assert_same(got, want, dtype):
    """Outputs in the elements' precision; sums in the parameters', relative to the largest."""
    for a, b in zip(got, want, strict=True):
        scale = max(1.0, b.abs().max().item()) if b.numel() else 1.0
        torch.testing.assert_close(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale)


def shift_case(dtype, device, large, layout, dims, options, normal):
    shape = (4, 40, 8, 56, 56) if large else (2, 3, 3, 2, 4)
    stride, padding, quantize, rule = options
    parameter = torch.float64 if dtype == torch.float64 else torch.float32
    x = clip(shape, dtype, layout, device)
    s = (torch.rand(dims, shape[1], device=device) * 4 - 2).to(parameter)
    s[:, 0], s[0, 1], s[-1, -1] = torch.tensor([1.0, -1.0, 0.5][:dims]), 0, 1e30  # whole, half and far shifts
    got, want = (f(x, s, stride, padding, quantize, rule) for f in (shift.shift_cuda, shift_reference))
    assert_same([got], [want], dtype)
    g = clip(want.shape, dtype, layout, device)
    arguments = g, x, s, stride, padding, quantize, rule, *normal
    assert_same(shift.shift_backward_cuda(*arguments), shift_backward_reference(*arguments), dtype)


SHIFTS = [
    ([1, 1, 1], [0, 0, 0], False, "central"),
    ([1, 2, 2], [0, 0, 0], False, "published"),
    ([1, 2, 1], [0, 1, 1], True, "central"),
    ([1, 1, 1], [0, 0, 0], True, "published"),
]
NORMAL = [(False, 1.0), (True, 0.5), (True, -1.0)]  # normalize_grad, t_factor


def shift_cases(dtype, device, large):
    every = list(itertools.product(("contiguous", "channels_last_3d"), (2, 3), SHIFTS, NORMAL))
    few = every[::7] if dtype == torch.float32 else every[5::23]  # the simulator is slow; all options come up
    for layout, dims, options, normal in every if large else few:
        shift_case(dtype, device, large, layout, dims, options, normal)


def conv_cases(dtype, device, large, op, reference, depthwise):
    """Kinds mixed, an empty one, strides, both layouts."""
    shape = (4, 40, 8, 28, 28) if large else (2, 4, 2, 3, 2) if depthwise else (2, 2, 2, 1, 3)
    parameter, channels = torch.float64 if dtype == torch.float64 else torch.float32, shape[1]
    counts = {"kxkxk": channels - 3, "1xkxk": 0, "kx1x1": 2, "1x1xk": 1} if depthwise else {"kx1xk": 2, "1xkx1": 1}
    weights = [
        torch.randn(n, 1 if depthwise else channels, *kernel_size(kind, 3), dtype=parameter, device=device)
        for kind, n in counts.items()
    ]
    some = [("channels_last_3d", [1, 2, 2]), ("contiguous", [1, 1, 1]), ("channels_last_3d", [1, 1, 1])]
    for layout, stride in some if dtype == torch.float32 or large else some[:1]:
        x = clip(shape, dtype, layout, device)
        got, want = op[0](x, weights, stride), reference[0](x, weights, stride)
        assert_same([got], [want], dtype)
        g = plain_like(torch.randn(want.shape, device=device).to(dtype), x)
        (gx, gw), (want_x, want_w) = op[1](g, x, weights, stride), reference[1](g, x, weights, stride)
        assert_same([gx, *gw], [want_x, *want_w], dtype)


def depthwise_cases(dtype, device, large):
    versions = (separable.depthwise_cuda, separable.depthwise_backward_cuda)
    conv_cases(dtype, device, large, versions, (depthwise_reference, depthwise_backward_reference), depthwise=True)


def dense_cases(dtype, device, large):
    versions = (dense.subkernel_cuda, dense.subkernel_backward_cuda)
    conv_cases(dtype, device, large, versions, (subkernel_reference, subkernel_backward_reference), depthwise=False)


CASES = {"shift": shift_cases, "depthwise_subkernel_conv3d": depthwise_cases, "subkernel_conv3d": dense_cases}


def launch_cases(name, dtype, device, large):
    assert _cuda.SIMULATED or device == "cuda"
    torch.manual_seed(0)
    CASES[name](dtype, device, large)
