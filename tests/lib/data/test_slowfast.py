"""X3D's clips, crops and pixels, as SlowFast's own code computed them."""

import numpy as np
import pytest
import torch
from stand_in import golden

from lib.data import crops, transforms
from lib.data.protocols import TEST_PROTOCOLS, X3D
from lib.data.slowfast import slowfast

PROTOCOL = golden("x3d/protocol")


@pytest.mark.parametrize("row", PROTOCOL["slowfast_test_clips"], ids=lambda row: f"{row['size']}-{row['fps']}")
def test_clips(row):
    frames, stride, *_ = X3D[row["size"].lower()]
    found = slowfast(row["frames_in_video"], frames, frame_stride=stride, clips=row["views"], fps=row["fps"])
    assert found.shape == (row["views"], frames)
    assert {clip: found[int(clip)].tolist() for clip in row["clips"]} == {k: v[1] for k, v in row["clips"].items()}
    if row["fps"] == 30:
        assert (TEST_PROTOCOLS[f"x3d_{row['size'].lower()}_10x3"].sampler(row["frames_in_video"]) == found).all()


def test_training_clips():
    """One clip anywhere in the video, spread from its first to its last frame."""
    clips = np.concatenate([slowfast(300, 13, np.random.default_rng(i), frame_stride=6) for i in range(200)])
    assert clips.min() >= 0 and clips.max() < 300 and clips[:, 0].min() < 10 and clips[:, 0].max() > 212
    assert set((clips[:, -1] - clips[:, 0]).tolist()) <= {76, 77, 78}


@pytest.mark.parametrize("crop", ["three_crops", "centre_crop"])
def test_crops(crop):
    for row in PROTOCOL[crop]:
        width, height = row["source_wh"]
        height, width = transforms.short_side_size(height, width, row["short_side"], "slowfast")
        assert [width, height] == row["resized_wh"]
        if crop == "centre_crop":
            ((top, left, *_),) = crops.centre_slowfast(height, width, row["crop"])
            assert [left, top] == row["crop_xy"]
        else:
            boxes = crops.three_slowfast(height, width, row["crop"])
            assert [[left, top] for top, left, *_ in boxes] == row["crop_xy_left_centre_right_or_top_centre_bottom"]


def test_pixels_and_views():
    pixels = TEST_PROTOCOLS["x3d_s_10x3"].pixels
    row = PROTOCOL["normalise"]
    clip = torch.tensor(row["pixel"], dtype=torch.uint8).expand(3, 1, 1, 4)
    torch.testing.assert_close(transforms.normalize(clip, pixels)[0, 0, 0], torch.tensor(row["value"]))
    views = {name: (p.views(300), p.size, p.short_side) for name, p in TEST_PROTOCOLS.items() if "x3d" in name}
    assert views["x3d_s_10x3"] == (30, 182, 182) and views["x3d_s_10x1"] == (10, 160, 182)
    assert views["x3d_l_10x3"] == (30, 356, 356) and views["x3d_l_10x1"] == (10, 312, 356) and len(views) == 8
