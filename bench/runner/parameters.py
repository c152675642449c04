"""A notebook's parameters cell as a signature: what it takes, of which type. Papermill itself only warns of a typo."""

import ast
import json
from pathlib import Path

from lib import bounds

# What a JSON value must be for an annotation; a bool is not a number here. Of several: "bool or int", as text, because
# papermill's own help leaves out `bool | int`.
TYPES = {
    "int": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "float": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "str": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "list": lambda v: isinstance(v, list),
    "dict": lambda v: isinstance(v, dict),
    "None": lambda v: v is None,
}


def parameters_of(notebook):
    """{name: (annotation, default)} of the cell tagged `parameters`; ValueError if it holds anything but
    `name: type = literal`, one to a line."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    tagged = [c for c in cells if "parameters" in c.get("metadata", {}).get("tags", [])]
    if len(tagged) != 1:
        raise ValueError(f"{notebook}: {len(tagged)} cells are tagged 'parameters', there must be one")
    found = {}
    for statement in ast.parse("".join(tagged[0]["source"])).body:
        text = ast.unparse(statement)
        if not isinstance(statement, ast.AnnAssign) or statement.value is None:
            raise ValueError(f"{notebook}: {text!r} in the parameters cell should read `name: type = literal`")
        annotation = getattr(statement.annotation, "value", None) or ast.unparse(statement.annotation)
        if unknown := [t for t in annotation.split(" or ") if t not in TYPES]:
            raise ValueError(f"{notebook}: {text!r} has the type {unknown[0]}; there are {', '.join(TYPES)}, "
                             'and of several "int or None"')  # fmt: skip
        try:
            default = ast.literal_eval(statement.value)
        except ValueError:
            raise ValueError(f"{notebook}: the default in {text!r} is not a literal") from None
        found[statement.target.id] = (annotation, default)
    return found


def check_parameters(notebook, values):
    """ValueError unless `values` ({name: JSON value}) fit the notebook's parameters cell."""
    known = parameters_of(notebook)
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{Path(notebook).name} has no parameter {name!r}; it has {', '.join(known)}")
        annotation = known[name][0]
        if not any(TYPES[t](value) for t in annotation.split(" or ")):
            hint = " (YAML reads 1e-3 as text: write 0.001)" if _looks_like_number(value) else ""
            raise ValueError(f"{Path(notebook).name}: {name} should be {annotation}, not {bounds.shown(value)}{hint}")
        if said := bounds.wrong(name, value):
            raise ValueError(f"{Path(notebook).name}: {said}")


def _looks_like_number(value):
    try:
        return isinstance(value, str) and float(value) is not None
    except ValueError:
        return False
