"""Command line of the benchmark: python -m bench COMMAND --help."""

import argparse
import os
import sys

from lib.run import ROOT


def main(arguments=None):
    parser = argparse.ArgumentParser("python -m bench", description="Run suites, write tables and figures.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (about, add_arguments, call) in COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about)
        add_arguments(command)
        command.set_defaults(call=call)
    chosen = parser.parse_args(arguments)
    try:
        return chosen.call(chosen)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")


def _add_out(parser):
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where data, runs and results lie (the clone)")


def _add_run(parser):
    parser.add_argument("suite", help="a name of bench/suites, or a .yaml file")
    _add_out(parser)
    parser.add_argument("--cores", type=int, help="cores to use (all)")
    parser.add_argument("--jobs", type=int, help="runs at a time (as many as cores); each has cores / jobs threads")
    parser.add_argument("--device", default="cpu", help="of the trainings, as torch names it (cpu)")
    parser.add_argument("--executor", help="a Snakemake executor, such as slurm (this machine)")
    parser.add_argument("extra", nargs="*", help="after --: further options for Snakemake")


def _run(a):
    from bench.runner.run import run_suite

    return run_suite(
        a.suite, out=a.out, cores=a.cores, jobs=a.jobs, device=a.device, executor=a.executor, extra=a.extra
    )


def _add_status(parser):
    parser.add_argument("suite")
    _add_out(parser)


def _status(a):
    from bench.runner.run import status

    return status(a.suite, out=a.out)


def _add_job(parser):
    parser.add_argument("plan", help="a plan.json that `run` wrote")
    parser.add_argument("id")
    parser.add_argument("--threads", type=int, default=1)


def _job(a):
    from bench.runner.jobs import run_job

    return run_job(a.plan, a.id, a.threads)


def _figures(a):
    from bench.report.figure_files import redraw

    return redraw(a.out)


def _ship(a):
    from bench.report.tables import ship

    return ship(a.suite, a.out)


def _add_kernels(parser):
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--quick", action="store_true", help="the smallest layer of every op, a few times")
    parser.add_argument("--out", metavar="FILE", help="the table (results/quick/kernels.csv; of a GPU results/gpu/...)")


def _kernels(a):
    from bench.runner.jobs import KEEP_MEMORY

    if not KEEP_MEMORY.items() <= os.environ.items():  # as in training; glibc reads it when a process starts
        os.execve(sys.executable, [sys.executable, "-m", "bench", *sys.argv[1:]], {**os.environ, **KEEP_MEMORY})
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its idle threads must not spin beside Numba's
    from bench.timing.ops import run_kernels

    run_kernels(device=a.device, quick=a.quick, out=a.out)


def _add_loader(parser):
    parser.add_argument("--quick", action="store_true", help="tiny videos, a few clips")
    parser.add_argument("--out", metavar="FILE", help="the table (results/quick/loader.csv)")
    parser.add_argument("--data", metavar="DIR", help="where the videos go, 0.5 GB (data/loader)")


def _loader(a):
    from bench.timing.loader import run_loader

    run_loader(quick=a.quick, out=a.out, folder=a.data)


def _add_gpu(parser):
    parser.add_argument("--budget-minutes", type=float, default=8, help="stop after this time (8)")
    parser.add_argument(
        "--out", default=ROOT / "results" / "gpu", metavar="DIR", help="where the files go (results/gpu)"
    )


def _gpu(a):
    from bench.timing.gpu import run_gpu

    return run_gpu(out=a.out, budget_minutes=a.budget_minutes)


def _add_checkpoint(parser):
    parser.add_argument("file", help="a published checkpoint")
    parser.add_argument("--as", dest="name", metavar="NAME", help="the net (guessed from the file)")
    parser.add_argument("--out", metavar="FILE.safetensors", help="convert it, with its preprocessing in the metadata")


def _checkpoint(a):
    from bench.published.checkpoint import inspect

    inspect(a.file, a.name, a.out)


def _add_costs(parser):
    _add_out(parser)
    parser.add_argument("--fvcore", action="store_true", help="also fvcore's count, by a real forward at a small size")


def _costs(a):
    from bench.published.costs import write_costs

    write_costs(a.out, fvcore=a.fvcore)


def _add_extract(parser):
    parser.add_argument("name", help="of the net, such as dg_p3d_50")
    parser.add_argument("checkpoint", help="its published weights")
    parser.add_argument("folder", help="of the manifest")
    parser.add_argument("--out", required=True, metavar="FILE.npz", help="the scores; numpy.load opens them")
    parser.add_argument("--split", default="test")
    numbers = {"segments": 1, "run": 16, "frame-stride": 1, "clips": 10, "size": 256, "batch-size": 4, "workers": 0}
    for option, default in numbers.items():
        parser.add_argument(f"--{option}", type=int, default=default, help=f"({default})")
    parser.add_argument("--crop", default="three_corners", help="a test crop of lib.data.crops (three_corners)")
    parser.add_argument("--device", default="cpu")


def _extract(a):
    from bench.published.scores import extract

    stage = {"num_segments": a.segments, "clip_length": a.run, "num_steps": a.frame_stride}
    reading = {"batch_size": a.batch_size, "workers": a.workers, "device": a.device}
    views = {"split": a.split, "stage": stage, "clips": a.clips, "crop": a.crop, "size": a.size}
    extract(a.name, a.checkpoint, a.folder, a.out, **views, **reading)


def _add_schedule(parser):
    parser.add_argument("name", help="of a published schedule, or the schedule.json that the planner wrote")
    parser.add_argument(
        "folder", nargs="?", help="of the manifest; without it the stages are printed, nothing is trained"
    )
    parser.add_argument("--weights", metavar="FILE", help="the schedule's start weights (none: random ones)")
    parser.add_argument("--run-dir", metavar="DIR", help="where the training lies (runs/schedules/<name>)")
    parser.add_argument("--gpus", type=int, default=4, help="for which the schedule's batches are; we accumulate (4)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0)


def _schedule(a):
    from bench.published.schedule import show, train

    show(a.name, a.gpus)
    if a.folder:
        running = {"gpus": a.gpus, "device": a.device, "workers": a.workers}
        train(a.name, a.folder, a.run_dir or ROOT / "runs" / "schedules" / a.name, weights=a.weights, **running)


def _add_merge(parser):
    parser.add_argument("files", nargs="+", metavar="FILE.npz", help="of `extract`: the same videos, one crop or more")


def _merge(a):
    from bench.published.scores import merge

    merge(a.files)


COMMANDS = {
    "run": ("run a suite, or what of it is not done yet", _add_run, _run),
    "status": ("what of a suite is done", _add_status, _status),
    "job": ("run one job of a plan (Snakemake calls this)", _add_job, _job),
    "figures": ("draw all figures again, from the tables alone", _add_out, _figures),
    "kernels": ("time the ops against PyTorch and against the memory's bandwidth", _add_kernels, _kernels),
    "loader": ("time reading clips: videos, images, databases, the cache", _add_loader, _loader),
    "gpu": ("tests, timings and a training on this machine's GPU, in a few minutes", _add_gpu, _gpu),
    "ship": ("copy a suite's tables and figures into results/shipped", _add_status, _ship),
    "checkpoint": ("look at a published checkpoint, or convert it", _add_checkpoint, _checkpoint),
    "extract": ("run published weights over every view of a split, and keep the scores", _add_extract, _extract),
    "merge": ("the accuracy that files of scores add up to", _add_merge, _merge),
    "schedule": ("print the stages of a training schedule, or train them", _add_schedule, _schedule),
    "costs": ("every net's published cost beside ours", _add_costs, _costs),
}

if __name__ == "__main__":
    sys.exit(main())
