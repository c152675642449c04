"""What a number can be, by its name: whoever takes one from a user asks here, before anything runs.

Suites, parameters of notebooks, command lines, options of nets and the trainer's recipe share this table. The bounds
are wide: what lies outside of them is a slip of the keyboard, or would take all memory or time there is.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Numbers from `least` to `most`; `whole`: ints alone; `without`: the ends, "least" or "most", that are outside."""

    least: float
    most: float
    whole: bool = False
    without: tuple = ()

    def right(self, value):
        """Whether a value is such a number; a bool is none, nor is nan."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        return self.least <= value <= self.most and not any(value == getattr(self, end) for end in self.without)

    def words(self, many=False):
        """What is right, in words: "a whole number from 1 to 9"; with `many`, "whole numbers from 1 to 9"."""
        kind = f"{'whole ' if self.whole else ''}number"
        low, high = ("above" if "least" in self.without else "from"), ("below" if "most" in self.without else "to")
        return f"{f'{kind}s' if many else f'a {kind}'} {low} {_plain(self.least)} {high} {_plain(self.most)}"


def whole(least, most):
    return Bounds(least, most, whole=True)


def number(least, most, *without):
    return Bounds(least, most, without=without)


SIZE, COUNT, RATE = whole(1, 4096), whole(1, 65536), number(0, 1e6)
BOUNDS = {
    # of a training
    "epochs": whole(1, 10**5),
    "search_epochs": whole(1, 10**5),
    "clips_per_epoch": whole(0, 10**9),  # 0: all
    "batch_size": COUNT,
    "accumulate": COUNT,
    "learning_rate": RATE,
    "momentum": number(0, 1, "most"),
    "weight_decay": RATE,
    "milestones": number(0, 1, "most"),
    "warmup_epochs": number(0, 1e5),
    "clip_norm": number(0, 1e9),
    "loss_weight": RATE,
    "label_smoothing": number(0, 1, "most"),
    "mixup": number(0, 1e3),
    "cutmix": number(0, 1e3),
    "seed": whole(0, 2**32 - 1),
    # of a search
    "strength": RATE,
    "random_deals": whole(0, 1000),
    "segments": SIZE,
    "factors": number(0, 1e6, "least"),
    "run": SIZE,
    "attempt_epochs": whole(1, 10**5),
    "cap": whole(1, 10**5),
    "toy": whole(1, 10),
    # of clips and videos
    "frames": SIZE,
    "frame_stride": whole(1, 10**6),
    "size": SIZE,
    "short_side": SIZE,
    "clips": whole(1, 10**4),
    "clip": COUNT,
    "looked_clip": COUNT,
    "scales": number(0, 1, "least"),
    "area": number(0, 1, "least"),
    "videos": whole(1, 10**7),
    "video": whole(0, 10**7),
    "fps": number(0, 1e4),  # 0: not known
    "hold_out": number(0, 1, "most"),
    "gop": whole(1, 10**5),
    "crf": whole(0, 51),
    "first_label": whole(0, 1),
    "splits": whole(1, 3),
    # of nets and layers
    "num_classes": whole(1, 10**6),
    "width": number(0, 100, "least"),
    "widths": number(0, 100, "least"),
    "dropout": number(0, 1, "most"),
    "early_stride": whole(1, 64),
    "groups": COUNT,
    "cardinality": COUNT,
    "alpha": COUNT,
    "beta": COUNT,
    "div": COUNT,
    "eps": number(0, 1, "least"),
    "shift_rate": RATE,
    "channels": COUNT,
    "layers": COUNT,
    "depthwise": COUNT,
    "temperatures": number(0, 1e6, "least"),
    # of what runs, and for how long
    "threads": whole(0, 1024),  # 0: as they are
    "attempt": whole(1, 1000),
    "workers": whole(0, 1024),
    "gpus": whole(1, 1024),
    "cores": whole(1, 10**5),
    "jobs": whole(1, 10**5),
    "most": whole(0, 10**6),
    "rounds": whole(1, 10**4),
    "steps": whole(1, 10**6),
    "batch": COUNT,
    "timed_runs": whole(1, 10**6),
    "seconds": number(0, 86400),
    "budget_minutes": number(0, 10**5, "least"),
}
ANY = number(-1e9, 1e9)  # a number deep inside an option that has no name of its own


def wrong(name, value):
    """What is wrong with option `name`'s value and the numbers below it, one line that names the option; "" if nothing.

    Keys of mappings are names, too, but for those of `options`: a net of one's own gives them its own meaning. What is
    neither number, list nor mapping is for others to look at.
    """
    bounds = BOUNDS.get(name, ANY)
    if isinstance(value, dict):
        foreign = f"{name}." if name == "options" else ""
        return next(filter(None, (wrong(f"{foreign}{key}", inner) for key, inner in value.items())), "")
    if isinstance(value, list | tuple):
        return next(filter(None, (_inner(name, inner) for inner in value)), "")
    if isinstance(value, bool) or not isinstance(value, int | float) or bounds.right(value):
        return ""
    return f"{name} must be {bounds.words()}, not {shown(value)}"


def check(values):
    """ValueError: one of {name: value} is out of bounds."""
    if said := wrong("", values):
        raise ValueError(said)


def shown(value):
    """A value as an error shows it: 60 letters at most, and numbers of however many digits."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of very many digits"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(end):
    return str(int(end)) if end == int(end) else str(end)


def _inner(name, value):
    """Of a list's element: a number among the numbers that option `name` lists."""
    bounds = BOUNDS.get(name)
    if bounds is None or isinstance(value, list | tuple | dict):
        return wrong(name, value)
    return "" if bounds.right(value) else f"{name} must be {bounds.words(many=True)}, not {shown(value)}"
