"""The environment that a suite's jobs run in: made here, so that a user's own cannot change a number.

Of the user's variables those of KEPT go through, and a job's record says which. IPython, Jupyter, matplotlib and
Snakemake find folders of ours in place of the user's; Python finds this clone, and nothing in the working directory.
"""

import json
import os
import sys
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from lib.files import write_text
from lib.run import ROOT

# where programs, libraries, devices and a cluster's job are found; nothing that changes what is computed
KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_*",
    "CUDA_*",
    "NVIDIA_*",
    "SLURM_*",
    "SBATCH_*",
    "CONDA_PREFIX",
    "VIRTUAL_ENV",
    "NUMBA_CACHE_DIR",
    "NUMBA_CUDA_DRIVER",
)
# of these a record keeps the value: they may tell why two machines differ
TOLD = ("LD_LIBRARY_PATH", "DYLD_*", "CUDA_*", "NVIDIA_*", "NUMBA_*")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
# glibc keeps the memory of a step for the next one, which else fetches every page anew: up to a third of a step
KEEP_MEMORY = {name: str(2 * 10**9) for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")}
KERNEL = "efficient3d"


def job_environment(home, threads=1, user=None, passive=True):
    """The variables of a job.

    home     the folder where its tools keep their own files
    user     whose variables of KEPT go through; os.environ
    passive  threads that wait let others work. Where something is timed they must not, as in a user's own process: they
             make a small net 2 to 4 times slower
    """
    user, home = os.environ if user is None else user, Path(home)
    ours = {name: value for name, value in user.items() if _any(name, KEPT)}
    ours.setdefault("PATH", os.defpath)
    ours.setdefault("HOME", str(home))
    ours.setdefault("USER", f"uid{os.getuid()}")
    ours.setdefault("LOGNAME", ours["USER"])
    folders = {"IPYTHONDIR": "ipython", "MPLCONFIGDIR": "matplotlib", "XDG_CACHE_HOME": "cache"}
    folders |= {f"JUPYTER_{kind}": "jupyter" for kind in ("CONFIG_DIR", "DATA_DIR", "PATH")}
    folders |= {"JUPYTER_RUNTIME_DIR": "jupyter/runtime", "XDG_CONFIG_HOME": "config"}
    return {
        **ours,
        **{name: str(home / folder) for name, folder in folders.items()},
        "MATPLOTLIBRC": str(home / "matplotlib" / "matplotlibrc"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        **({"OMP_WAIT_POLICY": "passive"} if passive else {}),
        **dict.fromkeys(THREADS, str(threads)),
        **KEEP_MEMORY,
    }


def make_home(home):
    """Make the folder that `job_environment` names: a kernel of this very Python, matplotlib's own defaults."""
    home = Path(home)
    arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    arguments += ["--IPKernelApp.ignore_cwd=True", "--HistoryManager.enabled=False"]
    kernel = {"argv": arguments, "display_name": KERNEL, "language": "python"}
    files = {
        f"jupyter/kernels/{KERNEL}/kernel.json": json.dumps(kernel),
        "matplotlib/matplotlibrc": "# matplotlib's own defaults\n",
        "ipython/profile_default/startup/README": "nothing is run from here\n",
    }
    for name, text in files.items():
        path = home / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)


@contextmanager
def inside(environment):
    """Run a block with these variables alone."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environment)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def told(user=None):
    """What a record says of the user's variables that go through: names, and the values of TOLD."""
    user = os.environ if user is None else user
    kept = sorted(name for name in user if _any(name, KEPT))
    return {name: user[name] if _any(name, TOLD) else "" for name in kept}


def _any(name, patterns):
    return any(fnmatch(name, pattern) for pattern in patterns)
