"""A suite is a YAML file; here it becomes a list of jobs, each one notebook with its parameters and its run folder.

data:      arguments of data_prep.moving_shapes; or {manifest: folder}, what data_prep made of other videos
train:     defaults, seeds, and one entry per net; keys are parameters of 05_training (model, options, labels, ...)
costs:     parameters of 04_counting_flops; every net of `train` is counted and timed
lessons:   further notebooks, run as they are after everything else
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.own_data import identity, most_classes, own_folder, read_own
from bench.parameters import check_parameters, parameters_of
from lib.run import ROOT, run_id

NOTEBOOKS = ROOT / "notebooks"
SUITES = Path(__file__).parent / "suites"
SECTIONS = ("about", "data", "train", "costs", "lessons")
# Parameters that the runner fills in: where things lie on this machine, and how much of it a job may use.
RUNTIME = ("run_dir", "runs", "threads", "device")


@dataclass(frozen=True)
class Job:
    """One notebook to run. `options` are the parameters that make its id: no path and no machine is in them."""

    rule: str  # prepare, costs, train or lesson
    notebook: str  # file stem
    options: dict
    needs: tuple[str, ...] = ()
    whole_machine: bool = False  # alone, on all cores: what it times would suffer from a neighbour
    label: str = ""
    data: str = ""  # the folder of manifests that were there before; else a job makes data/<its id>

    @property
    def id(self):
        return run_id(self.label, {"rule": self.rule, "notebook": self.notebook, **self.options})

    @property
    def path(self):
        return NOTEBOOKS / f"{self.notebook}.ipynb"


@dataclass(frozen=True)
class Suite:
    name: str
    jobs: tuple[Job, ...]


def load_suite(name):
    """The suite `name` of bench/suites, or of a YAML file's path, expanded and checked.

    ValueError: no such suite, or a section, model, parameter or value that does not exist, before anything runs.
    """
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else SUITES / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in SUITES.glob("*.yaml")))
        raise ValueError(f"no suite {name!r}; there are {known}, or give a .yaml file's path")
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        suite = Suite(path.stem, tuple(_expand(spec)))
        for job in suite.jobs:
            check_parameters(job.path, job.options)
        if len({job.id for job in suite.jobs}) < len(suite.jobs):
            raise ValueError("two runs are the same; remove one")
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    return suite


def _expand(spec):
    if unknown := sorted(set(spec) - set(SECTIONS)):
        raise ValueError(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    folder = own_folder(spec["data"])
    made = Job("prepare", "01_dataset_preparation", spec["data"], whole_machine=True, label="moving_shapes")
    prepare = [] if folder else [made]
    yield from prepare
    trainings = list(_trainings(spec.get("train", {}), prepare, folder))
    nets = [{key: job.options[key] for key in ("model", "options", "frames", "size")} for job in trainings]
    nets = [net for i, net in enumerate(nets) if net not in nets[:i]]
    classes = most_classes(folder, [job.options["labels"] for job in trainings]) if folder else {}
    costs = Job("costs", "04_counting_flops", {"nets": nets, **classes, **spec.get("costs", {})}, (), True, "costs")
    jobs = [*prepare, *trainings, costs] if nets else prepare
    yield from jobs[len(prepare) :]
    needs = tuple(job.id for job in jobs)
    for lesson in spec.get("lessons", []):
        yield Job("lesson", lesson["notebook"], lesson.get("parameters", {}), needs, True, lesson["notebook"])


def _trainings(spec, prepare, folder):
    """One job per net and seed. What an entry leaves open comes from `defaults`, then from the notebook itself, so that
    an id holds every option."""
    notebook, needs = NOTEBOOKS / "05_training.ipynb", tuple(job.id for job in prepare)
    known = {name: default for name, (_, default) in parameters_of(notebook).items() if name not in RUNTIME}
    known |= {"labels": ""} if folder else {}
    for entry in spec.get("runs", []):
        for seed in entry.get("seeds", spec.get("seeds", [0])):
            options = {**known, **spec.get("defaults", {}), **entry, "seed": seed}
            options.pop("seeds", None)
            _check_net(options["model"], options["options"])
            options["data"] = identity(read_own(folder, options["labels"])) if folder else needs[0]
            words = [options["model"], *(f"{k}={v}" for k, v in options["options"].items()), options["labels"]]
            label = "-".join([*filter(None, words), f"s{seed}"])
            yield Job("train", "05_training", options, needs, label=label, data=folder)


def _check_net(model, options):
    import torch

    from lib import create_model

    with torch.device("meta"):
        create_model(model, **options)
