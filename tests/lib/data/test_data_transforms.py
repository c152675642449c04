import numpy as np
import pytest
import torch
from PIL import Image
from video_files import moving_pattern

from lib.data import Pixels, as_clip, crops, normalize, transforms


def noise(frames, height, width):
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("to", [(32, 32), (96, 50), (41, 160), (97, 131)])
def test_resize_is_pillows(to):
    clip = noise(2, 64, 86)
    pillow = np.stack([np.asarray(Image.fromarray(f).resize(to[::-1], Image.Resampling.BILINEAR)) for f in clip])
    difference = np.abs(transforms.resize(clip, *to).astype(int) - pillow)
    assert difference.max() <= 1


def test_resize_leaves_a_fitting_clip_alone():
    clip = noise(2, 64, 86)
    assert transforms.resize(clip, 64, 86) is clip
    assert transforms.resize_short_side(clip, 64) is clip
    assert transforms.resize_short_side(clip, 32).shape == (2, 32, 43, 3)


@pytest.mark.parametrize(
    "size, short, truncated, half_up",
    [((240, 320), 256, (256, 341), (256, 341)), ((128, 170), 112, (112, 148), (112, 149))],
)
def test_short_side_size(size, short, truncated, half_up):
    assert transforms.short_side_size(*size, short) == truncated
    assert transforms.short_side_size(*size, short, "opencv") == half_up


def test_mirror_and_its_label():
    clip = noise(2, 4, 6)
    np.testing.assert_array_equal(transforms.mirror(clip), clip[:, :, ::-1])
    np.testing.assert_array_equal(transforms.mirror(transforms.mirror(clip)), clip)
    assert [transforms.mirrored_label(label, [(0, 2), (4, 3)]) for label in range(6)] == [2, 1, 0, 4, 3, 5]
    assert [transforms.mirrored_label(label, []) for label in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="must not be mirrored"):
        transforms.mirrored_label(0, None)


@pytest.mark.parametrize("name", crops.TRAIN_CROPS)
@pytest.mark.parametrize("height, width", [(64, 86), (86, 64), (64, 64), (7, 200)])
def test_training_boxes_lie_inside(name, height, width):
    rng = np.random.default_rng(0)
    boxes = {crops.TRAIN_CROPS[name](height, width, 64, rng) for _ in range(200)}
    for top, left, h, w in boxes:
        assert 0 <= top <= top + h <= height and 0 <= left <= left + w <= width
        assert h > 0 and w > 0
    assert len(boxes) > 20 or min(height, width) < 64


@pytest.mark.parametrize(
    "name, views", [("centre", 1), ("three_along", 3), ("three_quarters", 3), ("three_corners", 3)]
)
@pytest.mark.parametrize("height, width", [(64, 87), (86, 64), (64, 64)])
def test_test_boxes(name, views, height, width):
    boxes = crops.TEST_CROPS[name](height, width, 64)
    assert len(boxes) == views
    for top, left, h, w in boxes:
        assert (h, w) == (64, 64) and 0 <= top <= height - 64 and 0 <= left <= width - 64


def test_multi_scale_pairs_differ_by_one_step():
    sides = crops.multi_scale_sides(256, 340, 224, (1, 0.875, 0.75, 0.66))
    assert len(sides) == 10 and (256, 192) not in sides and (168, 168) in sides


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
def test_normalize(memory_format):
    clips = torch.randint(0, 256, (2, 3, 4, 5, 6), dtype=torch.uint8).contiguous(memory_format=memory_format)
    before, mean, std = clips.clone(), torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.1])
    out = normalize(clips, Pixels(mean, std))
    torch.testing.assert_close(out, (clips / 255 - mean.view(3, 1, 1, 1)) / std.view(3, 1, 1, 1))
    assert out.dtype == torch.float32 and out.is_contiguous(memory_format=memory_format)
    bgr = normalize(clips, Pixels([110, 120, 130], [1, 1, 1], 255, "BGR"))
    torch.testing.assert_close(bgr[:, 0], clips[:, 2] - 110.0)
    assert torch.equal(clips, before)


def test_one_draw_for_all_frames():
    """A still video stays still, whatever is drawn."""
    clip = np.repeat(moving_pattern(1, 64, 86), 8, axis=0)
    box = crops.multi_scale_box(64, 86, 48, np.random.default_rng(3))
    cut = transforms.resize(transforms.crop(clip, box), 48, 48)
    assert (cut == cut[:1]).all()


def test_as_clip():
    """Published stacks of frames, of one clip or of several views, are clips; what does not divide is refused."""
    clip = torch.randn(2, 3, 8, 4, 6)
    stacked = clip.transpose(1, 2)
    assert torch.equal(as_clip(stacked, 8), clip)
    assert torch.equal(as_clip(stacked.flatten(1, 2), 8), clip)
    assert torch.equal(as_clip(stacked, 4)[:2], torch.stack([clip[0, :, :4], clip[0, :, 4:]]))
    for wrong, frames in (
        (stacked, 3),
        (stacked[:, :, :2], 8),
        (stacked.reshape(2, 24, 4, 6)[:, :23], 8),
        (clip[0], 8),
    ):
        with pytest.raises(ValueError, match="in clips of"):
            as_clip(wrong, frames)
