"""Published layouts load, compute the original code's logits, cost what it says, and are written back as they were."""

import pytest
import torch
from stand_in import golden, golden_input, layout_of, write_stand_in

from lib import load_published, measure_cost
from lib.data import as_clip
from lib.weights.published import save_published

# golden file: our net, its options
CASES = {
    "cakes/gst_r50_alpha4_beta2": ("gst_50", {}),
    "cakes/i3d_r50_CAKES123D_P": ("cakes_50", {}),
    "cakes/i3d_r50_CAKES12D_C": ("cakes_50", {}),
    "cakes/i3d_r50_conv2d": ("cakes_50", {}),
    "cakes/i3d_r50_conv3d": ("cakes_50", {}),
    "cakes/i3d_r50_mixconv1d_uniform": ("cakes_50", {}),
    "cakes/supernet_conv1_2d": ("cakes_50", {}),
    "csn/ircsn_r26": ("ircsn_26", {}),
    "csn/ircsn_r50": ("ircsn_50", {}),
    "csn/ipcsn_r101": ("ipcsn_101", {}),
    "csn/resnet3d_r50": ("csn_r3d_50", {}),
    "csn/vmz_ircsn_r152": ("ircsn_152", {}),
    "csn/pytorchvideo_csn_r101": ("ircsn_101", {}),
    "efficient3dcnns/mobilenet_1.0x": ("mobilenet3d", {}),
    "efficient3dcnns/mobilenetv2_0.7x": ("mobilenetv2_3d", {}),
    "efficient3dcnns/resnet_18_A": ("resnet3d_18", {}),
    "efficient3dcnns/shufflenet_0.5x_g3": ("shufflenet3d", {}),
    "efficient3dcnns/shufflenetv2_1.0x": ("shufflenetv2_3d", {}),
    "efficient3dcnns/squeezenet_1.1": ("squeezenet3d", {}),
    "optplan/c2d_resnet50": ("c2d_50", {}),
    "optplan/c2d_resnet103": ("c2d_103", {}),
    "optplan/i3d_resnet50": ("i3d_50", {}),
    "optplan/i3d_resnext50_32x4d": ("i3d_resnext50", {}),
    "optplan/p3dc_resnet18": ("p3dc_18", {}),
    "optplan/p3dc_resnet50": ("p3dc_50", {}),
    "optplan/dg_p3d_resnet50": ("dg_p3d_50", {}),
    "optplan/dg_p3d_resnet50_op_layout": ("dg_p3d_50", {"frozen_bn": True}),
    "optplan/s3d": ("s3d", {}),
    "optplan/c2d_eftnet_b0": ("c2d_eftnet_b0", {}),
    "optplan/vit_deit_t_p16": ("vit_deit_t_p16", {}),
    "optplan/resnet50": ("resnet2d_50", {}),
    "rubiksnet/small_rubiks3d": ("rubiksnet_small", {}),
    "rubiksnet/tiny_rubiks3d": ("rubiksnet_tiny", {}),
    "rubiksnet/tiny_rubiks3d-aq": ("rubiksnet_tiny", {}),
    "x3d/x3d_xs": ("x3d_xs", {}),
    "x3d/x3d_s": ("x3d_s", {}),
    "x3d/x3d_l": ("x3d_l", {}),
    "x3d/pytorchvideo_x3d_xs": ("x3d_xs", {}),
    "x3d/mmaction2_x3d_m": ("x3d_m", {}),
    "x3d/efficient_x3d_xs": ("x3d_xs", {}),
}


def scale(case):
    """What the goldens' tolerance of 1e-4 is relative to."""
    largest = max(abs(logit) for row in case["logits"] for logit in row)
    return case.get("logits_std") or case.get("logits_abs_max") or largest


def clip(case):
    """The golden input, as our nets take it."""
    x = golden_input(case["input_shape"])
    return x if x.ndim == 5 and x.shape[1] == 3 else as_clip(x, frames=x.shape[1] // 3 if x.ndim == 4 else 8)


def inputs(case):
    """The golden file's cases, each an input and its logits."""
    return [case, *case.get("more_inputs", []), *case.get("more", []), *([case["extra"]] if "extra" in case else [])]


@pytest.fixture(scope="module", params=CASES)
def loaded(request, tmp_path_factory):
    path = write_stand_in(request.param, tmp_path_factory.mktemp("published"))
    net, options = CASES[request.param]
    yield request.param, load_published(net, path, **options), path
    path.unlink()


def test_logits(loaded):
    name, net, _ = loaded
    for case in inputs(golden(name)):
        with torch.no_grad():
            logits = net.model(clip(case))
        want = torch.tensor(case["logits"])
        torch.testing.assert_close(logits[:, : want.shape[1]], want, rtol=0, atol=1e-4 * scale(golden(name)))
        assert abs(logits.double().sum() - case["logits_sum"]) < 1e-4 * scale(golden(name)) * logits.numel() ** 0.5


def test_heads(loaded):
    name, net, _ = loaded
    case = golden(name)
    if "heads" not in case:
        pytest.skip("one head")
    with torch.no_grad():
        heads = net.model.heads(clip(case))
    for head, want in zip(heads, case["heads"].values(), strict=True):
        torch.testing.assert_close(head[:, :10], torch.tensor(want["logits"]), rtol=0, atol=1e-4 * scale(case))


def test_counts(loaded):
    name, net, _ = loaded
    case = golden(name)
    rows = case.get("macs_detail") or [{"input": case["macs_input"]} if "macs_input" in case else {}]
    for row in rows:
        shape = row.get("input", case["input_shape"])[1:]
        clip_shape = [3, 1, *shape[1:]] if len(shape) == 3 else [3, shape[0], *shape[2:]] if shape[0] != 3 else shape
        cost = measure_cost(net.model, clip_shape)
        assert cost.params == case["params"]
        heads = [p.numel() for key, p in net.model.named_parameters() if key.startswith("fc")]
        assert cost.params - sum(heads) == case["params_without_head"]
        assert cost.unsupported == {}
        want = row.get("conv_plus_linear") or case.get("macs_conv_linear") or case.get("macs")
        assert want in (cost.macs, None)


def test_every_key(loaded, tmp_path):
    """All of the file is read, all of the net is filled, and saving gives the file's keys and values again."""
    name, net, path = loaded
    assert net.report.missing == [] and net.report.unused == []
    save_published(CASES[name][0], net.model, tmp_path / "again.pth", net.report.layout)
    key = layout_of(name)["wrapper"]["state_dict_key"]
    files = [torch.load(file, weights_only=True) for file in (tmp_path / "again.pth", path)]
    again, want = (file.get(key, file) for file in files)
    assert again.keys() == want.keys()
    prefix = "module." if all(key.startswith("module.") for key in want) else ""
    kept = net.model.state_dict().keys() & {key.removeprefix(prefix) for key in want}  # both call it so
    read = [prefix + key for key in (*net.report.renamed, *kept)]  # not the second copies that S3D's file holds
    assert len(read) > 100 and all(torch.equal(again[key], want[key]) for key in read)
