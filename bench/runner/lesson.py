"""What every notebook does first, whether a person or papermill runs it."""

import os
import random
from pathlib import Path

from bench.runner.parameters import check_parameters, parameters_of
from data_prep.command_line import check_clone
from lib.run import ROOT, finish, provenance


class Lesson:
    """Where a notebook keeps what it makes, and the record it leaves.

    Run by the suite runner, `folder` is its run folder and `done` writes result.json there. Run by hand it is
    results/notebooks/<name>, and `done` writes nothing but what it is told to print.
    """

    def __init__(self, name, *, run_dir="", threads=0, seed=0, device="cpu"):
        import numpy as np
        import torch

        from bench.runner.modules import import_told

        check_clone()
        import_told()
        _check_parameters(name)
        if threads:
            torch.set_num_threads(threads)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002, what a reader's own cells may draw from
        torch.manual_seed(seed)
        self.by_hand, self.device = not run_dir, device
        # Jupyter's server names the session of a kernel; papermill and nbconvert do not, and there no widget answers
        self.watched = bool(os.environ.get("JPY_SESSION_NAME"))
        self.folder = Path(run_dir) if run_dir else ROOT / "results" / "notebooks" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        origin = provenance(device)
        threads = f"{origin['threads']} thread{'s' * (origin['threads'] != 1)}"
        print(f"{origin['device']}, {threads}, torch {origin['torch']}, commit {origin['commit']}")

    def save(self, figure, name):
        """Save a matplotlib figure as SVG and PNG into the folder."""
        from bench.report.figure_files import save
        from lib.files import file_name

        return save(figure, self.folder / file_name(name, "figure"))

    def done(self, headline, **results):
        """Leave the record of a run that the runner started."""
        print(headline)
        if not self.by_hand:
            finish(self.folder, {"headline": headline, **results}, self.device)


def _check_parameters(name):
    """ValueError: a parameter of the notebook that runs in this process has a value that it cannot have.

    The suite runner has looked before; a person, and papermill by itself, have not.
    """
    import __main__

    notebook = ROOT / "notebooks" / f"{name}.ipynb"
    if notebook.is_file():
        here = {key: value for key, value in vars(__main__).items() if key in parameters_of(notebook)}
        check_parameters(notebook, here)
