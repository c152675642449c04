"""Say what of a suite is done, is running, or failed and why.

A line per run. Of a running training: epoch, loss, what val said, clips per second, the share of time that it waited
for clips, and the time that is left if it goes on like this. On a cluster: which job waits for what, what was killed.
`--tensorboard DIR` writes the curves of all runs for TensorBoard.
"""

import json
from pathlib import Path

from bench.runner import slurm
from bench.runner.estimate import GPUS, lines
from bench.runner.run import headline, reason
from bench.runner.suite import load_suite
from lib.files import held
from lib.run import ROOT, done, read_record

EXAMPLE = "python -m bench status quick"


def add_arguments(parser):
    parser.add_argument("suite", help="a name of bench/suites, or a .yaml file")
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where data, runs and results lie (the clone)")
    parser.add_argument("--tensorboard", metavar="DIR", help="write curves there: tensorboard --logdir DIR shows them")
    parser.add_argument(
        "--estimate",
        metavar="GPU",
        help=f"hours of the trainings on a GPU ({', '.join(GPUS)}), or by steps on this machine's device (cpu, cuda)",
    )
    parser.add_argument("--videos", default="", metavar="TRAIN,VAL", help="of --estimate: as many, not the manifest's")


def run(*, suite, out=ROOT, estimate=None, videos="", tensorboard=None):
    suite = load_suite(suite)
    if videos and estimate is None:
        raise ValueError("--videos is of --estimate: say for which GPU")
    if estimate is not None:
        print("\n".join(lines(suite, estimate, videos)))
        return
    runs = Path(out).resolve() / "runs" / suite.name
    on_slurm = (read_record(runs / "jobs.json") or {}).get("executor") == "slurm"
    queued = slurm.queue(runs) if on_slurm else {}
    for job in suite.jobs:
        try:
            word, text = state(runs / job.id, job.options, queued.get(job.id))
        except (ValueError, OSError) as error:
            word, text = "damaged", str(error)
        print(f"{word:8}{job.id:50} {text}".rstrip())
        if tensorboard:
            write_events(runs / job.id / "metrics.jsonl", Path(tensorboard) / job.id)


def write_events(metrics, folder):
    """Every number of a metrics.jsonl as a curve over epochs, in TensorBoard's form; an earlier one is replaced."""
    rows = list(map(_row, metrics.read_text(encoding="utf-8").splitlines())) if metrics.exists() else []
    if not rows:
        return
    import tensorboard  # noqa: F401  whoever lacks it is told of the extra that brings it
    from torch.utils.tensorboard import SummaryWriter

    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    with SummaryWriter(folder) as writer:
        for row in rows:
            for name in sorted(name for name, value in row.items() if _number(value) and name != "epoch"):
                writer.add_scalar(name, row[name], row["epoch"] + 1)


def state(run_dir, options, queued=None):
    """(done, running, pending, failed or waiting; what there is to say of it) of one run.

    queued  its job in Slurm's queue; None: it has none there
    """
    if found := done(run_dir):
        return "done", headline(found)
    job = f"job {queued.number}" if queued else ""
    if _at_work(run_dir) or (queued and queued.state == "RUNNING"):
        told = progress(run_dir / "metrics.jsonl", options.get("epochs"))
        return "running", ", ".join(filter(None, [told, job]))
    if queued and queued.state in slurm.ALIVE:
        return "pending", f"{job}, {queued.why if queued.state == 'PENDING' else queued.state.lower()}"
    if (run_dir / "failed.json").exists() or slurm.attempts(run_dir):
        ended = f"{job} {queued.state}: " if queued and queued.state != "COMPLETED" else ""
        return "failed", ended + reason(run_dir) + _goes_on(run_dir)
    return "waiting", ""


def _at_work(run_dir):
    """Whether a process has the run's folder: the suite's job, or `bench train`."""
    return run_dir.is_dir() and (held(run_dir, "job.lock") or held(run_dir))


def _goes_on(run_dir):
    """What becomes of a run whose job was killed, while the suite is at work."""
    failed = read_record(run_dir / "failed.json")
    if not slurm.attempts(run_dir) or not held(run_dir.parent) or (failed and not failed.get("killed")):
        return ""
    return f"; killed {len(slurm.attempts(run_dir))} times, submitted again while the suite's restarts last"


# of an epoch's row: what is said of it, if it is there
TOLD = {
    "train_loss": ", loss {:.3f}",
    "val_top1": ", val top-1 {:.1f} %",
    "clips_per_s": ", {:.1f} clips/s",
    "waiting": ", waiting for clips {:.0f} % of the time",
}


def progress(metrics, epochs):
    """What metrics.jsonl says of a training that is not over; "" before its first epoch is."""
    try:
        rows = list(map(_row, metrics.read_text(encoding="utf-8").splitlines())) if metrics.exists() else []
    except (ValueError, RecursionError, OSError):
        return f"{metrics} is damaged; the training writes it anew after its epoch"
    if not rows:
        return ""
    last, seconds = rows[-1], sum(row["seconds"] for row in rows) / len(rows)
    said = f"epoch {len(rows)}" + (f" of {epochs}" if epochs else "")
    said += "".join(text.format(last[name]) for name, text in TOLD.items() if name in last)
    return said + (f", {seconds * max(0, epochs - len(rows)) / 60:.1f} minutes left" if epochs else "")


def _row(line):
    """An epoch's row. ValueError: no JSON object, or what `progress` tells is no finite number."""
    row = json.loads(line)
    needed = {"train_loss", "seconds", *(set(TOLD) & set(row if isinstance(row, dict) else ()))}
    if not isinstance(row, dict) or not all(_number(row.get(name)) for name in needed):
        raise ValueError(f"no epoch's row: {line[:40]!r}")
    return row


def _number(value):
    return type(value) in (int, float) and abs(value) < 1e300  # nan is not
