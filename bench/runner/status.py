"""Say what of a suite is done, is running, or failed and why.

A line per run. Of a running training: epoch, loss, what val said, and the time that is left if it goes on like this.
"""

import json
import math
from pathlib import Path

from bench.runner.run import headline, reason
from bench.runner.suite import load_suite
from lib.files import held
from lib.run import ROOT, done

EXAMPLE = "python -m bench status quick"


def add_arguments(parser):
    parser.add_argument("suite", help="a name of bench/suites, or a .yaml file")
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where data, runs and results lie (the clone)")


def run(*, suite, out=ROOT):
    suite = load_suite(suite)
    for job in suite.jobs:
        word, text = state(Path(out) / "runs" / suite.name / job.id, job.options)
        print(f"{word:8}{job.id:50} {text}".rstrip())


def state(run_dir, options):
    """(done, running, failed or waiting; what there is to say of it) of one run."""
    if record := done(run_dir):
        return "done", headline(record)
    if run_dir.is_dir() and (held(run_dir, "job.lock") or held(run_dir)):  # the second: by `train`
        return "running", progress(run_dir / "metrics.jsonl", options.get("epochs"))
    if (run_dir / "failed.json").exists():
        return "failed", reason(run_dir)
    return "waiting", ""


def progress(metrics, epochs):
    """What metrics.jsonl says of a training that is not over; "" before its first epoch is."""
    try:
        rows = list(map(_row, metrics.read_text(encoding="utf-8").splitlines())) if metrics.exists() else []
    except (ValueError, RecursionError):
        return f"{metrics} is damaged; the training writes it anew after its epoch"
    if not rows:
        return ""
    last, seconds = rows[-1], sum(row["seconds"] for row in rows) / len(rows)
    said = f"epoch {len(rows)}" + (f" of {epochs}" if epochs else "")
    said += f", loss {last['train_loss']:.3f}" + (f", val top-1 {last['val_top1']:.1f} %" if "val_top1" in last else "")
    return said + (f", {seconds * max(0, epochs - len(rows)) / 60:.1f} minutes left" if epochs else "")


def _row(line):
    """An epoch's row. ValueError: no JSON object, or what `progress` tells is no finite number."""
    row = json.loads(line)
    needed = ("train_loss", "seconds", *(("val_top1",) if isinstance(row, dict) and "val_top1" in row else ()))
    if not isinstance(row, dict) or not all(_number(row.get(name)) for name in needed):
        raise ValueError(f"no epoch's row: {line[:40]!r}")
    return row


def _number(value):
    return type(value) in (int, float) and math.isfinite(value)
