"""Every name of a library that our code uses is there: what only a GPU would run is read at least."""

import ast
import importlib
import re
import types

import pytest

from lib.run import ROOT

FILES = [path for room in ("bench", "data_prep", "kernels", "lib") for path in sorted((ROOT / room).rglob("*.py"))]
OPTIONAL = {"tensorboard", "torch.utils.tensorboard"}  # a hint says what to install


def imported(tree):
    """{name in the file: the module or class that it stands for}"""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in (alias for alias in node.names if alias.name not in OPTIONAL):
                module = importlib.import_module(name.name)
                found[name.asname or name.name.split(".")[0]] = (
                    module if name.asname else importlib.import_module(name.name.split(".")[0])
                )
        elif isinstance(node, ast.ImportFrom) and node.module not in OPTIONAL:
            module = importlib.import_module(node.module)
            for name in node.names:
                if not hasattr(module, name.name):  # a module of a package that nobody imported yet
                    importlib.import_module(f"{node.module}.{name.name}")
                found[name.asname or name.name] = getattr(module, name.name)
    return {name: what for name, what in found.items() if isinstance(what, types.ModuleType | type)}


def missing(text):
    """Dotted names that begin with an import and lead nowhere; [(line, name)]."""
    tree, found = ast.parse(text), []
    known = imported(tree)
    rebound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    rebound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        dotted = ast.unparse(node) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) else ""
        if re.fullmatch(r"[\w.]+", dotted):
            first, *rest = dotted.split(".")
            what = known.get(first) if first not in rebound else None
            for name in rest:
                if not isinstance(what, types.ModuleType | type):
                    break
                if not hasattr(what, name):
                    found.append((node.lineno, dotted))
                    break
                what = getattr(what, name)
    return sorted(found)


@pytest.mark.filterwarnings("ignore")
def test_every_name_of_a_library_exists():
    assert {path.relative_to(ROOT): found for path in FILES if (found := missing(path.read_text("utf-8")))} == {}


def test_a_name_that_is_not_there_is_found():
    text = "import torch\nfrom torch import nn\ntorch.cuda.resetpeak_memory_stats()\nnn.Conv3d\nx = nn.Cnv3d\n"
    assert missing(text) == [(3, "torch.cuda.resetpeak_memory_stats"), (5, "nn.Cnv3d")]
