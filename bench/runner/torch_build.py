"""Install PyTorch's CPU build where no NVIDIA GPU is, sparing gigabytes: python bench/runner/torch_build.py auto.

cpu    PyTorch's CPU build, or an error
pypi   nothing: PyPI's build comes with everything else
auto   cpu on Linux without an NVIDIA GPU, if PyTorch's index answers within seconds; else pypi

Runs in an environment that holds nothing yet, so it needs the standard library alone.
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

INDEX = "https://download.pytorch.org/whl/cpu"
ANSWERS_WITHIN_S = 3
DRIVER = Path("/proc/driver/nvidia/version")
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


def wants_cpu_build(build):
    """Whether `build` means the CPU build on this machine; ValueError: neither cpu, pypi nor auto."""
    if build not in ("auto", "cpu", "pypi"):
        raise ValueError(f"TORCH={build}; it can be auto, cpu or pypi")
    if build != "auto":
        return build == "cpu"
    return sys.platform == "linux" and not DRIVER.exists() and not find_spec("torch") and answers(INDEX)


def answers(index):
    """Whether an index answers in time; in a process of its own, since looking a host's name up has no time limit."""
    ask = f"import urllib.request as r; r.urlopen({index + '/torch/'!r}, timeout={ANSWERS_WITHIN_S}).read(1)"
    try:
        return not subprocess.run([sys.executable, "-c", ask], capture_output=True, timeout=ANSWERS_WITHIN_S).returncode
    except subprocess.TimeoutExpired:
        return False


def main(build):
    if not wants_cpu_build(build):
        return 0
    print(f"PyTorch's CPU build, from {INDEX}; make TORCH=pypi takes PyPI's", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--constraint", CONSTRAINTS]
    failed = subprocess.run([*pip, "--index-url", INDEX, "torch"]).returncode
    return failed if build == "cpu" else 0  # of auto, PyPI's build is still to come


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except ValueError as error:
        sys.exit(f"error: {error}")
