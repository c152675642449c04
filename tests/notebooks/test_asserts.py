"""Every assert of the course can fail: with a parameter or a function broken, it does, and it is the one that does."""

import ast
import builtins
import traceback

import pytest
from notebook_doubles import TOOLS
from notebook_faults import FAULTS
from test_course import NOTEBOOKS, cells, smallest


def claims(source):
    """The asserts of a cell, those of PyTorch too, as syntax."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            yield node
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("assert_close"):
            yield node


def sources(path):
    """{cell number: source} of the code cells."""
    return {i: "".join(cell["source"]) for i, cell in enumerate(cells(path)) if cell["cell_type"] == "code"}


def placed(path):
    """Each fault with its assert, none twice.  -> [(cell of the assert, its lines, first cell of the fault, fault)]"""
    code, taken, found = sources(path), set(), []
    for part, start, fault in FAULTS[path.stem]:
        at, claim = next(
            (i, claim)
            for i, source in code.items()
            for claim in claims(source)
            if part in ast.get_source_segment(source, claim) and (i, claim.lineno) not in taken
        )
        taken.add((at, claim.lineno))
        first = next((i for i, source in code.items() if start in source), None) if start else at
        assert first is not None and first <= at, f"no cell with {start!r} before {part!r}"
        found.append((at, range(claim.lineno, claim.end_lineno + 1), first, fault))
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_assert_has_its_fault(path):
    there = {(i, claim.lineno) for i, source in sources(path).items() for claim in claims(source)}
    assert there == {(at, lines[0]) for at, lines, _, _ in placed(path)}


def run(code, numbers, names, stem):
    for i in numbers:
        exec(compile(code[i], f"{stem}[{i}]", "exec"), names)


def turned_red(code, at, first, fault, names, stem):
    """Run the cells with the fault.  -> line of the cell `at` that said no; None if none did"""
    undo = []

    def patch(thing, name, value):
        undo.append((thing, name, vars(thing).get(name)))
        setattr(thing, name, value)

    names |= {tool.__name__: tool for tool in (*TOOLS, patch)}
    try:
        exec(fault, names)
        run(code, [i for i in code if first <= i <= at], names, stem)
    except AssertionError as error:
        frames = traceback.extract_tb(error.__traceback__)
        return next((frame.lineno for frame in frames if frame.filename == f"{stem}[{at}]"), None)
    finally:
        for thing, name, value in undo:
            setattr(thing, name, value) if value else delattr(thing, name)  # else it was inherited
    return None


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_assert_can_fail(path, tiny_shapes, tmp_path, monkeypatch):
    """The notebook runs once whole, at its smallest; then from each fault's cell to its assert, with the fault."""
    import matplotlib
    import torch

    matplotlib.use("agg")
    monkeypatch.chdir(path.parent)
    monkeypatch.setattr(builtins, "display", lambda *shown: None, raising=False)
    code, names, before = sources(path), {"__name__": "lesson"}, {}
    for i, source in code.items():
        before[i] = dict(names)
        exec(compile(source, f"{path.stem}[{i}]", "exec"), names)
        if "parameters" in cells(path)[i]["metadata"].get("tags", []):
            names |= smallest(path, tiny_shapes, tmp_path)
    green = []
    for at, lines, first, fault in placed(path):
        line = turned_red(code, at, first, fault, dict(before[first]), path.stem)
        matplotlib.pyplot.close("all")
        torch.set_num_threads(1)
        if line not in lines:
            green.append(f"cell {at}, line {lines[0]}, after {fault!r}: {'another, ' + str(line) if line else 'none'}")
    assert not green, "\n".join(green)
