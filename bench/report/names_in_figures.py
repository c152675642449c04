"""Names beside points: text as it is, at a place where it covers nothing, and a list where names are many or long."""

import itertools
import textwrap

import numpy as np

from bench.report.text import visible

MANY, LONG = 20, 32  # points, characters: from there on a number stands for the name
# of a name from its point: (points right, points up, its edge at the point); the first that are free are best
PLACES = [
    (right, up, edge)
    for above, below in ((5, -12), (16, -23), (27, -34), (38, -45))
    for up in (above, below)
    for right, edge in ((7, "left"), (-7, "right"), (0, "center"))
]
FAR = 20  # points up or down: from there on a thin line leads to the point
DEAR = [2 * number + (60 if abs(up) > FAR else 0) for number, (_, up, _) in enumerate(PLACES)]  # as if covered, pixels
MISLEADING = 200  # the same of a name that stands nearer to another point than to its own
ROUNDS = 3  # in which a name may move, once it knows where the others stand


def plain(text, width=None):
    """A name as matplotlib shows it: dollars are dollars and start no formula; wrapped after `width` characters."""
    text = visible(text)
    if width:
        text = "\n".join(textwrap.wrap(text, width) or [""])
    return text.replace("$", r"\$")


def short_names(names, front, numbers):
    """(what stands at each point, lines of a list of the others).

    A name stands at its point if it is short, and, where points are many, on the front; else its number does, and
    the list says whose number it is.
    front    places of the points that matter most
    numbers  of the names, one each
    """
    many = len(names) > MANY
    alone = [len(name) <= LONG and (not many or place in front) for place, name in enumerate(names)]
    at_point = [
        name if keep else str(numbers[place]) for place, (name, keep) in enumerate(zip(names, alone, strict=True))
    ]
    listed = [f"{numbers[place]}  {name}" for place, name in enumerate(names) if many or not alone[place]]
    return at_point, listed


def name_points(ax, names, x, y, low, high, lines=(), thick=4):
    """Write each name beside its point (x, y), where it covers no point, interval (low to high), line or other name.

    lines  [(x, y) of their corners]: names should not stand on them
    thick  of an interval, points
    Where every place covers something, the one that covers least is taken; a place far from the point counts as a loss.
    """
    if not names:
        return
    ax.figure.canvas.draw()
    pixel = ax.figure.dpi / 72  # of a point, the unit of type
    point, bottom, top = (ax.transData.transform(list(zip(x, each, strict=True))) for each in (y, low, high))
    half = [thick / 2 * pixel, 0]
    taken = 3 * [[*xy - 6, *xy + 6] for xy in point]  # a point is worse to cover than a line
    taken += [[*under - half, *over + half] for under, over in zip(bottom, top, strict=True)]
    taken += [box for corners in lines for box in _boxes_along(ax.transData.transform(corners))]
    size, names = (8 if len(names) <= MANY else 6.5), [plain(name).replace(" ", "\n", 1) for name in names]
    free = np.array([_boxes(ax, name, xy, size, pixel) for name, xy in zip(names, point, strict=True)])
    covered = _covered(free[:, :, None], np.array(taken)).sum(-1)
    loss = covered + _outside(free, ax.bbox) + _misleading(free, point) + DEAR
    for place, name, xy in zip(_settled(free, loss), names, zip(x, y, strict=True), strict=True):
        right, up, edge = PLACES[place]
        leader = {"arrowstyle": "-", "lw": 0.5, "color": "0.5", "shrinkA": 0, "shrinkB": 4} if abs(up) > FAR else None
        ax.annotate(name, xy, (right, up), "data", "offset points", leader, ha=edge, fontsize=size)


def _boxes(ax, text, xy, size, pixel):
    """Where a text of this size would stand at each of PLACES around the pixel xy.  -> rows (x0, y0, x1, y1)"""
    probe = ax.text(0, 0, text, fontsize=size, transform=None)  # in pixels, its baseline at 0
    box = probe.get_window_extent()
    probe.remove()
    edges = {"left": 0, "right": -box.width, "center": -box.width / 2}
    corners = [(xy[0] + right * pixel + edges[edge], xy[1] + up * pixel) for right, up, edge in PLACES]
    return [(x + box.x0, y + box.y0, x + box.x1, y + box.y1) for x, y in corners]


def _boxes_along(corners):
    """A thin box for each stretch of a line that goes along the axes."""
    return [[*np.minimum(a, b) - 1, *np.maximum(a, b) + 1] for a, b in itertools.pairwise(corners)]


def _settled(free, loss):
    """The place of each name that loses and covers least, while the others stand where they do.

    free (names, places, 4): boxes x0, y0, x1, y1. loss (names, places): what a place costs whatever the others do
    """
    at = np.full(len(free), -1)
    for _ in range(ROUNDS):
        for i, boxes in enumerate(free):
            others = np.flatnonzero((at >= 0) & (np.arange(len(at)) != i))
            there = free[others, at[others]]
            at[i] = (loss[i] + _covered(boxes[:, None], there).sum(-1)).argmin()
    return at


def _misleading(free, points):
    """(names, places): what it costs to stand nearer to another's point than to one's own."""
    gap = np.maximum(free[..., None, :2] - points, points - free[..., None, 2:]).clip(0)  # (names, places, points, 2)
    gap = np.hypot(gap[..., 0], gap[..., 1])
    own = np.diagonal(gap, axis1=0, axis2=2).T
    return MISLEADING * (gap.min(-1) < own - 1)


def _covered(boxes, others):
    """Square pixels that boxes share with others."""
    wide = np.minimum(boxes[..., 2], others[..., 2]) - np.maximum(boxes[..., 0], others[..., 0])
    high = np.minimum(boxes[..., 3], others[..., 3]) - np.maximum(boxes[..., 1], others[..., 1])
    return wide.clip(0) * high.clip(0)


def _outside(boxes, inside):
    """Square pixels of boxes outside the axes."""
    x0, y0, x1, y1 = np.moveaxis(boxes, -1, 0)
    beside = (inside.x0 - x0).clip(0) + (x1 - inside.x1).clip(0)
    return beside * (y1 - y0) + ((inside.y0 - y0).clip(0) + (y1 - inside.y1).clip(0)) * (x1 - x0)
