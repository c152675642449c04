"""Every frame of a clip has its picture."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from bench.report.clip_figure import draw_clip


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
