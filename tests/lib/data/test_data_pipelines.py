"""Crops, sizes and pixels of the references' own pipelines, from their golden files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.data import PIXELS, Pixels, crops, normalize, transforms

GOLDEN = Path(__file__).parents[2] / "golden"
EFFICIENT3DCNNS_SETS = {"activitynet": "activitynet", "kinetics": "efficient3dcnns_kinetics"}


def golden(name):
    return json.loads((GOLDEN / f"{name}.golden.json").read_text())


def noise(seed, frames, height, width):
    draws = np.random.RandomState(seed)
    return np.stack([draws.randint(0, 256, (height, width, 3)).astype(np.uint8) for _ in range(frames)])


def edges(box):
    """Left, top, right, bottom, as Pillow crops."""
    top, left, h, w = box
    return [left, top, left + w, top + h]


def as_tensor(clip):
    return torch.from_numpy(np.ascontiguousarray(clip)).permute(3, 0, 1, 2)  # (3, T, H, W)


@pytest.mark.parametrize("row", golden("cakes/data_schedule")["multiscale_crop"], ids=str)
def test_tsn_crop(row):
    width, height = row["image_w_h"]
    sides = crops.multi_scale_sides(height, width, 224, (1, 0.875, 0.75, 0.66))
    assert [[w, h] for h, w in sides] == row["pairs_w_h"]
    w, h = row["pairs_w_h"][1]
    offsets = [[right * ((width - w) // 4), down * ((height - h) // 4)] for right, down in crops.QUARTERS]
    assert offsets == row["offsets_for_pair_1"]


def test_tsn_crop_draws_from_these_alone():
    rng, scales = np.random.default_rng(0), (1, 0.875, 0.75, 0.66)
    drawn = {crops.multi_scale_box(256, 340, 224, rng, scales) for _ in range(5000)}
    allowed = {
        (down * ((256 - h) // 4), right * ((340 - w) // 4), h, w)
        for h, w in crops.multi_scale_sides(256, 340, 224, scales)
        for right, down in crops.QUARTERS
    }
    assert drawn == allowed


@pytest.mark.parametrize("row", golden("efficient3dcnns/pipeline")["boxes"], ids=str)
def test_efficient3dcnns_boxes(row):
    width, height = row["image_wh"]
    side = int(min(height, width) * row["scale"])
    if row["method"] == "corner":
        box = crops.corner_square(height, width, side, row["position"])
    else:
        box = crops.random_square(height, width, side, *row["tl"])
    assert edges(box) == row["box"]


def test_efficient3dcnns_scales():
    np.testing.assert_allclose(crops.FIVE_SCALES, golden("efficient3dcnns/pipeline")["scales"], rtol=1e-14)


@pytest.mark.parametrize("row", golden("efficient3dcnns/pipeline")["eval_pipeline"], ids=str)
def test_efficient3dcnns_evaluation(row):
    size, unit = row["sample_size"], 255 / row["norm_value"]
    clip = transforms.resize_short_side(noise(row["image_seed"], 1, *row["image_wh"][::-1]), size)
    clip = as_tensor(transforms.crop(clip, crops.centre(*clip.shape[1:3], size)[0]))
    known = PIXELS[EFFICIENT3DCNNS_SETS[row["mean_dataset"]]]
    mean = np.array(known.mean) * unit / 255
    std = np.array(known.std) * unit / 255 if row["std_norm"] else np.ones(3)
    out = normalize(clip, Pixels(mean, std, unit))[:, 0]
    assert list(out.shape) == row["shape"]
    grey_level = unit / 255 / std.min()
    np.testing.assert_allclose(out[:, 0, :5], row["first_row_first5"], rtol=0, atol=1.001 * grey_level)
    np.testing.assert_allclose(out.mean((1, 2)), row["channel_means"], rtol=0, atol=0.05 * grey_level)
    np.testing.assert_allclose(out.abs().mean(), row["abs_mean"], rtol=0, atol=0.05 * grey_level)


@pytest.mark.parametrize("row", golden("efficient3dcnns/pipeline")["test_crops"], ids=str)
def test_efficient3dcnns_test_crops(row):
    size = row["sample_size"]
    clip = transforms.resize_short_side(
        noise(row["image_seed"], 1, *row["image_wh"][::-1]), int(size / row["scale_in_test"])
    )
    height, width = clip.shape[1:3]
    corner = row["crop_position_in_test"]
    box = crops.centre(height, width, size)[0] if corner == "c" else crops.corner_square(height, width, size, corner)
    np.testing.assert_allclose(transforms.crop(clip, box).mean((0, 1, 2)), row["channel_means"], rtol=0, atol=0.05)


def test_cakes_validation():
    (row,) = golden("cakes/data_schedule")["val_pipeline"]
    clip = noise(0, row["frames"]["T"], row["frames"]["h"], row["frames"]["w"])
    clip = transforms.resize_short_side(clip, 256)
    clip = as_tensor(transforms.crop(clip, crops.centre(*clip.shape[1:3], 224)[0]))
    out = normalize(clip, PIXELS["imagenet"]).transpose(0, 1)
    grey_level = 1.001 / 255 / 0.224
    assert list(out.shape) == row["shape_T_C_H_W"]
    np.testing.assert_allclose(out.flatten()[:5], row["first"], rtol=0, atol=grey_level)
    np.testing.assert_allclose(out.flatten()[-5:], row["last"], rtol=0, atol=grey_level)
    sums = out.sum((2, 3), dtype=torch.float64)
    np.testing.assert_allclose(sums, row["frame_channel_sums"], rtol=0, atol=0.02 * grey_level * 224 * 224)


def test_cakes_training_crop():
    (row,) = golden("cakes/data_schedule")["train_crop_resize"]
    left, top, w, h = row["crop_x_y_w_h"]
    clip = noise(row["frame"]["RandomState"], 1, row["frame"]["h"], row["frame"]["w"])
    out = transforms.resize(transforms.crop(clip, (top, left, h, w)), *row["resize"])[0].astype(int)
    assert np.abs(out[0, :3] - row["row0_first3"]).max() <= 1 and np.abs(out[-1, -1] - row["last_pixel"]).max() <= 1
    assert abs(out.sum() - row["sum"]) < 0.02 * out.size


@pytest.mark.parametrize("row", golden("csn/protocol")["resize_short_256"], ids=str)
def test_csn_sizes(row):
    width, height = row["w_h"]
    assert transforms.short_side_size(height, width, 256, "opencv")[::-1] == tuple(row["out_w_h"])


@pytest.mark.parametrize("row", golden("csn/protocol")["three_crop_256"], ids=str)
def test_csn_three_crops(row):
    width, height = row["w_h"]
    boxes = [edges(box) for box in crops.three_along(height, width, 256)]
    assert boxes == row["boxes_left_top_right_bottom"]


@pytest.mark.parametrize(
    "width, height, corners",  # rubiksnet.md, section 8
    [(340, 256, [(0, 16), (116, 16), (58, 16)]), (256, 455, [(0, 114), (32, 114), (16, 114)])],
)
def test_rubiksnet_three_crops(width, height, corners):
    assert [(left, top) for top, left, _, _ in crops.three_quarters(height, width, 224)] == corners


def test_torchvisions_centre():
    assert crops.centre(256, 341, 224) == [(16, 58, 224, 224)]  # 58.5 to even


def test_random_resized_box_draws_area_and_aspect():
    rng = np.random.default_rng(0)
    boxes = np.array([crops.random_resized_box(256, 340, 224, rng, area=(0.1, 0.4)) for _ in range(4000)])
    area, aspect = boxes[:, 2] * boxes[:, 3] / (256 * 340), boxes[:, 3] / boxes[:, 2]
    quarters = [0.1, 0.175, 0.25, 0.325, 0.4]  # all of these fit, so both draws stay uniform
    np.testing.assert_allclose(np.quantile(area, [0, 0.25, 0.5, 0.75, 1]), quarters, atol=0.01)
    logarithms = np.log(4 / 3) * np.array([-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(np.quantile(np.log(aspect), [0, 0.25, 0.5, 0.75, 1]), logarithms, atol=0.02)
    assert crops.random_resized_box(10, 1000, 224, rng, area=(1, 1)) == (0, 495, 10, 10), "nothing fits: the middle"


def test_short_side_jitter():
    """256 to 320 at 224: of a 256 x 340 video a square of 224 / 320 to 224 / 256 of its short side, anywhere."""
    rng = np.random.default_rng(0)
    boxes = np.array([crops.short_side_jitter_box(256, 340, 224, rng) for _ in range(4000)])
    assert (boxes[:, 2] == boxes[:, 3]).all() and boxes[:, 2].min() == round(0.7 * 256) and boxes[:, 2].max() == 224
    np.testing.assert_allclose(np.median(256 * 224 / boxes[:, 2]), (256 + 320) / 2, atol=2)
    assert boxes[:, 0].min() == boxes[:, 1].min() == 0 and (boxes[:, 1] + boxes[:, 3]).max() == 340


def test_normalisation_sets_agree_across_scales():
    """csn.md gives VMZ's set twice, on the scale to 1 and on that to 255."""
    clip = torch.from_numpy(noise(0, 2, 8, 8)).permute(3, 0, 1, 2)
    mean, std = (110.2008, 100.63983, 95.99475), (58.14765, 56.46975, 55.332195)
    out = normalize(clip, PIXELS["kinetics"])
    torch.testing.assert_close(out, normalize(clip, Pixels(mean, std, 255)), rtol=0, atol=1e-5)
