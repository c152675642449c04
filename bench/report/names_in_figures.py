"""Names beside points: text as it is, at a place where it covers nothing, and a list where names are many or long."""

import textwrap

from matplotlib.transforms import Bbox

from bench.report.text import visible

MANY, LONG = 20, 32  # points, characters: from there on a number stands for the name
# of a name from its point: (points right, points up, its edge at the point)
PLACES = [(7, 5, "left"), (7, -12, "left"), (-7, 5, "right"), (-7, -12, "right"), (7, 16, "left"), (7, -23, "left")]
PLACES += [(-7, 16, "right"), (-7, -23, "right"), (0, 9, "center"), (0, -17, "center")]


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


def name_points(ax, names, x, y, low, high):
    """Write each name beside its point (x, y), where it covers no point, interval (low to high) or other name.

    Where every place covers something, the one that covers least is taken.
    """
    if not names:
        return
    ax.figure.canvas.draw()
    point, bottom, top = (ax.transData.transform(list(zip(x, each, strict=True))) for each in (y, low, high))
    taken = [Bbox([xy - 6, xy + 6]) for xy in point]
    taken += [Bbox([under - [3, 0], over + [3, 0]]) for under, over in zip(bottom, top, strict=True)]
    size = 8 if len(names) <= MANY else 6.5
    for name, xy in zip(names, zip(x, y, strict=True), strict=True):
        covered = {}
        for right, up, edge in PLACES:
            place = {"xytext": (right, up), "textcoords": "offset points", "ha": edge, "fontsize": size}
            text = ax.annotate(plain(name), xy, **place)
            covered[text] = _covered(text.get_window_extent(), ax.bbox, taken)
            if not covered[text]:
                break
        best = min(covered, key=covered.get)
        taken.append(best.get_window_extent())
        for text in set(covered) - {best}:
            text.remove()


def _covered(box, inside, taken):
    """Square pixels of `taken` under `box`, and of `box` outside the axes."""
    area = sum(_shared(box, other) for other in taken)
    return area + max(0, inside.x0 - box.x0, box.x1 - inside.x1) * box.height


def _shared(a, b):
    return max(0, min(a.x1, b.x1) - max(a.x0, b.x0)) * max(0, min(a.y1, b.y1) - max(a.y0, b.y0))
