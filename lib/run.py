"""One run, one folder: run.json, metrics.jsonl, last.pt, best.pt, and done.json, written last.

A run is finished if its done.json exists, and only then.
"""

import hashlib
import json
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from lib.files import read_json, write_json

ROOT = Path(__file__).resolve().parents[1]


def run_id(slug, options):
    """`slug` and 8 hex digits of the options as canonical JSON: equal options give equal ids on any machine."""
    text = json.dumps(options, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def provenance(device="cpu"):
    """Where a number comes from: device, versions, threads, commit, date (UTC)."""
    import torch

    on_gpu = torch.device(device).type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else _cpu_name(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def commit():
    """The clone's commit, 12 hex digits, `+` if tracked files were changed since; `unknown` outside a clone."""
    hash_ = _git("rev-parse", "--short=12", "HEAD")
    return (hash_ + ("+" if _git("status", "--porcelain", "-uno") else "")) if hash_ else "unknown"


def done(folder):
    """The content of done.json, or None if the run is not finished."""
    path = Path(folder) / "done.json"
    return read_json(path) if path.exists() else None


def claim(run_dir, identity):
    """Write run.json, or check that the one there says the same."""
    path = run_dir / "run.json"
    if not path.exists():
        write_json(path, identity)
    elif (there := read_json(path)) != identity:
        keys = [key for key in {**there, **identity} if there.get(key) != identity.get(key)]
        rows = "; ".join(f"{key}: {there.get(key)!r} there, {identity.get(key)!r} asked for" for key in keys)
        raise ValueError(f"{run_dir} holds another run ({rows}); choose another folder or delete this one")


def finish(folder, results, device="cpu"):
    """Write done.json: `results` and their provenance. Returns what was written."""
    record = {**results, "provenance": provenance(device)}
    write_json(Path(folder) / "done.json", record)
    return record


def _git(*words):
    try:
        answer = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=20)
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
