"""Passes that are compiled, checkpointed or deterministic: the net's losses, weights, statistics and keys stay."""

import shutil

import pytest
import torch
from family_nets import NETS, small_net
from torch import nn

from lib import passes
from lib.data import PIXELS
from lib.data.ahead import SideStream, ahead
from lib.recipe import complete
from lib.train_steps import Stepper

SIZES = ((8, 64, 64), (16, 96, 96))


def some_of(*names):
    """All families, but for these only where there is time."""
    return [name if name in names else pytest.param(name, marks=pytest.mark.long) for name in NETS]


def trained(name, **recipe):
    """(losses, state dict) after two steps of a small net."""
    torch.manual_seed(0)
    net, shape = small_net(name)
    stepper = Stepper(net.train(), complete({"batch_size": 2, "learning_rate": 0.01, **recipe}))
    batch = torch.randint(0, 256, (2, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    losses = []
    for step in range(2):
        torch.manual_seed(step)
        with passes.deterministic(stepper.recipe["deterministic"], net):
            losses += [loss.item() for loss, _ in stepper.take(batch, torch.tensor([0, 2]), PIXELS["own"])]
    return losses, {key: value.clone() for key, value in net.state_dict().items()}


def equal(one, other):
    assert one[0] == other[0] and one[1].keys() == other[1].keys()
    return all(torch.equal(value, other[1][key]) for key, value in one[1].items())


@pytest.mark.parametrize("name", some_of("mobilenetv2_3d_nano", "rubiksnet_nano", "dg_p3d_nano", "s3dg"))
def test_checkpointed_and_deterministic_a_family_trains_to_the_same_bits(name):
    assert equal(trained(name), trained(name, checkpointing=True, deterministic=True))


def test_a_second_pass_would_count_twice(monkeypatch):
    """What keeps the norms still is needed: without it, their statistics differ."""
    monkeypatch.setattr(passes, "_still", lambda block: passes.nullcontext())
    plain, twice = trained("mobilenetv2_3d_nano"), trained("mobilenetv2_3d_nano", checkpointing=True)
    counts = {int(value) for key, value in twice[1].items() if key.endswith("num_batches_tracked")}
    assert plain[0] == twice[0] and counts == {2, 4} and not equal(plain, twice)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_checkpoints_keep_less(precision):
    """Of the tensors that autograd keeps for the backward pass, those inside blocks are not there."""
    kept = {}
    for checkpointing in (False, True):
        net, shape = small_net("mobilenetv2_3d_nano")
        stepper = Stepper(net.train(), complete({"checkpointing": checkpointing, "precision": precision}))
        clips, count = torch.randn(2, *shape), [0]

        def pack(tensor, count=count):
            count[0] += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), stepper.precision.passes():
            stepper.forward(clips)
        kept[checkpointing] = count[0]
    assert kept[True] < 0.7 * kept[False]


def test_blocks_are_as_they_were_afterwards():
    net, shape = small_net("p3d_nano")
    forward = passes.forward_of(net, complete({"checkpointing": True}))
    forward(torch.randn(2, *shape))
    assert not any("forward" in vars(module) for module in net.modules())
    net.fc = None
    with pytest.raises(TypeError):
        forward(torch.randn(2, *shape))
    assert not any("forward" in vars(module) for module in net.modules())


def test_what_cannot_be_checkpointed():
    with pytest.raises(ValueError, match="checkpointing: Linear does not say what its stages are"):
        passes.forward_of(nn.Linear(1, 1), complete({"checkpointing": True}))
    with pytest.raises(ValueError, match="compile and checkpointing: .* choose one"):
        passes.forward_of(nn.Linear(1, 1), complete({"checkpointing": True, "compile": True}))


@pytest.mark.parametrize("name", some_of("rubiksnet_nano"))
def test_compiled_a_family_trains_alike_under_the_same_keys(name):
    plain, compiled = trained(name), trained(name, compile="aot_eager")
    assert plain[1].keys() == compiled[1].keys() and not any("_orig_mod" in key for key in compiled[1])
    assert compiled[0] == pytest.approx(plain[0], rel=1e-3)


def test_a_compiler_that_gives_up_says_why(monkeypatch):
    from torch._dynamo.exc import TorchDynamoException

    def compile(net, **options):
        def call(clips):
            raise TorchDynamoException("\nno C++ compiler\nand more")

        return call

    monkeypatch.setattr(torch, "compile", compile)
    net, shape = small_net("c2d_nano")
    with pytest.raises(RuntimeError, match="^compile: c2d_nano cannot be compiled here: no C.. compiler; train"):
        passes.compiled(net)(torch.randn(1, *shape))


@pytest.mark.long
@pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++", "c++"))),
    reason="Inductor compiles C++ at run time: install a compiler, on Debian by `apt install g++`",
)
@torch.no_grad()
def test_sizes_that_vary_are_compiled_one_by_one():
    """Left to itself Inductor fails at the second size, in PyTorch's own layers. Where it does not any more, ours need
    not be compiled anew, either."""
    stock = nn.Sequential(nn.Conv3d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv3d(8, 8, 1), nn.AdaptiveAvgPool3d(1)).eval()
    first, second = (torch.randn(2, 3, *size).to(memory_format=torch.channels_last_3d) for size in SIZES)
    forward = passes.compiled(stock)
    for clips in (first, second):
        torch.testing.assert_close(forward(clips), stock(clips), rtol=1e-5, atol=1e-6)
    torch.compiler.reset()
    left_alone = torch.compile(stock)
    left_alone(first)
    with pytest.raises(Exception, match="ValueRangeError"):
        left_alone(second)
    torch.compiler.reset()


def test_deterministic_ends_as_it_began_and_says_what_it_refuses(monkeypatch):
    net = nn.Sequential(nn.Conv3d(3, 4, 1), nn.MaxPool3d(2))
    with pytest.raises(RuntimeError, match="^deterministic: some_op_cuda does not have .*; train this net without it"):
        with passes.deterministic(True, net):
            assert torch.are_deterministic_algorithms_enabled()
            raise RuntimeError("some_op_cuda does not have a deterministic implementation. You can turn off ...")
    assert not torch.are_deterministic_algorithms_enabled()
    monkeypatch.delenv(passes.WORKSPACE, raising=False)
    with pytest.raises(ValueError, match="CUBLAS_WORKSPACE_CONFIG=:4096:8"), passes.deterministic(True, net, "cuda"):
        pass
    monkeypatch.setenv(passes.WORKSPACE, ":4096:8")
    with pytest.raises(ValueError, match=r"no such backward pass of 1 \(MaxPool3d\)"):
        with passes.deterministic(True, net, "cuda"):
            pass


def test_the_next_batch_travels_before_the_present_one_is_used():
    said = []

    def batches():
        for number in range(3):
            said.append(f"read {number}")
            yield number

    for number in ahead(batches(), lambda b: said.append(f"send {b}") or b, lambda b: said.append(f"take {b}") or b):
        said.append(f"use {number}")
    assert said == [
        "read 0", "send 0", "read 1", "send 1", "take 0", "use 0",
        "read 2", "send 2", "take 1", "use 1", "take 2", "use 2",
    ]  # fmt: skip
    assert list(ahead([], None, None)) == []


def test_a_cpu_has_no_side_stream(monkeypatch):
    monkeypatch.setattr(SideStream, "__init__", lambda *_: pytest.fail("a stream on a CPU"))
    net, shape = small_net("c2d_nano")
    batch = torch.zeros(1, *shape, dtype=torch.uint8), torch.tensor([0]), torch.tensor([7])
    ((clips, _, items),) = Stepper(net, complete({})).on_device([batch])
    assert clips is batch[0] and items is batch[2]


@pytest.mark.gpu
def test_a_side_stream_brings_the_same_batches():
    side = SideStream("cuda")
    sent = [(torch.randint(0, 256, (8, 3, 8, 64, 64), dtype=torch.uint8), torch.arange(8), k) for k in range(5)]
    for (clips, labels, k), (there, told, same) in zip(sent, ahead(sent, side.send, side.receive), strict=True):
        assert torch.equal(there.cpu(), clips) and torch.equal(told.cpu(), labels) and k == same
        assert there.stride() == clips.stride()
