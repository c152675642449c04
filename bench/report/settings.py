"""What a shipped suite was made with, beside a lesson's own run: why two numbers of one net differ."""

import json
from pathlib import Path

import pandas as pd

from bench.report.csv_files import read_table
from bench.report.shipped_seeds import SHIPPED
from bench.report.suite_tables import SEARCHES
from data_prep.moving_shapes.motion import PLAIN
from lib.files import read_json, read_object
from lib.recipe import RECIPE

MADE = {"videos": "videos made", "frames": "frames of a video", "size": "pixels of a video"}
MADE |= {"difficulty": "difficulty", "seed": "seed of the videos"}
NET = {"frames": "frames", "size": "pixels", "epochs": "epochs", "batch_size": "clips in a step"}
NET |= {"learning_rate": "learning rate"}
UNSAID = ("data", "seed", "toy")  # of a job: a folder's name, a row of its own, what nothing trains with


def settings_beside(here, data, notebook, suite=SEARCHES, shipped=None):
    """The settings in which a lesson's own run and a shipped suite's runs of that lesson differ.

    here  {parameter: value} of the lesson, others are passed over; data  the folder of its videos
    -> DataFrame: a row per setting, the columns "this page" and the suite; None where the suite is not shipped
    """
    jobs = _jobs(suite, shipped)
    ran = [job["options"] for job in jobs if job["notebook"] == notebook]
    if not ran:
        return None
    made = next((job["options"] for job in jobs if job["rule"] == "prepare"), {})
    rows = {MADE[key]: (mine, theirs) for key, (mine, theirs) in _pairs(_made_of(data), _full(made)).items()}
    rows["training seeds"] = (str(here["seed"]), ", ".join(map(str, sorted({options["seed"] for options in ran}))))
    for key in ran[0]:
        if key not in UNSAID and key in here:
            rows[key] = (_said([here[key]]), _said(_each_once(options[key] for options in ran)))
    apart = {key: pair for key, pair in rows.items() if pair[0] != pair[1]}
    return pd.DataFrame(apart, index=["this page", suite]).T


def suite_settings(suite, shipped=None):
    """One sentence: the videos, clips and recipe of a shipped suite's trainings; "" where it is not shipped."""
    jobs = _jobs(suite, shipped)
    made = next((_full(job["options"]) for job in jobs if job["rule"] == "prepare"), {})
    trained = [job["options"] for job in jobs if job["rule"] == "train"]
    if not (made and trained):
        return ""
    recipe = "; ".join(f"{words}: {_said(_each_once(o[key] for o in trained))}" for key, words in NET.items())
    rate = _said(_each_once(_schedule(options["recipe"]) for options in trained))
    videos = f"{made['videos']} videos made, difficulty {made['difficulty']}, seed {made['seed']}"
    return f"{suite}: {videos}; {recipe}; schedule: {rate}"


def _schedule(recipe):
    name = recipe.get("schedule", RECIPE["schedule"])
    return f"{name} at {_said([recipe['milestones']])}" if name == "steps" else name


def everywhere(model, labels="motion", shipped=None):
    """One net in every shipped suite that trained it, without options, a row each; the searches' even deal too.

    -> DataFrame with the suite, the difficulty of its videos, its training's epochs, seeds, test videos and top-1
    """
    rows = []
    for home in sorted(Path(shipped or SHIPPED).glob("*/")):
        suite, jobs = home.name, _jobs(home.name, shipped)
        if (home / "trade_off.csv").is_file():
            table = read_table(home / "trade_off.csv")
            found = table[(table.model == model) & (table.labels == labels) & (table.options == "{}")]
            rows += [_row(suite, "trained", row, _epochs(jobs, "train", model), jobs) for row in found.itertuples()]
        if (home / "searches.csv").is_file():
            searched = read_table(home / "searches.csv")
            even = searched[(searched.model == model) & (searched.variant == "uniform")].drop_duplicates("model")
            epochs = _epochs(jobs, "search", model)
            rows += [_row(suite, "as the even deal of a search", row, epochs, jobs) for row in even.itertuples()]
    return pd.DataFrame(rows)


def _row(suite, how, row, epochs, jobs):
    made = next((_full(job["options"]) for job in jobs if job["rule"] == "prepare"), {})
    return {"suite": suite, "how": how, "difficulty": made.get("difficulty", ""), "pixels": f"{row.size:.0f}",
            "epochs": epochs, "seeds": f"{row.seeds:.0f}", "test videos": f"{row.videos:.0f}",
            "top-1 %": f"{row.top1:.1f}"}  # fmt: skip


def _epochs(jobs, rule, model):
    ran = [job["options"] for job in jobs if job["rule"] == rule and job["options"].get("model") == model]
    return _said(_each_once(options["epochs"] for options in ran if "epochs" in options))


def _jobs(suite, shipped):
    path = Path(shipped or SHIPPED) / suite / "runs" / "jobs.json"
    return read_json(path)["jobs"] if path.is_file() else []


def _made_of(data):
    """The arguments of moving_shapes that folder `data` was made with; of other videos its name."""
    record = Path(data) / "moving_shapes.json"
    return _full(read_object(record)) if record.is_file() else {"videos": Path(data).name}


def _full(made):
    return {"difficulty": PLAIN, **made} if "videos" in made else {}


def _pairs(mine, theirs):
    return {key: (_said([mine.get(key, "?")]), _said([theirs.get(key, "?")])) for key in MADE if key in mine}


def _each_once(values):
    kept = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept


def _said(values):
    return " or ".join(value if isinstance(value, str) else json.dumps(value) for value in values)
