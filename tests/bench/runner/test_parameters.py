"""A notebook's parameters are checked before its kernel starts."""

import json

import pytest
from papermill import inspect_notebook

from bench.runner.lesson import Lesson
from bench.runner.parameters import check_parameters, parameters_of
from bench.runner.suite import NOTEBOOKS

CELL = """width: float = 0.5  # a multiplier
name: str = "a"
steps: "int or None" = None
nets: list = [{"a": 1}]
fast: bool = True
"""


def notebook(folder, *sources):
    cells = [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": [source]} for source in sources]
    path = folder / "lesson.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    return path


def test_a_cell_is_a_signature(tmp_path):
    found = parameters_of(notebook(tmp_path, CELL))
    assert found["width"] == ("float", 0.5) and found["steps"] == ("int or None", None)
    assert found["nets"] == ("list", [{"a": 1}])


@pytest.mark.parametrize(
    "values", [{}, {"width": 1, "steps": None, "name": "x"}, {"steps": 3, "fast": False, "nets": []}]
)
def test_right_values_pass(values, tmp_path):
    check_parameters(notebook(tmp_path, CELL), values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widht": 0.5}, "no parameter 'widht'; it has width, name"),
        ({"width": "0.5"}, "width should be float"),
        ({"width": "1e-3"}, "write 0.001"),
        ({"width": True}, "width should be float"),
        ({"steps": 1.5}, r"steps should be int or None"),
        ({"fast": 1}, "fast should be bool"),
        ({"name": None}, "name should be str"),
    ],
)
def test_wrong_values_say_what_is_right(values, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        check_parameters(notebook(tmp_path, CELL), values)


def test_a_notebook_looks_at_what_papermill_by_itself_gave_it(monkeypatch, tmp_path):
    """Lesson(...) is the first that a notebook calls, by hand too."""
    monkeypatch.setattr("__main__.epochs", 10**23, raising=False)
    with pytest.raises(ValueError, match="10_training.ipynb: epochs must be a whole number from 1 to 100000"):
        Lesson("10_training", run_dir=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("width = 0.5", "should read `name: type = literal`"),
        ("width: float = 1 / 2", "is not a literal"),
        ("clip: tuple = (1, 2)", "has the type tuple"),
    ],
)
def test_a_bad_cell_is_refused(source, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        parameters_of(notebook(tmp_path, source))


def test_there_must_be_one_cell(tmp_path):
    with pytest.raises(ValueError, match="2 cells are tagged"):
        parameters_of(notebook(tmp_path, CELL, CELL))


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_committed_clean(path):
    """A parameters cell that parses, no outputs, short cells, and a help line for every parameter."""
    content = json.loads(path.read_text(encoding="utf-8"))
    assert {"run_dir", "threads"} <= set(parameters_of(path))
    assert set(content["metadata"]) == {"kernelspec"}
    for cell in content["cells"]:
        assert set(cell["metadata"]) <= {"tags"}
        if cell["cell_type"] == "code":
            assert not cell["outputs"] and cell["execution_count"] is None
            assert len(cell["source"]) <= 25, "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", []):
            for line in cell["source"]:
                assert line.count("=") < 2, f"papermill's help drops the line {line!r}"


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_papermill_tells_of_every_parameter(path):
    """Its `--help-notebook` lists what it understands, and it warns of values for anything else."""
    inferred = inspect_notebook(str(path))
    assert {name: told["inferred_type_name"] for name, told in inferred.items()} == {
        name: annotation for name, (annotation, _) in parameters_of(path).items()
    }
