"""The contact sheet of a prepared dataset."""

import numpy as np
import pytest

from data_prep.moving_shapes.contact_sheet import contact_sheet, tile
from lib.data.manifest import read_manifest


def test_a_sheet_has_a_row_per_video(tiny_shapes):
    sheet = contact_sheet(tiny_shapes, split="val", videos=3, frames=4, height=48)
    assert sheet.dtype == np.uint8 and sheet.shape[0] == 3 * 52 and sheet.shape[2] == 3
    assert contact_sheet(tiny_shapes / "shape", videos=2, frames=2, height=48).shape[0] == 2 * 52
    videos = len(read_manifest(tiny_shapes / "motion").split("val"))
    assert contact_sheet(tiny_shapes / "motion", split="val", videos=99, height=48).shape[0] == videos * 52


def test_frames_keep_their_proportions_and_pixels():
    red, blue = [200, 30, 60], [10, 90, 210]
    wide, high = np.full((5, 10, 20, 3), red, np.uint8), np.full((3, 40, 20, 3), blue, np.uint8)
    sheet = tile([wide, high], ["red", "blue"], frames=2, height=10)
    assert sheet.shape[0] == 2 * 14
    assert (sheet == red).all(axis=2).sum() == 2 * 10 * 20 and (sheet == blue).all(axis=2).sum() == 2 * 10 * 5


def test_a_folder_without_a_manifest_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no manifest.csv"):
        contact_sheet(tmp_path)
