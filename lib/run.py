"""One run, one folder: run.json, metrics.jsonl, last.pt, best.pt, result.json and done.json.

What trains or searches writes result.json when it has ended. A suite's job writes done.json, last of all, when
everything that it promises exists: the executed notebook and its figures too.
"""

import hashlib
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from lib.files import printable, read_json, set_aside, slug, write_json

ROOT = Path(__file__).resolve().parents[1]


def run_id(label, options):
    """A readable slug of `label`, and 8 hex digits of the options as canonical JSON, equal for equal options."""
    text = json.dumps(options, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"{slug(label)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def provenance(device="cpu"):
    """Where a number comes from: device, versions, threads, commit, date (UTC)."""
    import torch

    from lib.distributed import processes

    on_gpu = torch.device(device).type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else _cpu_name(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        **({"processes": processes()} if processes() > 1 else {}),
        "python": platform.python_version(),
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def commit():
    """The clone's commit, 12 hex digits, `+` if tracked files were changed since; `unknown` outside a clone of ours."""
    top = _git("rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != ROOT:  # no clone, or a copy of the files inside another one
        return "unknown"
    hash_ = _git("rev-parse", "--short=12", "HEAD")
    return (hash_ + ("+" if _git("status", "--porcelain", "-uno") else "")) if hash_ else "unknown"


def cores():
    """How many CPU cores this process may use: by its affinity, and by the quota of its control group."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *map(int, _quotas())]))


# What brings a value of a run's identity back that is no choice of the run, but of the process that it is in.
REMEDIES = {
    "threads": "torch.set_num_threads({0}), a notebook's parameter threads={0} or a suite's `threads: {0}`",
    "device": "device={0!r}",
    "processes": "torchrun --nproc-per-node {0}",
    "norms": "norms={0!r}",
}


def claim(folder, identity, *, file="run.json", what="run", free=None):
    """Write what makes this folder's run this run, or check that the file there says the same. Hold the folder's lock.

    identity  {key: JSON value}
    free      f(what is there) -> the keys that may differ; the new values are kept then. None: none may
    ValueError: the folder holds another run; it names what differs
    """
    path, identity = Path(folder) / file, json.loads(json.dumps(identity))
    there = record(path) or identity
    differ = [key for key in {**there, **identity} if there.get(key) != identity.get(key)]
    if wrong := [key for key in differ if free is None or key not in free(there)]:
        told = [(key[:100], *(repr(of.get(key))[:1000] for of in (there, identity))) for key in wrong]
        rows = "; ".join(f"{key}: {was} there, {asked} asked for" for key, was, asked in told)
        known = [REMEDIES[key].format(there[key]) for key in wrong if key in REMEDIES and there.get(key)]
        back = f"it goes on with {' and '.join(known)}; else " if len(known) == len(wrong) else ""
        raise ValueError(
            f"{folder} holds another {what} ({printable(rows)}); {back}choose another folder or delete this one"
        )
    if differ or not path.exists():
        write_json(path, identity)


def result(folder):
    """The content of result.json: what `finish` wrote of a training, search or lesson; None if it has not ended."""
    return record(Path(folder) / "result.json")


def finish(folder, results, device="cpu"):
    """Write result.json: `results` and their provenance. Returns what was written."""
    found = {**results, "provenance": provenance(device)}
    write_json(Path(folder) / "result.json", found)
    return found


def say_done(folder, found):
    """Write done.json: `found`, the name of its folder, and a checksum, so that it can be no other run's."""
    told = {**found, "run": Path(folder).name}
    write_json(Path(folder) / "done.json", {**told, "sha256": checksum(told)})


def done(folder):
    """The content of done.json, which a suite's job writes after everything it promises; None if there is none.

    Whoever reads changes nothing: `done_or_aside` is of the one who makes the run again.
    ValueError: it is damaged, was changed since, or is another run's; the folder is a link to another run's
    """
    found, why = _ended(Path(folder))
    if why:
        raise ValueError(f"{why}; {AGAIN}")
    return found


def done_or_aside(folder):
    """`done` of whoever makes the run again, if it is not done: a record that is not right is named and set aside."""
    found, why = _ended(Path(folder))
    if why:
        set_aside(Path(folder) / "done.json", why)
    return found


def record(path):
    """The JSON object in a file; None if there is no file, or a torn one, which is named and set aside.

    Of whoever writes the file anew; all others call `read_record`.
    """
    found, why = _read(path := Path(path))
    if why:
        set_aside(path, why)
    return found


def read_record(path):
    """The JSON object in a file; None if there is no file. ValueError: it holds none, or was changed since"""
    found, why = _read(Path(path))
    if why:
        raise ValueError(f"{why}; {AGAIN}")
    return found


AGAIN = "the suite's next `bench run` makes it again, and `git checkout` brings back what was committed"


def signed(found):
    """Whether a record has a checksum. Those of versions that wrote none have no name of their run either."""
    return "sha256" in found


def _ended(folder):
    """(what done.json holds, "") or (None, why it is not this run's)."""
    if folder.is_symlink() and (other := folder.resolve()).name != folder.name:
        raise ValueError(f"{folder} is a link to {other}, another run's folder: remove the link")
    found, why = _read(path := folder / "done.json")
    if found and (owner := found.get("run", folder.name)) != folder.name:
        return None, f"{path} is the record of another run, {str(owner)[:80]!r}"
    if found and "run" in found and not signed(found):
        return None, f"{path} was changed since its run ended: its checksum is gone"
    return found, why


def _read(path):
    """(the JSON object in a file, "") or (None, why there is none, "" where there is no file)."""
    if path.is_dir() or (path.is_symlink() and not path.exists()):
        return None, f"{path} is {'a folder' if path.is_dir() else 'a link to nothing'}, no record"
    if not path.exists():
        return None, ""
    try:
        found = read_json(path)
    except ValueError as error:
        return None, str(error)
    if not isinstance(found, dict) or not found:
        return None, f"{path} holds {str(found)[:40]}, no record"
    if signed(found) and found["sha256"] != checksum(found):
        return None, f"{path} was changed since it was written: its checksum is wrong"
    return found, ""


def checksum(found):
    """SHA-256 of a record as canonical JSON, without its own entry for it."""
    told = {key: value for key, value in found.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _quotas():
    """Cores' worth of time that the control groups above this process allow, one number each; [] if none is set."""
    home, found = Path("/sys/fs/cgroup"), []
    try:
        own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return []
    for _, controllers, group in own:
        version_2 = not controllers
        if not (version_2 or "cpu" in controllers.split(",")):
            continue
        top = home if version_2 else home / "cpu"
        place = top / group.lstrip("/")
        for folder in (place, *place.parents):
            found += _quota(folder, version_2)
            if folder == top:
                break
    return found


def _quota(folder, version_2):
    try:
        if version_2:
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    except (OSError, ValueError):
        return []
    return [int(quota) / int(period)] if quota.isdigit() and int(quota) > 0 else []


def _git(*words):
    """What git says of this clone, "" if nothing; variables such as GIT_DIR do not lead it to another."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    options = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True, "timeout": 20}
    try:
        answer = subprocess.run(["git", *words], **options)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _cpu_name():
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
