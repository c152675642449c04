"""Try tasks and recipes for a suite, on videos that do not ship.

Trains on other videos and seeds than those that ship, and looks at val alone. What is tried stands in a YAML
file; the table beside it gets a row per training, when the training has ended:

    about:     what is to be chosen
    data:      arguments of data_prep moving_shapes, but for the difficulty
    defaults:  of every try: labels, frames, size, model, options, and what lib.recipe knows
    tries:     entries like those of a suite's `train.runs`, with a difficulty and seeds; tried in this order

Started again, it goes on where it stopped; a row that is there is not trained anew. test is never read.
"""

import json
import time
from pathlib import Path

from bench.report.curves import FEWEST, last_quarter
from bench.runner.parameters import check_parameters
from bench.runner.schema import PARAMETERS, SEEDS, TEXT, check_net, check_shape
from bench.runner.suite import NOTEBOOKS, SUITES, load_suite
from bench.runner.yaml_files import read_suite
from data_prep.moving_shapes import dataset as moving_shapes
from lib.bounds import shown
from lib.files import locked
from lib.recipe import RECIPE
from lib.run import ROOT, run_id

EXAMPLE = "python -m bench tune results/shipped/tuning/standard.yaml"
NET = {"model": "", "options": {}, "labels": "motion", "frames": 8, "size": 64}  # what else a try says is its recipe
OF_ITS_OWN = ("epochs", "batch_size", "learning_rate", "seed")  # options of the recipe with a column each
SECTIONS = {"about": TEXT, "data": PARAMETERS, "defaults": PARAMETERS, "tries": [PARAMETERS]}


def add_arguments(parser):
    parser.add_argument("file", metavar="FILE.yaml", help="what is to be tried; the table is FILE.csv")
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where data and runs lie (the clone)")
    parser.add_argument("--most", type=int, metavar="N", help="end after N trainings (all)")


def run(*, file, out=ROOT, most=None):
    import torch

    torch.set_num_threads(1)  # the number changes a training
    file, left = Path(file), most
    with locked(Path(out) / "runs" / "tuning", f"{file.stem}.lock"):
        for each in read_tries(file):
            if left == 0:
                break
            if each["try"] in _tried(file.with_suffix(".csv")):
                continue
            row = {"try": each["try"], **_train(each, Path(out))}
            _append(file.with_suffix(".csv"), row)
            print(f"{row['val_top1']:5.1f} % on val, {row['seconds']:.0f} s  {each['try']}", flush=True)
            left = None if left is None else left - 1


def read_tries(file):
    """One dict per training: try (its id), data, net, recipe.

    ValueError, which names the file: an unknown section or option, a value that it cannot have, or videos or seeds that
    a suite ships
    """
    file = Path(file)
    if file.suffix not in (".yaml", ".yml"):
        raise ValueError(f"{file} must be a .yaml file; the table beside it is {file.with_suffix('.csv').name}")
    try:
        found = list(_tries(read_suite(file)))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    _refuse_shipped(file, found)
    return found


def _tries(spec):
    if unknown := sorted(set(spec) - set(SECTIONS)):
        raise ValueError(f"no section {shown(unknown[0])}; there are {', '.join(SECTIONS)}")
    check_shape(spec, SECTIONS)
    _need(spec, ("data", "tries"), "it")
    _need(spec["data"], ("videos", "seed"), "data")
    for number, entry in enumerate(spec["tries"], 1):
        options = {**NET, **spec.get("defaults", {}), **entry}
        _need(options, ("model", "difficulty", "seeds"), f"tries, entry {number}")
        data = {**spec["data"], "difficulty": options.pop("difficulty")}
        check_parameters(NOTEBOOKS / "01_dataset_preparation.ipynb", data)
        moving_shapes.check_options(**data)
        check_shape(seeds := options.pop("seeds"), SEEDS, f"tries, entry {number}, seeds")
        for seed in seeds:
            yield _one(data, {**options, "seed": seed})


def _need(options, names, where):
    if missing := [name for name in names if options.get(name) in (None, "")]:
        raise ValueError(f"{where} needs {missing[0]}")


def _one(data, options):
    from lib.recipe import complete

    net = {name: options.pop(name) for name in NET}
    check_parameters(NOTEBOOKS / "10_training.ipynb", net)
    if net["labels"] not in moving_shapes.LABEL_SETS:
        raise ValueError(f"labels: no {shown(net['labels'])}; there are {', '.join(moving_shapes.LABEL_SETS)}")
    recipe = complete(options)
    if recipe["epochs"] < FEWEST:
        raise ValueError(f"epochs: {recipe['epochs']} have no last quarter to look at; take {FEWEST} or more")
    check_net(net["model"], net["options"])
    words = [data["difficulty"], net["model"], *(f"{key}={value}" for key, value in net["options"].items())]
    name = "-".join([*words, net["labels"], f"e{recipe['epochs']}", f"s{recipe['seed']}"])
    return {"try": run_id(name, {"data": data, **net, **options}), "data": data, "net": net, "recipe": recipe}


def _refuse_shipped(file, tries):
    """ValueError: a choice would be made on what the suites' numbers come from."""
    jobs = [job for path in SUITES.glob("*.yaml") for job in load_suite(path.stem).jobs]
    videos = {job.options["seed"] for job in jobs if job.rule == "prepare"}
    trained = {job.options["seed"] for job in jobs if job.rule in ("train", "search")}
    for each in tries:
        if (seed := each["data"]["seed"]) in videos:
            raise ValueError(f"{file}: data seed {seed} is a suite's own; choose one that none of them has")
        if (seed := each["recipe"]["seed"]) in trained:
            raise ValueError(f"{file}: training seed {seed} is a suite's own; choose one that none of them has")


def _train(each, out):
    """Train one try in runs/tuning/<try>.  -> its row"""
    import torch

    from lib import create_model
    from lib.data import ClipDataset, build_cache, own_protocol
    from lib.train import fit

    data, net, recipe = each["data"], each["net"], each["recipe"]
    home = out / "data" / run_id(f"tuning-{data['difficulty']}", data)
    manifest = moving_shapes.prepare(home, **data, workers=1, progress=False)[net["labels"]]
    seen = own_protocol(net["frames"], net["size"])
    cache = build_cache(manifest, home / "cache", short_side=net["size"], progress=False)
    clips = [
        ClipDataset(manifest, split, seen, train=split == "train", seed=recipe["seed"], cache=cache)
        for split in ("train", "val")
    ]
    torch.manual_seed(recipe["seed"])
    model = create_model(net["model"], num_classes=len(manifest.classes), **net["options"])
    folder, started = out / "runs" / "tuning" / each["try"], time.process_time()
    fresh = not (folder / "last.pt").exists()
    record = fit(folder, model, *clips, identity=net, progress=False, **recipe)
    return _row(each, record, time.process_time() - started if fresh else None)


def _row(each, record, core_seconds):
    data, net, recipe, history = each["data"], each["net"], each["recipe"], record["history"]
    val = [row["val_top1"] for row in history]
    train = data["videos"] * 2 // 3
    return {
        "difficulty": data["difficulty"],
        "data_seed": data["seed"],
        "train_videos": train,
        "val_videos": moving_shapes.split_counts(data["videos"])["val"],
        **{name: json.dumps(value) if name == "options" else value for name, value in net.items()},
        **{name: recipe[name] for name in OF_ITS_OWN},
        "recipe": json.dumps({k: v for k, v in recipe.items() if k not in OF_ITS_OWN and v != RECIPE[k]}),
        "steps": recipe["epochs"] * (train // recipe["batch_size"]),
        "val_top1": round(val[-1], 2),
        "val_best": round(max(val), 2),
        "rise": round(last_quarter(val), 2),
        "train_loss": round(history[-1]["train_loss"], 4),
        "val_by_epoch": " ".join(f"{top1:.1f}" for top1 in val),
        "seconds": round(sum(row["seconds"] for row in history), 1),
        "core_seconds": "" if core_seconds is None else round(core_seconds, 1),
        **{key: record["provenance"][key] for key in ("device", "torch", "threads", "commit", "date")},
    }


def _tried(table):
    return set(_rows(table)["try"]) if table.exists() else set()


def _rows(table):
    """The table's rows as text. ValueError: it is no such table, or two rows are of one try"""
    from bench.report.csv_files import read_table

    rows = read_table(table, ("try", "val_top1"), numbers=())
    if (twice := rows["try"].duplicated()).any():
        raise ValueError(f"{table}: two rows are of {rows['try'][twice].iloc[0]}; remove one")
    return rows


def _append(table, row):
    """One more row, or none: the file is replaced whole."""
    import pandas as pd

    from lib.files import replacing

    rows = pd.concat([_rows(table) if table.exists() else None, pd.DataFrame([row]).astype(str)])
    with replacing(table) as path:
        rows.to_csv(path, index=False)
