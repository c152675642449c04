"""Every family as ONNX: onnxruntime gives the logits that PyTorch gives, for any batch."""

import pytest
import torch
from family_nets import NETS, small_net

from lib.export import PLAIN, plain_program, save_onnx
from lib.models.swap import with_deal

onnxruntime = pytest.importorskip("onnxruntime", reason='ONNX needs the extra "export"')
pytest.importorskip("onnxscript", reason='ONNX needs the extra "export"')

# every op of ours, and a net of every system; the others, of the same operators, take a minute and more
FIRST = {
    "rubiksnet_nano",
    "AQ",
    "own depthwise",
    "tsm_50",
    "cakes_nano",
    "mobilenetv2_3d_nano",
    "dg_p3d_nano",
    "ircsn_nano",
}
CASES = {
    **{name: (name, {}) for name in NETS},
    "AQ": ("rubiksnet_nano", {"variant": "rubiks3d-aq"}),
    "own depthwise": ("ircsn_nano", {}),
}
PARAMETERS = [pytest.param(case, marks=() if case in FIRST else pytest.mark.long) for case in CASES]


def case_net(case):
    torch.manual_seed(0)
    net, clip = small_net(CASES[case][0], **CASES[case][1])
    return (with_deal(net) if case == "own depthwise" else net), clip


@pytest.mark.parametrize("case", PARAMETERS)
def test_onnxruntime_agrees(case, tmp_path):
    net, clip = case_net(case)
    path, x = save_onnx(net, clip, tmp_path / "net.onnx"), torch.randn(3, *clip)
    assert net.training and list(tmp_path.iterdir()) == [path]
    (got,) = onnxruntime.InferenceSession(path).run(["logits"], {"x": x.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(got), net.eval()(x), rtol=1e-3, atol=1e-4)


def test_no_op_of_ours_is_left():
    """Whatever op a net calls, its program has PyTorch's alone; every op that we register is known here."""
    for case in ("rubiksnet_nano", "AQ", "own depthwise"):
        program = plain_program(*case_net(case))
        assert not [node for node in program.graph.nodes if "efficient3d" in str(node.target)]
    ours = {name.split("::")[1] for name in torch._C._dispatch_get_all_op_names() if name.startswith("efficient3d::")}
    assert {name for name in ours if not name.endswith("_backward")} == set(PLAIN)
