"""One way to make a command line: a command is a module, found by a table, whose docstring is its help.

Such a module has EXAMPLE (a call that works), add_arguments(parser) and run(**options), a dataset's prepare(**options).
The list of commands is read from the files, so that it shows at once, whatever the modules import.
"""

import argparse
import ast
import contextlib
import errno
import os
import sys
import warnings
from importlib import import_module
from pathlib import Path

from lib import bounds
from lib.files import check_target, printable

HOME = Path(__file__).resolve().parents[1]
# what helps where the system refuses
REMEDIES = {
    errno.ENOSPC: "; make room there, then run the same command again",
    errno.EDQUOT: "; make room there, then run the same command again",
    errno.EROFS: "; choose a folder that can be written, with --out",
    errno.EACCES: "; choose a folder that you may read and write, with --out",
    errno.EPERM: "; choose a folder that you may read and write, with --out",
    errno.ENOLCK: "; this file system has no locks: choose a folder on another, with --out",
    errno.ENOTSUP: "; this file system cannot do it: choose a folder on another, with --out",
    errno.EMFILE: "; too many open files: raise `ulimit -n`",
}
# the extra of pyproject.toml that brings a package which not every command needs
EXTRAS = {"latex2mathml": "dev", "onnx": "export", "onnxscript": "export", "onnxruntime": "export"}
EXTRAS["tensorboard"] = "tensorboard"
HELP = """usage: python -m {package} COMMAND ...  (COMMAND --help: options, an example)
{about}
{rows}"""


def main(package, about, modules, arguments=None, add_shared=None, unlisted=()):
    """Run the command that `arguments` name (None: those of the process).  -> its exit status, 0 if it returns no int

    modules     {command: full name of its module}
    add_shared  f(command, parser) that adds options which several commands have
    unlisted    commands that the list of all does not show
    A wrong option or value, and a file that cannot be read or written, end the process with one line that says so.
    """
    try:
        try:
            return _called(package, about, modules, arguments, add_shared, unlisted)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # who read has gone, as of `| head`
        _no_more_output()
        return 1
    except OSError as error:
        _no_more_output()
        sys.exit(f"error: standard output: {explained(error)}")


def _no_more_output():
    """What is still to be written goes nowhere: Python would complain of it once more at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _called(package, about, modules, arguments, add_shared, unlisted):
    _as_installed()
    check_clone()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command, *rest = arguments or ["--help"]
    if command in ("-h", "--help"):
        listed = {name: module for name, module in modules.items() if name not in unlisted}
        print(HELP.format(package=package, about=about, rows="\n".join(_rows(listed))))
        return 0
    if command not in modules:
        sys.exit(f"error: no command {command!r}; there are {', '.join(modules)}")
    try:
        module = import_module(modules[command])
        parser = _parser(f"python -m {package} {command}", command, module, add_shared)
        options = vars(parser.parse_intermixed_args(rest))
        bounds.check({name: value for name, value in options.items() if not _is_text(value)})
        _check_places(parser, options)
        result = (module.run if hasattr(module, "run") else module.prepare)(**options)
    except BrokenPipeError:
        raise
    except (ValueError, OSError) as error:
        sys.exit("error: " + "\n".join(map(printable, explained(error).split("\n"))))
    except ModuleNotFoundError as error:
        name = (error.name or str(error)).partition(".")[0]
        how = f'pip install -e ".[{EXTRAS[name]}]"' if name in EXTRAS else "`make` in the clone, or pip install -e ."
        sys.exit(f"error: the package {name} is not installed for {sys.executable}: {how}")
    return result if isinstance(result, int) else 0


def check_clone(home=HOME):
    """End the process if its .venv lies in one clone and finds the code in another, `home`: the .venv was copied.

    Not if the other was asked for: it is the working directory, above it, or in PYTHONPATH.
    """
    venv, asked = Path(sys.prefix), os.environ.get("PYTHONPATH", "").split(os.pathsep)
    clone = venv.parent.resolve()
    if clone == home or not (clone / "bench" / "__main__.py").exists():
        return
    if home in (Path.cwd(), *Path.cwd().parents) or str(home) in asked:
        return
    raise SystemExit(f"error: {venv} is another clone's, it runs the code of {home}: remove it, `make` makes a new one")


def _as_installed():
    """Import what is installed with this Python before what a user's PYTHONPATH or the working directory hold, and warn
    as Python does by itself: PYTHONWARNINGS=error makes errors of what libraries say to their own developers."""
    theirs = {os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path} | {
        os.getcwd()
    }
    sys.path.sort(key=lambda path: os.path.abspath(path) in theirs - {str(HOME)})
    if sys.warnoptions:
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)


def explained(error):
    """What to tell of an error, in one line; of the system's own: the file, and what to do."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    files = " -> ".join(str(file) for file in (error.filename, error.filename2) if file is not None)
    remedy = REMEDIES.get(error.errno, "")
    return f"{files + ': ' if files else ''}{error.strerror or os.strerror(error.errno)}{remedy}"


def _parser(prog, command, module, add_shared):
    parser = argparse.ArgumentParser(
        prog,
        description=module.__doc__,
        epilog=f"example: {module.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if add_shared:
        add_shared(command, parser)
    module.add_arguments(parser)
    return parser


def _check_places(parser, options):
    """ValueError or OSError: a file that a command is to write cannot be there, or its GPU is not here. Asked first:
    what is measured or trained for hours is not lost at its end."""
    for action in parser._actions:
        if action.dest == "out" and str(action.metavar).startswith("FILE") and options["out"] is not None:
            check_target(options["out"])
        if action.dest == "out" and action.metavar == "DIR" and Path(options["out"] or ".").exists():
            if not Path(options["out"] or ".").is_dir():
                raise ValueError(f"--out {options['out']} is no folder")
    if not options.get("executor"):
        _check_device(str(options.get("device") or "cpu"))


def _check_device(name):
    """ValueError: no device of PyTorch's, or none that this machine has."""
    if name == "cpu":
        return
    import torch

    try:
        device = torch.device(name)
        if device.type == "cuda":  # asked without a context there, which a training's workers could not share
            there = torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
        else:
            there = torch.empty(1, device=device).device.type != "meta"
    except (RuntimeError, AssertionError, NotImplementedError):  # no such word; built without it; none here
        there = False
    if not there:
        what = "GPU" if name.startswith("cuda") else "such device"
        raise ValueError(f"--device {name}: PyTorch {torch.__version__} finds no {what} here")


def _is_text(value):
    """Whether an option is text, or texts, such as the files of `bench predict`: bounds are of numbers."""
    return isinstance(value, str) or (isinstance(value, list) and any(isinstance(item, str) for item in value))


def _rows(modules):
    """A line per command: its name, and the first line of its module's docstring."""
    width = max(map(len, modules))
    for command, name in modules.items():
        source = HOME.joinpath(*name.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        yield f"  {command:{width}}  {ast.get_docstring(ast.parse(source)).splitlines()[0]}"
