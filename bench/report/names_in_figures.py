"""Names beside points: text as it is, at a place where it covers nothing, and a list where names are many or long."""

import itertools
import textwrap

import numpy as np

from bench.report.text import visible

MANY, LONG = 20, 32  # points, characters: from there on a number stands for the name
# of a name from its point: (points right, points up, its edge at the point); the first that are free are best. From
# the places AWAY a thin line leads to the point
NEAR = [(right, up, edge) for up in (5, -12) for right, edge in ((7, "left"), (-7, "right"), (0, "center"))]
NEAR += [(10, -3, "left"), (-10, -3, "right"), (0, 16, "center"), (0, -23, "center")]
AWAY = [
    (side * right, up, "left" if side > 0 else "right")
    for up in (5, -12, 16, -23, 27, -34, 42, -49, 60, -67, -87)
    for right in (7, 28, 50, 75)
    for side in (1, -1)
    if right > 7 or abs(up) > 12
]
PLACES = NEAR + AWAY
# as if covered, pixels: what a place costs of itself
DEAR = np.array([2 * number for number in range(len(NEAR))] + [60 + np.hypot(*place[:2]) for place in AWAY])
MISLEADING = 200  # the same of a name that stands nearer to another point than to its own
NEARER = 1.3  # of the way to its own point, at which it is called nearer
THICK = 7  # of an interval with its caps, or of the grey range behind it, points
LINE, TOUCHED = 8, 100  # what it costs to stand on a line or an interval, per square pixel, and at all
CROSSED = 150  # for each of STEPS of a leading line that touches something
STEPS = 24
ROUNDS, STARTS = 6, 40  # in which a name may move, once it knows where the others stand; orders that are tried


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
    listed = [f"{numbers[place]}  {name}" for place, name in enumerate(names) if not alone[place]]
    return at_point, listed


def name_points(ax, names, x, y, low, high, lines=()):
    """Write each name beside its point (x, y), where it covers no point, interval (low to high), line or other name.

    lines  [(x, y) of their corners]: names should not stand on them
    Where every place covers something, the one that covers least is taken; a place far from the point counts as a loss.
    """
    if not names:
        return
    ax.figure.canvas.draw()
    pixel = ax.figure.dpi / 72  # of a point, the unit of type
    point, bottom, top = (ax.transData.transform(list(zip(x, each, strict=True))) for each in (y, low, high))
    half = [THICK / 2 * pixel, 3]
    marks = np.array([[*xy - 6, *xy + 6] for xy in point])
    bars = np.array([[*under - half, *over + half] for under, over in zip(bottom, top, strict=True)])
    drawn = [box for corners in lines for box in _boxes_along(ax.transData.transform(corners))]
    taken = np.array([*marks, *bars, *drawn])
    size, names = (8 if len(names) <= MANY else 6.5), [plain(name).replace(" ", "\n", 1) for name in names]
    free = np.array([_boxes(ax, name, xy, size, pixel) for name, xy in zip(names, point, strict=True)])
    steps = _leaders(free, point)
    covered = _covered(free[:, :, None], taken)
    touched = TOUCHED * (covered > 4) * (len(names) <= 2 * MANY)  # among more, names are what needs the room
    loss = (LINE * covered + touched).sum(-1) + 3 * _outside(free, ax.bbox) + DEAR
    loss += _misleading(free, point) * ([1] * len(NEAR) + [0.3] * len(AWAY))
    for own, each in enumerate(steps):
        others = np.delete(taken, [own, len(marks) + own], axis=0)
        loss[own] += CROSSED * _inside(each, others).sum((-1, -2))
    for place, name, xy in zip(_settled(free, loss, steps), names, zip(x, y, strict=True), strict=True):
        right, up, edge = PLACES[place]
        leader = (
            {"arrowstyle": "-", "lw": 0.5, "color": "0.5", "shrinkA": 0, "shrinkB": 4} if place >= len(NEAR) else None
        )
        ax.annotate(name, xy, (right, up), "data", "offset points", leader, ha=edge, fontsize=size)


def _leaders(free, points):
    """(names, places, STEPS, 2): along the line from a name's middle to its point; nan near both, and where none is."""
    middle = (free[..., :2] + free[..., 2:]) / 2
    along = np.linspace(0, 1, STEPS)[:, None]
    steps = middle[:, :, None] * along + points[:, None, None] * (1 - along)
    near = np.hypot(*np.moveaxis(steps - points[:, None, None], -1, 0)) < 10
    own = ((steps > free[:, :, None, :2]) & (steps < free[:, :, None, 2:])).all(-1)
    steps[near | own] = np.nan
    steps[:, : len(NEAR)] = np.nan
    return steps


def _meet(some, others):
    """Which leading lines (P, STEPS, 2) cross which others (N, STEPS, 2).  -> bool (P, N)"""
    (a, b), (c, d) = (_ends(each) for each in (some[:, None], others[None]))

    def turns(p, q, r):
        return np.sign(
            (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])
        )

    return (turns(a, b, c) * turns(a, b, d) < 0) & (turns(c, d, a) * turns(c, d, b) < 0)


def _ends(steps):
    """The first and the last of the steps (..., STEPS, 2) that are there; nan without any."""
    there = ~np.isnan(steps[..., 0])
    first, last = there.argmax(-1), STEPS - 1 - there[..., ::-1].argmax(-1)
    return [np.take_along_axis(steps, at[..., None, None], -2)[..., 0, :] for at in (first, last)]


def _inside(steps, boxes):
    """Which steps (..., S, 2) lie in which boxes (B, 4), or within 2 pixels of them.  -> bool (..., S, B)"""
    x, y = steps[..., None, 0], steps[..., None, 1]
    return (x > boxes[:, 0] - 2) & (x < boxes[:, 2] + 2) & (y > boxes[:, 1] - 2) & (y < boxes[:, 3] + 2)


def _boxes(ax, text, xy, size, pixel):
    """Where a text of this size would stand at each of PLACES around the pixel xy.  -> rows (x0, y0, x1, y1)"""
    probe = ax.text(0, 0, text, fontsize=size, transform=None)  # in pixels, its baseline at 0
    box = probe.get_window_extent()
    probe.remove()
    edges = {"left": 0, "right": -box.width, "center": -box.width / 2}
    corners = [(xy[0] + right * pixel + edges[edge], xy[1] + up * pixel) for right, up, edge in PLACES]
    return [(x + box.x0, y + box.y0, x + box.x1, y + box.y1) for x, y in corners]


def _boxes_along(corners):
    """Thin boxes along each stretch of a line."""
    found = []
    for a, b in itertools.pairwise(corners):
        along_axis = np.abs(b - a).min() < 1
        stops = [a, b] if along_axis else np.linspace(a, b, 2 + int(np.hypot(*(b - a)) // 8))
        found += [[*np.minimum(c, d) - 1, *np.maximum(c, d) + 1] for c, d in itertools.pairwise(stops)]
    return found


def _settled(free, loss, steps):
    """The place of each name that loses and covers least, the best of several orders in which they choose.

    free (names, places, 4): boxes x0, y0, x1, y1. loss (names, places): what a place costs whatever the others do
    steps (names, places, STEPS, 2): of the lines that lead to the points
    """
    rng, tried = np.random.RandomState(0), []
    for start in range(STARTS if len(free) <= 2 * MANY else 1):
        order = rng.permutation(len(free)) if start else np.argsort(-loss.min(1), kind="stable")  # least choice first
        tried.append(_settled_in(order, free, loss, steps))
    return min(tried, key=lambda found: found[1])[0]


def _settled_in(order, free, loss, steps):
    """(places, their cost): each name in turn goes where it costs least while the others stand where they do."""
    at, cost = np.full(len(free), -1), np.zeros(len(free))
    for _ in range(ROUNDS):
        before = at.copy()
        for i in order:
            others = np.flatnonzero((at >= 0) & (np.arange(len(at)) != i))
            there, led = free[others, at[others]], steps[others, at[others]]
            costs = loss[i] + LINE * _covered(free[i][:, None], there).sum(-1)
            touched = _inside(steps[i], there).sum((-1, -2)) + _inside(led.reshape(-1, 2), free[i]).sum(0)
            costs += CROSSED * (touched + 2 * _meet(steps[i], led).sum(-1))
            at[i] = costs.argmin()
            cost[i] = costs.min()
        if (at == before).all():
            break
    return at, cost.sum()


def _misleading(free, points):
    """(names, places): what it costs to stand nearer, or hardly less near, to another's point than to one's own."""
    gap = np.maximum(free[..., None, :2] - points, points - free[..., None, 2:]).clip(0)  # (names, places, points, 2)
    gap = np.hypot(gap[..., 0], gap[..., 1])
    own = np.diagonal(gap, axis1=0, axis2=2).T
    nearer = gap < NEARER * own[..., None] - 1
    nearer[np.arange(len(points)), :, np.arange(len(points))] = False
    return MISLEADING * nearer.any(-1)


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
