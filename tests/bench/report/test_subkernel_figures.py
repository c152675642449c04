"""The figures of a search show what is in its deal and its record."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import kernels
from bench.report.subkernel_figures import (
    COLOURS,
    draw_deal,
    draw_deals,
    draw_gammas,
    draw_mask,
    kernel_cells,
    kind_name,
)
from lib.models.subkernels import OPS, PUBLISHED_DEALS

DEAL = [{"kxkxk": 3, "1xkxk": 0, "kx1x1": 1}, {"kxkxk": 2, "1xkxk": 5, "kx1x1": 1}]


def test_bars_are_the_shares_of_a_deal():
    ax = plt.figure().subplots()
    draw_deal(ax, DEAL, "searched")
    shares = [bar.get_width() for bar in ax.patches]
    assert shares == pytest.approx([3 / 4, 0, 1 / 4, 2 / 8, 5 / 8, 1 / 8])
    assert [text.get_text() for text in ax.texts] == ["3", "1", "2", "5", "1"]
    plt.close(ax.figure)


def test_a_mask_shows_the_cells_of_each_channel():
    """A line along time lies in the middle of its plane; a kind without channels has no column."""
    assert np.argwhere(kernel_cells("kx1x1")).tolist() == [[0, 1, 1], [1, 1, 1], [2, 1, 1]]
    ax = plt.figure().subplots()
    draw_mask(ax, {"kxkxk": 2, "1xkxk": 0, "kx1x1": 1})
    shown = ax.images[0].get_array().filled(np.nan)
    assert shown.shape == (27, 3) and (shown[:, :2] == 0).all()
    assert np.flatnonzero(shown[:, 2] == 1).tolist() == [4, 13, 22] and np.isnan(shown[:, 2]).sum() == 24
    assert [text.get_text() for text in ax.get_xticklabels()] == ["kxkxk", "kx1x1"]
    ax.figure.canvas.draw()
    rows = [text.get_text() for text in ax.get_yticklabels(minor=True)]
    assert rows == 3 * ["h - 1", "h", "h + 1"], "each frame's rows have their names, its middle one too"
    plt.close(ax.figure)


def test_gammas_start_at_one_and_the_loudest_stay():
    history = [{"gammas": [[0.9, 0.5, 1.2, 0.7]]}, {"gammas": [[0.8, 0.1, 1.3, 0.75]]}]
    axes = plt.figure().subplots(2, 1)
    assert draw_gammas(axes, history, 0, ("kxkxk", "1xkxk")) == [0, 2]
    for ax, (faint, kept) in zip(axes, ([0.5, 0.1], [0.7, 0.75]), strict=True):
        candidates, cut = ax.lines[:-1], ax.lines[-1]
        assert all(line.get_ydata()[0] == 1 for line in candidates)
        assert list(candidates[0].get_ydata()) == [1, faint, kept]
        assert list(cut.get_ydata()) == pytest.approx([0.8, 0.8]) and ax.texts[0].get_text() == "1 of 2 stay"
    plt.close(axes[0].figure)


def test_kinds_of_gammas_are_told_apart_without_colour():
    """A kind has axes of its own: no line of another is there to be taken for it."""
    history = [{"gammas": [[0.9, 0.5, 1.2, 0.7]]}]
    axes = plt.figure().subplots(2, 1)
    draw_gammas(axes, history, 0, ("kxkxk", "1xkxk"))
    ends = [sorted(line.get_ydata()[-1] for line in ax.lines[:-2]) for ax in axes]  # without the mean and the cut
    assert ends == [[0.5, 0.9], [0.7, 1.2]]
    plt.close(axes[0].figure)


def test_deep_deals_side_by_side():
    figure = plt.figure(layout="constrained")
    deals = {name: PUBLISHED_DEALS[name] for name in ("CAKES123D_C", "CAKES123D_P")}
    draw_deals(figure, deals, dict.fromkeys(deals, "a note"))
    titles = [ax.get_title() for ax in figure.axes]
    assert [title.split("\n")[0] for title in titles[:3]] == [kind_name(kind) for kind in OPS["conv1_2_3d"]]
    assert all([text.get_text() for text in ax.texts] == ["time", "width", "height"] for ax in figure.axes[:3])
    assert titles[3:] == ["CAKES123D_C\na note", "CAKES123D_P\na note"]
    plt.close(figure)


def test_every_kind_has_a_colour_of_its_own():
    assert set(COLOURS) == set(kernels.KINDS) and len(set(COLOURS.values())) == len(COLOURS)
    assert kind_name("1xkxk") == "1 × 3 × 3, 2D"
