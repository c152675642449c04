"""`extract` and `merge`: from published weights and a manifest to an accuracy."""

import torch

from bench.__main__ import main
from lib import create_model
from lib.weights.published import save_published


def test_the_two_commands(tiny_shapes, tmp_path, capsys):
    torch.manual_seed(0)
    net = create_model("p3d_18", num_classes=8)
    save_published("p3d_18", net, tmp_path / "p3d.pth")
    sizes = "--run 4 --clips 2 --size 32 --batch-size 10".split()
    for crop in ("centre", "three_corners"):
        place = [str(tiny_shapes / "shape"), "--out", str(tmp_path / f"{crop}.npz"), "--crop", crop]
        main(["extract", "p3d_18", str(tmp_path / "p3d.pth"), *place, *sizes])
    main(["merge", str(tmp_path / "centre.npz"), str(tmp_path / "three_corners.npz")])
    said = capsys.readouterr().out
    assert "6 views of 10 videos" in said and "10 videos, 2 clips, mean of all clips' logits" in said
    assert "so no result" in said
