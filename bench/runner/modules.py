"""Python of one's own that a suite names, so that a net which is registered there is one of its nets.

    modules: [my_nets.py, my_package.nets]    a file, where the suite's YAML lies; or a module that Python finds

They are imported in this order before the suite is checked, and in every job before its notebook begins. Of files only
those that are listed can be imported: a helper stands in the list, before its user. What they hold, a package with all
its files, is part of the id of every run of a net that they register: a run of other code is never taken for it.
What they change of the process, of our own modules or of PyTorch is refused and put back: see bench.runner.watched.
"""

import hashlib
import importlib.util
import json
import os
import sys
from pathlib import Path

from lib.files import read_json
from lib.shapes import MAPPING, TEXT, check_form

VARIABLE = "EFFICIENT3D_MODULES"  # what a job's notebook imports, as JSON
_imported = {}  # module: (digest of what was imported, names of the nets that it registered)


def find_modules(names, home):
    """{module's name: its file} for the entries of a suite whose YAML lies in `home`.

    ValueError: there is no such file or module, or its name is that of another module
    """
    return dict(_find_file(name, home) if name.endswith(".py") else _find_module(name) for name in names)


def import_modules(files):
    """Import {name: file}, once.  -> the names of all nets that they registered

    ValueError: it cannot be imported; or it has changed since this process imported it
    """
    return set().union(*(_import(name, Path(file)) for name, file in files.items()))


def digest(files):
    """16 hex digits of what the modules hold; "" of none."""
    if not files:
        return ""
    return hashlib.sha256("".join(f"{name} {_digest(file)}\n" for name, file in files.items()).encode()).hexdigest()[
        :16
    ]


def told(listed):
    """The variables that make a job's notebook import a suite's `modules`: their files, and the digest of these."""
    return {VARIABLE: json.dumps(listed)} if listed else {}


def import_told(environment=os.environ):
    """Import what the runner told this process to; nothing in a notebook that is run by hand.

    ValueError: the modules have changed since the suite was expanded
    """
    if text := environment.get(VARIABLE):
        _import_unchanged(json.loads(text))


def import_listed(runs):
    """Import what the suite's runs in a folder were made with, which its jobs.json says: what its nets claim to be.

    ValueError: the modules have changed since the suite was expanded
    """
    if (file := Path(runs) / "jobs.json").is_file() and (listed := read_json(file).get("modules")):
        check_form(listed, {"files": MAPPING, "digest": TEXT}, f"{file}: modules")
        _import_unchanged(listed)


def _import_unchanged(listed):
    check_unchanged(listed["files"], listed["digest"])
    import_modules(listed["files"])


def check_unchanged(files, wanted):
    """ValueError: the files are gone, or hold something else than when the suite was expanded."""
    if gone := [file for file in files.values() if not Path(file).is_file()]:
        raise ValueError(f"modules: {gone[0]} is gone since the suite was started; start it again")
    if digest(files) != wanted:
        raise ValueError(f"modules: {', '.join(files.values())} changed since the suite was started; start it again")


def _find_file(name, home):
    file = (Path(home) / name).resolve()
    if not file.is_file():
        raise ValueError(f"modules: there is no file {file}")
    if file.suffix != ".py":
        raise ValueError(f"modules: {name} is a link to {file}, which is no Python file")
    if not file.stem.isidentifier():
        raise ValueError(f"modules: {name} should be called as a Python module is, with letters, digits and _")
    known = sys.modules.get(file.stem)
    other = getattr(known, "__file__", None) if known else _origin(file.stem)
    if (known or other) and Path(other or "").resolve() != file:
        raise ValueError(f"modules: {name} would hide the module {file.stem} ({other or 'built in'}); rename the file")
    return file.stem, str(file)


def _find_module(name):
    if not (origin := _origin(name)) or not Path(origin).is_file():
        raise ValueError(f"modules: Python finds no module {name!r}; of a file say its path, which ends in .py")
    return name, str(Path(origin).resolve())


def _origin(name):
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None


def _import(name, file):
    from bench.runner.watched import Watched
    from lib.models import list_models

    now = _digest(file)
    if name in _imported:
        before, models = _imported[name]
        if before != now:
            raise ValueError(f"modules: {file} has changed since it was imported; start anew")
        return models
    there, loaded = set(list_models()), set(sys.modules)
    with Watched() as process:
        try:
            _load(name, file)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module that ends the process, too: nobody would know why nothing ran
            failed = f"{type(error).__name__}: {error}"
        else:
            failed = ""
    changed = process.changed()
    if failed or changed:
        process.put_back()
        _forget(name, loaded)
        raise ValueError(f"modules: {file}: {failed}" if failed else f"modules: {file} changes {changed[0]}: it would "
                         "change other nets' numbers; leave that out")  # fmt: skip
    _imported[name] = now, set(list_models()) - there
    return _imported[name][1]


def _forget(name, loaded):
    """A module that was refused, and what of its package came with it, can be imported anew."""
    top = name.partition(".")[0]
    for other in [other for other in set(sys.modules) - loaded if other.partition(".")[0] == top]:
        del sys.modules[other]


def _load(name, file):
    if "." in name or file.name == "__init__.py":  # of a package: by its name, which its parts need
        root = str(file.parents[name.count(".") + (file.name == "__init__.py")])
        if root not in sys.path:
            sys.path.append(root)
        importlib.import_module(name)
        return
    spec = importlib.util.spec_from_file_location(name, file)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def _digest(file):
    """Of a module's own file; of one in a package, of all Python files of the package's outermost folder."""
    home = Path(file).parent
    while (home.parent / "__init__.py").is_file():
        home = home.parent
    package = (home / "__init__.py").is_file()
    files = sorted(part for part in home.rglob("*.py") if part.is_file()) if package else [Path(file)]
    said = [f"{part.relative_to(home)} {hashlib.sha256(part.read_bytes()).hexdigest()}" for part in files]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()
