"""Every family as ONNX: onnxruntime gives the logits that PyTorch gives, for any batch."""

import pytest
import torch
from family_nets import NETS, small_net

from lib.export import PLAIN, plain_program, save_onnx
from lib.models.swap import with_deal
from lib.models.tsm import TSM

onnxruntime = pytest.importorskip("onnxruntime", reason='ONNX needs the extra "export"')
pytest.importorskip("onnxscript", reason='ONNX needs the extra "export"')

# every op of ours, and a net of every system; the others, of the same operators, take a minute and more
FIRST = {
    "rubiksnet_nano",
    "AQ",
    "own depthwise",
    "shallow TSM",
    "cakes_nano",
    "mobilenetv2_3d_nano",
    "dg_p3d_nano",
    "ircsn_nano",
}
CASES = {
    **{name: (name, {}) for name in NETS},
    "AQ": ("rubiksnet_nano", {"variant": "rubiks3d-aq"}),
    "own depthwise": ("ircsn_nano", {}),
    "shallow TSM": None,  # a block a stage, of the same operators as all 16 of tsm_50
}
PARAMETERS = [pytest.param(case, marks=() if case in FIRST else pytest.mark.long) for case in CASES]


def case_net(case):
    torch.manual_seed(0)
    if case == "shallow TSM":
        return TSM((1, 1, 1, 1), 3, div=8, dropout=0.5), (3, 8, 32, 32)
    net, clip = small_net(CASES[case][0], **CASES[case][1])
    return (with_deal(net) if case == "own depthwise" else net), clip


@pytest.mark.parametrize("case", PARAMETERS)
def test_onnxruntime_agrees(case, tmp_path, monkeypatch):
    """And whatever op of ours a net calls, the program that is written has PyTorch's alone."""
    programs = []
    monkeypatch.setattr("lib.export.plain_program", lambda *of: programs.append(plain_program(*of)) or programs[-1])
    net, clip = case_net(case)
    path, x = save_onnx(net, clip, tmp_path / "net.onnx"), torch.randn(3, *clip)
    assert net.training and list(tmp_path.iterdir()) == [path]
    (got,) = onnxruntime.InferenceSession(path).run(["logits"], {"x": x.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(got), net.eval()(x), rtol=1e-3, atol=1e-4)
    (program,) = programs
    assert not [node for node in program.graph.nodes if "efficient3d" in str(node.target)]


def test_every_op_that_we_register_is_known():
    ours = {name.split("::")[1] for name in torch._C._dispatch_get_all_op_names() if name.startswith("efficient3d::")}
    assert {name for name in ours if not name.endswith("_backward")} == set(PLAIN)
