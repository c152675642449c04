"""A suite is a YAML file; here it becomes a list of jobs, each one notebook with its parameters and its run folder.

base:      another suite of bench/suites: what this one does not say is as there
threads:   of each training and search (1). They change its numbers, so they are never what a machine happens to have
processes: that train each net together (1), started by torchrun; they change its numbers, too: bench/README.md
resources: what jobs ask of a cluster, see bench.runner.resources
modules:   Python files or modules of one's own that register further nets, see bench.runner.modules
data:      arguments of data_prep moving_shapes; or {manifest: folder}, what data_prep made of other videos
train:     defaults, seeds, and one entry per net; keys are parameters of 10_training (model, options, labels, ...)
searches:  notebooks that search and train what they found beside its rivals, with seeds and parameters; the first
           of the `variants` in a done.json is what was found, see bench.report.searches
costs:     parameters of 08_counting_flops; every net of `train` is counted and timed
lessons:   further notebooks, run as they are after everything else
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.runner.listed import id_of, stands_twice, told_options
from bench.runner.modules import digest, find_modules, import_modules
from bench.runner.own_data import identity, most_classes, own_folder, read_own, weights_id
from bench.runner.parameters import check_parameters, parameters_of
from bench.runner.resources import RULES, asked
from bench.runner.schema import SEEDS, check_net, check_search, check_shape, check_values
from bench.runner.yaml_files import read_suite
from data_prep.moving_shapes import dataset as moving_shapes
from lib.bounds import shown
from lib.files import file_name
from lib.run import ROOT

NOTEBOOKS = ROOT / "notebooks"
SUITES = ROOT / "bench" / "suites"
# Folders of results/ that are no suite's.
RESERVED = ("published", "shipped", "notebooks", "costs", "gpu")
# Parameters that the runner fills in: where things lie on this machine, and how much of it a job may use.
RUNTIME = ("run_dir", "runs", "threads", "device")
# Rules that take all the cores there are: what they make does not depend on it, or they say with how many they timed.
ON_ALL_CORES = ("prepare", "costs")


@dataclass(frozen=True)
class Job:
    """One notebook to run. `options` are the parameters that make its id: no path and no machine is in them."""

    rule: str  # prepare, search, train, costs or lesson
    notebook: str  # file stem
    options: dict
    needs: tuple[str, ...] = ()
    whole_machine: bool = False  # alone, on all cores: what it times would suffer from a neighbour
    label: str = ""
    data: str = ""  # the folder of manifests that were there before; else a job makes data/<its id>
    weights: str = ""  # a published checkpoint, where training starts from one
    modules: str = ""  # the digest of the suite's modules, if they register its net
    processes: int = 1  # that train together

    @property
    def id(self):
        return id_of(self.label, self.rule, self.notebook, self.options, self.modules, self.processes)

    @property
    def path(self):
        return NOTEBOOKS / f"{self.notebook}.ipynb"


@dataclass(frozen=True)
class Suite:
    name: str
    jobs: tuple[Job, ...]
    file: Path
    threads: int = 1  # of each training
    modules: dict = field(default_factory=dict)  # one's own Python, {"files": {name: file}, "digest": of them}
    processes: int = 1  # of each training
    resources: dict = field(default_factory=dict)  # as the YAML says them


def load_suite(name):
    """The suite `name` of bench/suites, or of a YAML file's path, expanded and checked.

    ValueError: no such suite, or a section, model, parameter or value that does not exist, before anything runs.
    """
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else SUITES / f"{name}.yaml"
    if not path.exists():
        raise ValueError(f"no suite {shown(name)}; there are {_known()}, or give a .yaml file's path")
    try:
        name = file_name(path.stem, "the suite's name")
        if name in RESERVED:
            raise ValueError(f"no suite can be called {name}: results/{name} holds other things; rename the file")
        spec = _on_base(read_suite(path))
        files = find_modules(spec.get("modules", []), path.resolve().parent)
        modules = {"files": files, "digest": digest(files)} if files else {}
        mark = _marker(digest(files), import_modules(files))
        jobs, counts = tuple(_expand(spec, mark)), {key: spec.get(key, 1) for key in ("threads", "processes")}
        suite = Suite(name, jobs, path.resolve(), modules=modules, resources=spec.get("resources", {}), **counts)
        if not suite.jobs:
            raise ValueError("there is nothing to run; it needs train, searches or lessons")
        for job in suite.jobs:
            check_parameters(job.path, job.options)
        for rule in RULES:
            asked(suite.resources, rule, suite)
        if stands_twice(suite.jobs):
            raise ValueError("two runs are the same; remove one")
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    except (TypeError, RuntimeError, ArithmeticError, MemoryError) as error:  # of a net, a sampler, torch itself
        raise ValueError(f"{path.name}: {type(error).__name__}: {str(error).partition(chr(10))[0]}") from error
    return suite


def _known():
    return ", ".join(sorted(path.relative_to(SUITES).with_suffix("").as_posix() for path in SUITES.rglob("*.yaml")))


def _on_base(spec):
    """A suite's sections, on those of the suite that it names as its `base`; of `train`, the entries that it gives."""
    check_shape(spec)
    if not (base := spec.pop("base", "")):
        return spec
    if not (path := SUITES / f"{base}.yaml").is_file():
        raise ValueError(f"base: no suite {base!r}; there are {_known()}")
    below = read_suite(path)
    if "base" in below:
        raise ValueError(f"base: {base} has a base itself; name that one, {below['base']}")
    return {**below, **spec, "train": {**below.get("train", {}), **spec.get("train", {})}}


def _marker(said, models):
    """A function that marks a job whose net, or one of whose nets, the suite's modules register."""

    def mark(job):
        return replace(job, modules=said) if models.intersection(_texts(job.options)) else job

    return mark


def _texts(value):
    """All texts among the values of lists and mappings."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _expand(spec, mark):
    if "data" not in spec:
        raise ValueError("it needs data: {videos: 1152, frames: 32, size: 64, seed: 0}, or data: {manifest: FOLDER}")
    folder = own_folder(spec["data"])
    if not folder:
        _check_types("01_dataset_preparation", spec["data"])
        moving_shapes.check_options(**spec["data"])
    made = Job("prepare", "01_dataset_preparation", spec["data"], whole_machine=True, label="moving_shapes")
    prepare = [] if folder else [made]
    where = (prepare, folder, _threads(spec))
    searches = list(map(mark, _searches(spec.get("searches", []), *where)))
    together = {"processes": spec.get("processes", 1)}
    trainings = [replace(mark(job), **together) for job in _trainings(spec.get("train", {}), *where)]
    nets = [{key: job.options[key] for key in ("model", "options", "frames", "size")} for job in trainings]
    nets = [net for i, net in enumerate(nets) if net not in nets[:i]]
    classes = most_classes(folder, [job.options["labels"] for job in trainings]) if folder else {}
    costs = Job("costs", "08_counting_flops", {"nets": nets, **classes, **spec.get("costs", {})}, (), True, "costs")
    jobs = [*prepare, *searches, *trainings, *([mark(costs)] if nets else [])]  # the longest runs first
    yield from jobs
    needs = tuple(job.id for job in jobs)
    for lesson in spec.get("lessons", []):
        _defaults(lesson["notebook"], folder)
        _check_types(lesson["notebook"], parameters := lesson.get("parameters", {}))
        if "model" in parameters:
            check_net(parameters["model"], parameters.get("options", {}))
        options = {**parameters, **_threads(spec)}
        yield mark(Job("lesson", lesson["notebook"], options, needs, True, lesson["notebook"]))


def _threads(spec):
    """What says in a job's options, and so in its id, that a suite trains with more threads than one."""
    return {"threads": spec["threads"]} if spec.get("threads", 1) > 1 else {}


def _searches(entries, prepare, folder, threads):
    """One job per notebook and seed."""
    for entry in entries:
        options = {**_defaults(entry["notebook"], folder), **entry.get("parameters", {})}
        _check_types(entry["notebook"], options)
        check_search(options)
        for seed in entry.get("seeds", [0]):
            seeded = {**options, "seed": seed, **threads}
            yield _on_videos("search", entry["notebook"], seeded, [entry["notebook"]], prepare, folder)


def _trainings(spec, prepare, folder, threads):
    """One job per net and seed. What an entry leaves open comes from `defaults`, then from the notebook itself."""
    known = _defaults("10_training", folder)
    _check_types("10_training", spec.get("defaults", {}))
    for number, entry in enumerate(spec.get("runs", []), 1):
        if "model" not in {**spec.get("defaults", {}), **entry}:
            raise ValueError(f"train.runs, entry {number} needs a model")
        seeds = entry.get("seeds", spec.get("seeds", [0]))
        check_shape(seeds, SEEDS, f"train.runs, entry {number}, seeds")
        for seed in seeds:
            options = {**known, **spec.get("defaults", {}), **entry, "seed": seed}
            options.pop("seeds", None)
            _check_types("10_training", options)
            check_values(options, _count_classes(options["labels"], folder))
            words = [options["model"], *(f"{k}={v}" for k, v in told_options(options).items()), options["labels"]]
            yield _on_videos("train", "10_training", {**options, **threads}, words, prepare, folder)


def _count_classes(labels, folder):
    """Of a label set; None: there is none of that name, which is said elsewhere."""
    if folder:
        return len(read_own(folder, labels).classes)
    return len(moving_shapes.LABEL_SETS[labels][0]) if labels in moving_shapes.LABEL_SETS else None


def _on_videos(rule, notebook, options, words, prepare, folder):
    """A job on the videos that `prepare` makes, or on those of one's own `folder`."""
    _check_labels(options["labels"], folder)
    videos = identity(read_own(folder, options["labels"])) if folder else prepare[0].id
    label = "-".join([*filter(None, words), f"s{options['seed']}"])
    needs, weights = tuple(job.id for job in prepare), options.get("weights", "")
    for key in ("freeze", "pixels"):
        if options.get(key) and not weights:
            raise ValueError(f"{key}: {options[key]} is of published weights, but none are given (weights: FILE)")
    options = {**options, "data": videos, **({"weights": weights_id(weights)} if weights else {})}
    weights = str(Path(weights).resolve()) if weights else ""
    return Job(rule, notebook, options, needs, label=label, data=folder, weights=weights)


def _check_labels(labels, folder):
    """ValueError: a label set that moving_shapes has not; of data of one's own, what can be no folder's name."""
    if folder:
        return labels and file_name(labels, "labels")
    if labels not in moving_shapes.LABEL_SETS:
        raise ValueError(f"labels: no {shown(labels)}; there are {', '.join(moving_shapes.LABEL_SETS)}")


def _defaults(notebook, folder):
    """A notebook's parameters but for RUNTIME, with their defaults, so that an id holds every option."""
    if notebook not in (known := sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))):
        raise ValueError(f"no notebook {shown(notebook)}; there are {', '.join(known)}")
    known = parameters_of(NOTEBOOKS / f"{notebook}.ipynb")
    options = {name: default for name, (_, default) in known.items() if name not in RUNTIME}
    return {**options, "labels": ""} if folder else options  # moving_shapes has two label sets, another may have none


def _check_types(notebook, options):
    if ours := sorted(set(options) & set(RUNTIME)):
        raise ValueError(f"{ours[0]} is filled in by the runner; leave it out")
    check_parameters(NOTEBOOKS / f"{notebook}.ipynb", options)
