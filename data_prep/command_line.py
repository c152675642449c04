"""One way to make a command line: a command is a module, found by a table, whose docstring is its help.

Such a module has EXAMPLE (a call that works), add_arguments(parser) and run(**options), a dataset's prepare(**options).
The list of commands is read from the files, so that it shows at once, whatever the modules import.
"""

import argparse
import ast
import errno
import os
import sys
from importlib import import_module
from pathlib import Path

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
HELP = """usage: python -m {package} COMMAND ...
{about}

{rows}

python -m {package} COMMAND --help    its options, and an example"""


def main(package, about, modules, arguments=None, add_shared=None):
    """Run the command that `arguments` name (None: those of the process).  -> its exit status, 0 if it returns no int

    modules     {command: full name of its module}
    add_shared  f(command, parser) that adds options which several commands have
    A wrong option or value, and a file that cannot be read or written, end the process with one line that says so.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command, *rest = arguments or ["--help"]
    if command in ("-h", "--help"):
        print(HELP.format(package=package, about=about, rows="\n".join(_rows(modules))))
        return 0
    if command not in modules:
        sys.exit(f"error: no command {command!r}; there are {', '.join(modules)}")
    module = import_module(modules[command])
    options = vars(_parser(f"python -m {package} {command}", command, module, add_shared).parse_args(rest))
    try:
        result = (module.run if hasattr(module, "run") else module.prepare)(**options)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {explained(error)}")
    return result if isinstance(result, int) else 0


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


def _rows(modules):
    """A line per command: its name, and the first line of its module's docstring."""
    width = max(map(len, modules))
    for command, name in modules.items():
        source = HOME.joinpath(*name.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        yield f"  {command:{width}}  {ast.get_docstring(ast.parse(source)).splitlines()[0]}"
