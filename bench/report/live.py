"""A training's curve while it trains, for whoever sits before the notebook: drawn anew with every epoch that ends."""

import json
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import matplotlib.pyplot as plt
from IPython.display import Markdown, display


@contextmanager
def watching(folder, draw, *, shown=True, every=0.5):
    """`with watching(folder, draw): fit(folder, ...)`: a picture that follows the run's metrics.jsonl until it ends.

    draw   f({"history": the epochs so far}) -> figure
    shown  False: no front end is there to show it, and nothing is drawn
    every  seconds between two looks at the file
    """
    if not shown:
        yield
        return
    ended, handle = Event(), display(Markdown("The curve begins with the first epoch that ends."), display_id=True)
    follower = Thread(target=follow, args=(folder, draw, handle.update, ended, every), daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()


def follow(folder, draw, show, ended, every=0.5):
    """Show the figure of every new state of metrics.jsonl, until `ended` is set; then what came last."""
    seen, last_look = [], False
    while not last_look:
        last_look = ended.wait(every)
        history = epochs_so_far(folder)
        if history and history != seen:
            seen = history
            figure = draw({"history": history})
            show(figure)
            plt.close(figure)


def epochs_so_far(folder):
    """The rows of a run's metrics.jsonl, one per epoch; [] before the first has ended."""
    file = Path(folder) / "metrics.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
