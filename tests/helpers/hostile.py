"""A user's surroundings that would each change a run, or stop it."""

import os

HOSTILE = {
    "SNAKEMAKE_PROFILE": "/nowhere",
    "MATPLOTLIBRC": "/tmp",
    "MPLBACKEND": "Agg",
    "PYTHONSTARTUP": "/nowhere.py",
    "PYTHONWARNINGS": "error",
    "NUMBA_DISABLE_JIT": "1",
    "NUMBA_ENABLE_CUDASIM": "1",
    "TORCH_LOGS": "+dynamo",
    "OMP_NUM_THREADS": "7",
    "GIT_DIR": "/nowhere",
}


def make_hostile(folder):
    """A working directory and variables that would each change a run, or stop it."""
    evil = "import torch; torch.set_default_dtype(torch.float64)\n"
    for ipython in ("startup", ".ipython"):  # named by a variable, and in the user's home
        (folder / ipython / "profile_default" / "startup").mkdir(parents=True)
        (folder / ipython / "profile_default" / "startup" / "00.py").write_text(evil)
    for kernels in ("kernels", ".local/share/jupyter/kernels"):
        (folder / kernels / "python3").mkdir(parents=True)
        (folder / kernels / "python3" / "kernel.json").write_text('{"argv": ["/bin/false"], "language": "python"}')
    (folder / ".config" / "matplotlib").mkdir(parents=True)
    (folder / ".config" / "matplotlib" / "matplotlibrc").write_text("text.usetex: True\n")
    for package in ("lib", "kernels", "matplotlib"):
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").write_text(f"raise SystemExit('the {package} of the working directory')\n")
    (folder / "matplotlibrc").write_text("text.usetex: True\n")
    (folder / ".numba_config.yaml").write_text("disable_jit: 1\n")
    variables = {"IPYTHONDIR": folder / "startup", "JUPYTER_PATH": folder, "PYTHONPATH": folder, "MATPLOTLIBRC": folder}
    variables["HOME"] = folder
    return {**os.environ, **HOSTILE, **{name: str(value) for name, value in variables.items()}}
