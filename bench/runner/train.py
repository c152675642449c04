"""Train one run of a suite, by this process or several of torchrun.

The run is the suite's own and lies where that has it: `run` and `status` find it done. Several processes train a run of
a suite that says `processes`, since their number changes a training's last bits: bench/README.md.
"""

from dataclasses import asdict
from pathlib import Path

from bench.runner.job import finished, work
from bench.runner.run import claim_suite, facts, headline
from bench.runner.suite import load_suite
from lib.run import ROOT, done
from lib.run import cores as usable_cores

EXAMPLE = "python -m bench train quick ircsn_nano-motion-s0"


def add_arguments(parser):
    parser.add_argument("suite", help="a name of bench/suites, or a .yaml file")
    parser.add_argument("run", help="a training's id, as `status` lists it, or what that begins with")
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where data, runs and results lie (the clone)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")


def run(*, suite, run, out=ROOT, device="cpu"):
    from lib.distributed import first, joined, place

    suite, out = load_suite(suite), Path(out).resolve()
    job, runs = _find(suite, run), out / "runs" / suite.name
    listed, told = facts(suite, out, device), {**asdict(job), "id": job.id}
    with joined(device) as own_device:
        writes = place() == 0
        _check_processes(suite)
        first(claim_suite, runs, suite)
        if not (there := first(finished, runs / job.id, told, listed)):
            for need in [need for need in suite.jobs if need.id in job.needs]:
                first(work, {**asdict(need), "id": need.id}, runs, listed, usable_cores())
            train(told, runs / job.id, listed, own_device)
    if writes and not there:
        work(told, runs, listed, suite.threads)
    if writes:
        print(f"{runs / job.id}  {headline(done(runs / job.id)) or 'trained'}", flush=True)


def train(job, run_dir, listed, device):
    """Train a job of rule `train` as its notebook does; all processes of a group call it.  -> the record"""
    import torch

    from lib.train import fit

    torch.set_num_threads(listed["threads"])
    data = job["data"] or Path(listed["data"]) / job["options"]["data"]
    net, clips, identity, recipe = prepared(job["options"], Path(data), job["weights"])
    workers = 0 if job["options"]["cached"] is True else torch.get_num_threads()
    return fit(run_dir, net, *clips, identity=identity, device=device, workers=workers, **recipe)


def prepared(options, data, weights):
    """(net, clips of train, val and test, identity, recipe): what 10_training makes of its parameters, in its order.

    That its record is found by the notebook, which checks its identity, shows that they are the same.
    """
    import torch

    from lib import create_model
    from lib.data import PIXELS, ClipDataset, cache_for, own_protocol, read_manifest
    from lib.identity import used
    from lib.weights.fine_tune import start_from
    from lib.weights.safetensors import sha256

    manifest, seed = read_manifest(data / options["labels"]), options["seed"]
    model, size, classes, sees = options["model"], options["size"], len(manifest.classes), PIXELS["own"]
    torch.manual_seed(seed)
    if weights:
        chosen = {"pixels": options["pixels"], **options["options"]}
        net, sees = start_from(model, weights, classes, options["freeze"], **chosen)
    else:
        net = create_model(model, num_classes=classes, **options["options"])
    protocol = own_protocol(options["frames"], size, **{"pixels": sees, **options["sampling"]})
    cache = cache_for(manifest, data / "cache", protocol, options["cached"], progress=False)
    splits = ("train", "val", "test")
    clips = [ClipDataset(manifest, name, protocol, train=name == "train", seed=seed, cache=cache) for name in splits]
    same = ("model", "options", "labels", "cached", "sampling", "frames", "size", "freeze")
    videos, start = f"{manifest.name}-{manifest.hash[:8]}", sha256(weights) if weights else ""
    identity = {**{key: options[key] for key in same}, "data": videos, "weights": start, "used": used(net, clips[0])}
    named = ("epochs", "batch_size", "learning_rate", "weight_decay", "seed")
    return net, clips, identity, {**{key: options[key] for key in named}, **options["recipe"]}


def _find(suite, run):
    """The suite's training of that id, or the one whose id begins with it. ValueError: there is none, or several"""
    ids = {job.id: job for job in suite.jobs if job.rule == "train"}
    found = [run] if run in ids else [id for id in ids if id.startswith(run)]
    if len(found) != 1:
        listed = ", ".join(found or ids) or "none"
        raise ValueError(f"{suite.name} has {len(found)} trainings that begin with {run!r}; there are {listed}")
    return ids[found[0]]


def _check_processes(suite):
    """ValueError: the suite trains with another number of processes than there are."""
    from lib.distributed import processes

    if (there := processes()) != suite.processes:
        start = f"start it as torchrun --nproc-per-node {suite.processes} -m bench train"
        how = start if suite.processes > 1 else f"write `processes: {there}` into a suite of your own"
        raise ValueError(
            f"{suite.name} trains with {suite.processes} processes, here are {there}; their number changes a "
            f"training's last bits and so is part of a run: {how}"
        )
