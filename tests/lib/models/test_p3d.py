"""The zoo of Optimization Planning beyond the logits: sizes, block types, frozen batch norm, several heads."""

import pytest
import torch
from stand_in import golden, golden_input, write_stand_in
from torch import nn

from lib import create_model, list_models, load_published, measure_cost
from lib.models.layers import FrozenBatchNorm

# parameters with 400 classes; * is a family of the same size
PARAMS = {
    "18": {"c2d": 11_409_936, "i3d": 33_380_880, "r2p1d": 34_542_096, "p3d": 15_489_552, "p3dc": 15_587_856},
    "34": {"c2d": 21_518_096, "i3d": 63_690_512, "r2p1d": 64_851_728, "p3d": 28_571_408, "p3da": 29_062_928},
    "50": {"c2d": 24_355_856, "r2p1d": 46_990_352, "p3db": 28_128_272, "lgd_p3d": 36_190_640, "dg_p3d": 50_382_288},
    "101": {"i3d": 86_036_496, "r2p1d": 86_036_496, "p3da": 50_462_736, "lgd_p3d": 65_265_264, "dg_p3d": 74_963_472},
    "103": {"c2d": 43_448_720, "i3d": 86_137_232, "p3dc": 50_563_472, "lgd_p3d": 65_368_048, "dg_p3d": 75_064_208},
    "152": {"c2d": 58_991_632, "i3d": 118_195_216, "p3d": 68_858_896, "lgd_p3d": 89_215_408, "dg_p3d": 95_210_960},
    "resnext50": {
        "c2d": 23_827_728,
        "r2p1d": 59_547_792,
        "p3d": 38_917_392,
        "lgd_p3d": 46_979_760,
        "dg_p3d": 44_069_072,
    },
}
GMACS = {"c2d_50": 17.77, "r2p1d_50": 32.56, "p3da_50": 20.23, "p3db_50": 20.23, "lgd_p3d_50": 20.24,
         "dg_p3d_50": 23.63, "p3d_18": 11.06, "i3d_103": 67.40, "dg_p3d_resnext50": 21.55, "s3dg": 18.29}  # fmt: skip


@pytest.mark.parametrize("arch", PARAMS)
def test_parameters(arch):
    for family, want in PARAMS[arch].items():
        with torch.device("meta"):
            net = create_model(f"{family}_{arch}")
        assert sum(p.numel() for p in net.parameters()) == want


@pytest.mark.parametrize("name", GMACS)
def test_macs(name):
    with torch.device("meta"):
        assert round(measure_cost(create_model(name), (3, 16, 224, 224)).macs / 1e9, 2) == GMACS[name]


def test_block_types_take_turns():
    with torch.device("meta"):
        stages = create_model("p3d_50").stages
    kinds = ["".join(type(block.middle).__name__[-1] for block in stage) for stage in stages]
    assert kinds == ["ABC", "ABCA", "BCABCA", "BCA"]


def test_nets_that_cannot_run_are_not_offered():
    assert not {f"{f}_{d}" for f in ("p3db", "dg_p3d", "lgd_p3d") for d in (18, 34)} & set(list_models())


def test_frozen_batch_norm_keeps_its_statistics():
    """All but the stem's: same output as evaluation, statistics that stay, weights that learn."""
    torch.manual_seed(0)
    net = create_model("p3d_nano", num_classes=3, frozen_bn=True)
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm3d)]
    assert not isinstance(norms[0], FrozenBatchNorm) and all(isinstance(n, FrozenBatchNorm) for n in norms[1:])
    x = torch.randn(2, 3, 8, 32, 32)
    net.train()(x).sum().backward()
    assert norms[0].num_batches_tracked == 1 and norms[0].running_mean.abs().max() > 0
    assert all(norm.running_mean.abs().max() == 0 and norm.weight.grad is not None for norm in norms[1:])
    frozen, plain = net.eval(), create_model("p3d_nano", num_classes=3).eval()
    assert plain.load_state_dict(frozen.state_dict(), strict=False).unexpected_keys == []
    with torch.no_grad():
        torch.testing.assert_close(frozen(x), plain(x))


def test_frozen_files_load_into_either_net(tmp_path):
    """A planned file lacks all batch counters but the stem's; without frozen_bn they are reported."""
    path = write_stand_in("optplan/dg_p3d_resnet50_op_layout", tmp_path)
    loaded, case = load_published("dg_p3d_50", path), golden("optplan/dg_p3d_resnet50_op_layout")
    assert len(loaded.report.missing) == 477 - 415
    with torch.no_grad():
        logits = loaded.model(golden_input(case["input_shape"]))
    torch.testing.assert_close(logits[:, :10], torch.tensor(case["logits"]), rtol=0, atol=1e-4 * case["logits_abs_max"])


@pytest.mark.parametrize(("name", "frames"), [("dg_p3d_nano", 8), ("lgd_p3d_50", 4)])
def test_several_heads(name, frames):
    """Training gives the tuple; evaluation its mean, or the local head (LGD); `heads` always the tuple."""
    net, x = create_model(name, num_classes=3).train(), torch.randn(2, 3, frames, 32, 32)
    assert [head.shape for head in net(x)] == [(2, 3)] * 2
    with torch.no_grad():
        net.eval()
        heads = net.heads(x)
        torch.testing.assert_close(net(x), heads[0] if name.startswith("lgd") else (heads[0] + heads[1]) / 2)


def test_s3d_reads_the_copy_that_the_original_loads_last(tmp_path):
    path = write_stand_in("optplan/s3d", tmp_path)
    weight = load_published("s3d", path).model.blocks[0][0].spatial.weight
    file = torch.load(path, weights_only=True)["model"]
    assert torch.equal(weight, file["module.block1.0.conv1.weight"])
    assert not torch.equal(weight, file["module.Conv_1a.conv1.weight"])
