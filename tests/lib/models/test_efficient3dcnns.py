"""Efficient-3DCNNs beyond the logits: what every stage computes, batch statistics, file names, fine-tuning."""

import pytest
import torch
from stand_in import golden, golden_input, write_stand_in
from torch import nn

from lib import create_model, load_published
from lib.models.efficient3dcnns import parse_file_name, published_input
from lib.weights.fine_tune import freeze, replace_head

NETS = {
    "mobilenet_1.0x": "mobilenet3d",
    "mobilenetv2_0.7x": "mobilenetv2_3d",
    "resnet_18_A": "resnet3d_18",
    "shufflenet_0.5x_g3": "shufflenet3d",
    "shufflenetv2_1.0x": "shufflenetv2_3d",
    "squeezenet_1.1": "squeezenet3d",
}
# the golden files' modules: ours; features.N of the families that number everything
STAGES = {"conv1": "stem", "maxpool": "pool", "conv_last": "last", **{f"layer{n + 1}": f"stages.{n}" for n in range(4)}}
FEATURES = {
    "mobilenet3d": {0: "stem", **{n: f"blocks.{n - 1}" for n in range(1, 14)}},
    "mobilenetv2_3d": {0: "stem", **{n: f"blocks.{n - 1}" for n in range(1, 18)}, 18: "last"},
    "shufflenetv2_3d": {n: f"blocks.{n}" for n in range(16)},
    "squeezenet3d": {2: "stem", **{n: f"layers.{n - 3}" for n in range(3, 15)}},
}


@pytest.fixture(scope="module", params=NETS)
def loaded(request, tmp_path_factory):
    path = write_stand_in(f"efficient3dcnns/{request.param}", tmp_path_factory.mktemp("files"))
    net = load_published(NETS[request.param], path).model
    return NETS[request.param], golden(f"efficient3dcnns/{request.param}"), net


def our_module(family, name):
    number = name.removeprefix("features.")
    return FEATURES[family][int(number)] if number.isdigit() else STAGES[name]


def test_stages(loaded):
    """Mean and deviation of every block's output, in double precision."""
    family, case, net = loaded
    rows = [row for row in case["stages_eval"] if row["module"] != "avgpool"]
    seen = {}
    hooks = [
        net.get_submodule(our_module(family, row["module"])).register_forward_hook(
            lambda module, inputs, out, key=row["module"]: seen.update({key: out.clone()})
        )
        for row in rows
    ]
    with torch.no_grad():
        net.double()(golden_input(case["input_shape"]).double())
    net.float()
    for hook in hooks:
        hook.remove()
    for row in rows:
        out = seen[row["module"]]
        assert list(out.shape) == row["shape"]
        assert float(out.mean()) == pytest.approx(row["mean"], rel=1e-4, abs=1e-4 * row["std"])
        assert float(out.std()) == pytest.approx(row["std"], rel=1e-4)


def test_batch_statistics(loaded):
    """Batch norm in training mode, dropout off: what a wrong layer cannot hide from."""
    _, case, net = loaded
    case = case["train_bn"]
    before = {key: value.clone() for key, value in net.state_dict().items()}
    for module in net.double().modules():
        module.train(isinstance(module, nn.BatchNorm3d))
    with torch.no_grad():
        logits = net(golden_input(case["input_shape"]).double())
    net.float().eval().load_state_dict(before)
    want = torch.tensor(case["logits"], dtype=torch.float64)
    torch.testing.assert_close(logits[:, : want.shape[1]], want, rtol=0, atol=5e-3 * case["logits_std"])
    assert float(logits.std()) == pytest.approx(case["logits_std"], rel=1e-3)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kinetics_mobilenetv2_0.45x_RGB_16_best.pth", {"model": "mobilenetv2_3d", "width": 0.45}),
        ("kinetics_shufflenet_1.5x_G3_RGB_16_best.pth", {"model": "shufflenet3d", "width": 1.5, "groups": 3}),
        ("kinetics_resnext_101_RGB_16_best.pth", {"model": "resnext3d_101"}),
        ("jester_squeezenet_RGB_16_best.pth", {"model": "squeezenet3d", "dataset": "jester"}),
    ],
)
def test_file_names(name, said):
    assert parse_file_name(name) == {"dataset": "kinetics", "modality": "RGB", "frames": 16, **said}
    assert parse_file_name("x" + name[1:].replace("RGB", "rgb")) == {}


def test_preprocessing_by_dataset(tmp_path):
    """Kinetics weights want BGR in 0-255; Jester's want RGB, with a note that this is not settled."""
    path = write_stand_in("efficient3dcnns/shufflenet_0.5x_g3", tmp_path)
    said = load_published("shufflenet3d", path).preprocessing
    assert (said.size, said.frames, said.protocol) == (112, 16, "efficient3dcnns_windows")
    assert (said.pixels.channel_order, said.pixels.value_range, said.pixels.std) == ("BGR", 255, (1,) * 3)
    said = published_input("jester_shufflenet_0.5x_G3_RGB_16_best.pth", {"num_classes": 27})
    assert said.pixels.channel_order == "RGB" and "BGR" in said.note
    assert said.pixels.mean == (114.7748, 107.7354, 99.475)


@pytest.mark.parametrize("name", ["mobilenetv2_3d_nano", "resnet3d_nano", "squeezenet3d", "dg_p3d_nano"])
def test_a_new_head(name):
    net = replace_head(create_model(name, num_classes=9), 4)
    heads = net.heads if hasattr(net, "heads") else lambda x: (net(x),)
    assert {head.shape for head in heads(torch.zeros(2, 3, 16, 64, 64))} == {(2, 4)}


def test_frozen_layers_stay():
    """A training step moves the head alone, batch statistics included."""
    net = freeze(replace_head(create_model("resnet3d_nano", num_classes=9), 4)).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    net(torch.randn(2, 3, 8, 32, 32)).square().sum().backward()
    optimizer.step()
    moved = {key for key, value in net.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {"fc.weight", "fc.bias"}
    with pytest.raises(ValueError, match="classifier.*stem"):
        freeze(net, trained=("classifier",))


def test_the_padded_shortcut_passes_the_gradient():
    """Shortcut A: the input's gradient arrives even where the block's own path is cut."""
    net = create_model("resnet3d_nano", shortcut="A")
    block = net.stages[1][0]
    nn.init.zeros_(block.convs[-1][1].weight)
    x = torch.rand(1, 16, 4, 8, 8, requires_grad=True)
    block(x).sum().backward()
    assert x.grad[:, :, ::2, ::2, ::2].abs().min() > 0 and x.grad[:, :, 1::2].abs().max() == 0


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("shufflenet3d", {"groups": 5}, "1, 2, 3, 4, 8"),
        ("shufflenet3d", {"groups": 2, "width": 0.5}, "1.0, 2.0 fit"),
        ("shufflenetv2_3d", {"width": 0.7}, "0.25, 0.5, 1.0"),
        ("squeezenet3d", {"version": 2}, "1.0, 1.1"),
        ("resnet3d_18", {"shortcut": "C"}, "'A'.*'B'"),
        ("resnext3d_50", {"cardinality": 0}, "32 in the paper"),
        ("c3d", {"frames": 8}, "9 frames"),
    ],
)
def test_unknown_values_name_the_choices(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)
