"""A net of each family is compiled once, and exported once, for every batch, length and size."""

import pytest
import torch

from lib.models import create_model

CLIPS = [(5, 16, 32, 48), (7, 32, 64, 32)]  # N, T, H, W; no two axes alike: torch.compile would tie them
NETS = "mobilenetv2_3d_nano shufflenetv2_3d_nano ircsn_nano cakes_nano rubiksnet_nano p3d_nano".split()


@pytest.mark.parametrize("name", NETS)
def test_one_compilation_and_one_export(name):
    net = create_model(name, num_classes=4).eval()
    clips = [torch.randn(n, 3, *size) for n, *size in CLIPS]
    torch._dynamo.reset()
    any_size = {axis: torch.export.Dim.AUTO for axis in (0, 2, 3, 4)}
    with torch.no_grad(), torch._dynamo.config.patch(error_on_recompile=True):
        compiled = torch.compile(net, backend="eager", fullgraph=True, dynamic=True)
        exported = torch.export.export(net, (clips[0],), dynamic_shapes=(any_size,)).module()
        for clip in clips:
            want = net(clip)
            torch.testing.assert_close(compiled(clip), want, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(exported(clip), want, rtol=1e-4, atol=1e-5)
