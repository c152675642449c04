"""Names beside points: text as it is, at a place where it covers nothing, and a list where names are many or long."""

import textwrap

from matplotlib.transforms import Bbox

from bench.report.text import visible

MANY, LONG = 20, 32  # points, characters: from there on a number stands for the name
# of a name from its point: (points right, points up, its edge at the point)
PLACES = [(7, 5, "left"), (7, -12, "left"), (-7, 5, "right"), (-7, -12, "right"), (7, 16, "left"), (7, -23, "left")]


def plain(text, width=None):
    """A name as matplotlib shows it: dollars are dollars and start no formula; wrapped after `width` characters."""
    text = visible(text)
    if width:
        text = "\n".join(textwrap.wrap(text, width) or [""])
    return text.replace("$", r"\$")


def short_names(names, front):
    """(what stands at each point, lines of a list of the others).

    A name stands at its point if it is short, and, where points are many, on the front; else its number does, and
    the list says whose number it is.
    front  places of the points that matter most
    """
    many = len(names) > MANY
    alone = [len(name) <= LONG and (not many or place in front) for place, name in enumerate(names)]
    at_point = [name if keep else str(place + 1) for place, (name, keep) in enumerate(zip(names, alone, strict=True))]
    listed = [f"{place + 1}  {name}" for place, name in enumerate(names) if many or not alone[place]]
    return at_point, listed


def name_points(ax, names, x, y, low, high):
    """Write each name beside its point (x, y), where it covers no point, interval (low to high) or other name."""
    ax.figure.canvas.draw()
    point, bottom, top = (ax.transData.transform(list(zip(x, each, strict=True))) for each in (y, low, high))
    taken = [Bbox([xy - 6, xy + 6]) for xy in point]
    taken += [Bbox([under - [3, 0], over + [3, 0]]) for under, over in zip(bottom, top, strict=True)]
    size = 8 if len(names) <= MANY else 6.5
    for name, xy in zip(names, zip(x, y, strict=True), strict=True):
        for right, up, edge in PLACES:
            place = {"xytext": (right, up), "textcoords": "offset points", "ha": edge, "fontsize": size}
            text = ax.annotate(plain(name), xy, **place)
            box = text.get_window_extent()
            inside = ax.bbox.x0 < box.x0 and box.x1 < ax.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken) or (right, up, edge) == PLACES[-1]:
                taken.append(box)
                break
            text.remove()
