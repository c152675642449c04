"""A run's answers class by class: tables, a figure, and the line that tells most."""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from bench.report.csv_files import write
from bench.report.figure_files import own_style, save
from bench.report.records import checked_record
from bench.report.run_figures import confusions, draw_confusions
from bench.report.text import visible
from data_prep.class_names import read_classes
from lib.data.manifest import read_class_names
from lib.evaluate.intervals import wilson_interval
from lib.files import file_name, read_json
from lib.run import read_record
from lib.shapes import TEXT, check_form

WORST = 5  # classes that are printed
# of jobs.json, where a run's videos lie
LISTED = {"?data": TEXT, "jobs": [{"id": TEXT, "?data": TEXT, "options": {"?data": TEXT, "?labels": TEXT}}]}
RECORDS = ("result.json", "done.json")  # what a training or search writes by itself, and what a suite's job keeps of it


@own_style()
def report(run_dir, classes=None, out=None):
    """Write classes.csv, confusion.csv (and .md) and confusion.svg and .png of a run into `out`, and print the worst.

    run_dir  holds result.json, or done.json; of a search every variant gets its own, <variant>_classes.csv, ...
    classes  a file with a name per line, or the folder of a manifest; None: those of the suite's data, else numbers
    ValueError: no finished run, no test in it, or names that do not fit its classes
    """
    run_dir = Path(run_dir)
    file = next((run_dir / name for name in RECORDS if (run_dir / name).exists()), run_dir)
    found = read_record(file) if file.is_file() else None
    if found is None:
        raise ValueError(f"{run_dir} holds no {' or '.join(RECORDS)}: no run ended there")
    tests = tests_of_record(checked_record(found, file))
    if not tests:
        raise ValueError(f"{file} has no test: what this run did was not measured on videos")
    out = Path(out or run_dir / "report")
    for name, test in tests.items():
        names = class_names(run_dir, test["classes"], classes)
        before = f"{file_name(name, 'variant')}_" if name else ""
        write(class_table(test, names), out, f"{before}classes")
        write(confusion_table(test, names), out, f"{before}confusion")
        ax = draw_confusions(confusions(test, len(names)), names)
        path = save(ax.figure, out / f"{before}confusion")
        plt.close(ax.figure)
        print(f"{name + ': ' if name else ''}{told(test, names)}\ntables  {out}/{before}classes.csv\nfigure  {path}")


def tests_of_record(found):
    """{variant, "" where there is but one: test}."""
    if "variants" in found:
        return {name: kept["test"] for name, kept in found["variants"].items()}
    return {"": found["test"]} if "test" in found else {}


def class_table(test, names):
    """One row per class: how many videos show it, how many were right, with Wilson's interval, and what it is called.

    The interval is over these videos, of this training. A class that no video shows has no accuracy.
    """
    counts, rows = confusions(test, len(names)), []
    for number, name in enumerate(names):
        videos, right = test["labels"].count(number), int(counts[number, number])
        wrong = counts[number].copy()
        wrong[number] = 0
        row = {"class": number, "name": name, "videos": videos, "right": right}
        row |= dict.fromkeys(("top1", "top1_low", "top1_high"))
        if videos:
            low, high = wilson_interval(right, videos)
            row |= {"top1": round(100 * right / videos, 2), "top1_low": round(100 * low, 2)}
            row["top1_high"] = round(100 * high, 2)
        row["said"] = int(counts[:, number].sum())
        row["taken_for"] = names[int(wrong.argmax())] if wrong.any() else ""
        rows.append(
            {**row, "taken_for_videos": int(wrong.max(initial=0)), "no_answer": videos - int(counts[number].sum())}
        )
    return pd.DataFrame(rows)


def confusion_table(test, names):
    """Rows what a video shows, columns what the net said, in videos."""
    table = pd.DataFrame(confusions(test, len(names)), columns=list(names))
    table.insert(0, "shown", list(names))
    return table


def told(test, names):
    """The accuracy, its mean over the classes that were shown, and the classes that are missed most."""
    table = class_table(test, names).dropna(subset=["top1"]).astype({"top1": float})
    worst = table.sort_values("top1", kind="stable").head(WORST)
    rows = [
        f"  {row.top1:5.1f} %  of {row.videos:4} videos  {visible(row.name_)}"
        + (f", {row.taken_for_videos} x taken for {visible(row.taken_for)}" if row.taken_for else "")
        for row in worst.rename(columns={"name": "name_"}).itertuples()
    ]
    ties = f"; {test['ties']} videos without one answer" if test.get("ties") else ""
    head = f"top-1 {test['top1']:.1f} % of {test['videos']} videos, mean over classes {table.top1.mean():.1f} %{ties}"
    return "\n".join([f"{head}; missed most:", *rows])


def class_names(run_dir, count, classes=None):
    """The names of `count` classes: of the file or manifest `classes`, of the suite's data, or their numbers."""
    path = Path(classes) if classes else _of_the_suite(Path(run_dir))
    ours = path and os.path.isdir(path)
    path = path / "classes.txt" if ours else path
    if not path or (not classes and not os.path.isfile(path)):
        return tuple(map(str, range(count)))
    names = read_class_names(path) if ours else read_classes(path)
    if len(names) != count:
        raise ValueError(f"{path} names {len(names)} classes, but the run has {count}")
    return names


def _of_the_suite(run_dir):
    """The folder of the manifest that the runner gave to this run, or None."""
    jobs = run_dir.resolve().parent / "jobs.json"
    if not jobs.is_file():
        return None
    check_form(listed := read_json(jobs), LISTED, str(jobs))
    for job in listed["jobs"]:
        if job["id"] == run_dir.resolve().name:
            data, labels = (
                file_name(said, f"{jobs}: {key}") if (said := job["options"].get(key)) else ""
                for key in ("data", "labels")
            )
            return Path(job.get("data") or Path(listed.get("data") or "") / data) / labels
    return None
