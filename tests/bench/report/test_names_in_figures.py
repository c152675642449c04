"""Names in the shipped figures: each is read with its own point; nothing that leads to one touches another's."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bench.report.csv_files import read_table
from bench.report.names_in_figures import short_names
from bench.report.trade_off_figure import LOOKS, draw_trade_off
from lib.run import ROOT

SHIPPED = ROOT / "results" / "shipped"
SUITES = ("standard", "quick", "quick_seeds")


@pytest.fixture(scope="module", params=SUITES)
def drawn(request):
    ax = draw_trade_off(read_table(SHIPPED / request.param / "trade_off.csv"))
    ax.figure.canvas.draw()
    yield ax
    plt.close("all")


def names(ax):
    """[(text, its box without its leader)]"""
    return [(text, Text.get_window_extent(text)) for text in ax.texts if text.get_text()]


def marks(ax):
    """[(the pixel of a mark, the box of all that belongs to its net)]"""
    looks = {marker for _, marker, _ in LOOKS.values()}
    points = [ax.transData.transform(line.get_xydata()[0]) for line in ax.lines if line.get_marker() in looks]
    upright = [line for line in ax.lines if len(set(line.get_xdata())) == 1 and line.get_transform() == ax.transData]
    return [
        (point, Bbox.union([line.get_window_extent() for line in upright if own(ax, line, point)])) for point in points
    ]


def own(ax, line, point):
    data = ax.transData.transform(line.get_xydata())
    return abs(data[0, 0] - point[0]) < 0.1 and data[:, 1].min() - 1 <= point[1] <= data[:, 1].max() + 1


def leaders(ax):
    """[(text, the pixels along the line that leads from it to its point)]"""
    found = []
    for text, _ in names(ax):
        if (arrow := text.arrow_patch) is not None:
            path = arrow.get_transform().transform_path(arrow.get_path())
            found.append((text, path.interpolated(50).vertices))
    return found


def point_of(ax, text):
    return ax.transData.transform(text.xy)


def test_no_name_stands_on_a_net_or_on_the_front(drawn):
    (front,) = [line for line in drawn.lines if line.get_drawstyle() == "steps-post"]
    corners = drawn.transData.transform(front.get_xydata())
    steps = [Bbox([(a[0], a[1] - 0.5), (b[0], a[1] + 0.5)]) for a, b in itertools.pairwise(corners)]
    steps += [Bbox([(b[0] - 0.5, a[1]), (b[0] + 0.5, b[1])]) for a, b in itertools.pairwise(corners)]
    for text, box in names(drawn):
        for there in [*(box for _, box in marks(drawn)), *steps]:
            shared = Bbox.intersection(box, there)
            assert not shared or min(shared.width, shared.height) < 2, text.get_text()


def test_no_name_stands_on_another(drawn):
    assert not [(a[0], b[0]) for a, b in itertools.combinations(names(drawn), 2) if a[1].overlaps(b[1])]


def test_what_leads_to_a_point_touches_no_other_mark_and_no_name(drawn):
    """One line led through the mark of a third net, another through a name."""
    assert leaders(drawn)
    for text, line in leaders(drawn):
        for point, _ in marks(drawn):
            distance = np.hypot(*(line - point).T).min()
            assert distance > 4 or np.allclose(point, point_of(drawn, text)), text.get_text()
        for other, box in names(drawn):
            assert other is text or not any(box.contains(*pixel) for pixel in line), (text, other)


def test_nothing_that_leads_to_a_point_crosses_another(drawn):
    for (_, a), (_, b) in itertools.combinations(leaders(drawn), 2):
        assert np.hypot(*(a[:, None] - b[None]).reshape(-1, 2).T).min() > 0.7


def test_the_list_holds_the_numbers_that_stand_at_points():
    """It held the nets of the front too, whose names stand there."""
    at_point, listed = short_names([f"net_{n}" for n in range(25)], {3, 7}, range(1, 26))
    assert at_point[3] == "net_3" and len(listed) == 23
    assert [line.split("  ")[0] for line in listed] == [name for name in at_point if name.isdigit()]
