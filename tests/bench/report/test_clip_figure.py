"""Every frame of a clip has its picture."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from bench.report.clip_figure import draw_clip, draw_rows


@pytest.mark.parametrize("clip", [torch.rand(3, 4, 6, 5), np.full((3, 4, 6, 5), 200, np.uint8)])
def test_a_frame_a_picture(clip):
    figure = draw_clip(clip, "a title")
    assert [ax.get_title() for ax in figure.axes] == [f"t = {t}" for t in range(4)]
    assert (np.asarray(figure.axes[2].images[0].get_array()) == np.asarray(clip)[:, 2].transpose(1, 2, 0)).all()
    plt.close(figure)


def test_room_beside_it():
    figure, ax = draw_clip(torch.rand(3, 1, 6, 5), beside=2)
    assert len(figure.axes) == 2 and not ax.images
    plt.close(figure)


def test_rows_are_grey_around_zero_if_they_have_a_sign():
    figure = draw_rows({"x": torch.rand(3, 4, 5), "y": torch.rand(3, 4, 5) - 0.5})
    ranges = [(ax.images[0].norm.vmin, ax.images[0].get_cmap().name) for ax in figure.axes]
    assert ranges == [(0, "gray")] * 3 + [(-1, "gray")] * 3
    plt.close(figure)
