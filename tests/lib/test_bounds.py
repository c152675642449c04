"""Numbers of users: every name that takes one has bounds, and whatever lies outside is refused by that name."""

import argparse
import math
from importlib import import_module

import pytest

from bench.__main__ import COMMANDS, main
from bench.runner.parameters import check_parameters, parameters_of
from bench.runner.suite import NOTEBOOKS, load_suite
from data_prep.__main__ import COMMANDS as TOOLS
from lib.bounds import BOUNDS, wrong
from lib.recipe import RECIPE, complete

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
BAD = [10**23, 10**400, -1, -(10**23), float("inf"), float("-inf"), float("nan"), True, "7", None, [], 1e300]
SUITE = "data: {{videos: 24, frames: 8, size: 32, {data}}}\nthreads: {threads}\ntrain:\n  seeds: [{seed}]\n  runs:\n"
NET = "    - {{model: mobilenetv2_3d_nano, frames: 4, size: 32, {net}}}\n"
SEARCH = "searches: [{{notebook: {notebook}, parameters: {{{search}}}}}]\ncosts: {{{costs}}}\n"
IN_SUITES = [
    *(("data", f"{name}: {{}}", name) for name in ("seed",)),
    ("threads", "{}", "threads"),
    ("seed", "{}", "seeds"),
    *(("net", f"{name}: {{}}", name) for name in ("epochs", "batch_size", "learning_rate", "weight_decay")),
    *(("net", f"recipe: {{{{{n}: {{}}}}}}", n) for n in RECIPE if type(RECIPE[n]) in (int, float)),
    *(("net", f"sampling: {{{{{name}: {{}}}}}}", name) for name in ("clips", "segments", "frame_stride", "short_side")),
    *(("net", f"options: {{{{{name}: {{}}}}}}", name) for name in ("width", "dropout", "num_classes")),
    *(("search", f"{n}: {{}}", n) for n in ("strength", "frames", "size", "search_epochs", "epochs", "random_deals")),
    ("costs", "timed_runs: {}", "timed_runs"),
]


def numbers_of(path):
    """Parameters of a notebook that are numbers, or lists of them; and of its mappings nothing."""
    for name, (kind, default) in parameters_of(path).items():
        first = default
        while isinstance(first, list) and first:
            first = first[0]
        if kind in ("int", "float") or isinstance(first, int | float) and not isinstance(first, bool):
            yield name, kind


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_number_of_a_notebook_has_bounds(path):
    for name, kind in numbers_of(path):
        assert name in BOUNDS, f"{name} of {path.name} has no bounds"
        assert BOUNDS[name].whole >= (kind == "int")
        assert not wrong(name, parameters_of(path)[name][1])
        for bad in BAD if kind != "list" else [bad for bad in BAD if bad != []]:
            with pytest.raises(ValueError, match=f"{path.name}: {name} ") as refused:
                check_parameters(path, {name: bad if kind != "list" else [bad, [bad]]})
            assert len(str(refused.value)) < 200


@pytest.mark.parametrize("command", [*COMMANDS, *TOOLS])
def test_every_number_of_a_command_has_bounds(command):
    module, parser = import_module({**COMMANDS, **TOOLS}[command]), argparse.ArgumentParser()
    module.add_arguments(parser)
    for action in (action for action in parser._actions if action.type in (int, float)):
        assert action.dest in BOUNDS, f"{action.dest} of {command} has no bounds"
        assert action.default is None or not wrong(action.dest, action.default)


@pytest.mark.parametrize("value", ["1e23", "nan", "inf", "-1"])
def test_a_command_names_the_option(value, tmp_path):
    with pytest.raises(SystemExit, match="error: budget_minutes must be a number above 0 to 100000, not"):
        main(["gpu", "--budget-minutes", value, "--out", str(tmp_path / "gpu")])
    assert not list(tmp_path.iterdir())


def test_the_recipe_takes_its_bounds_from_here():
    for name, default in RECIPE.items():
        if isinstance(default, int | float) and not isinstance(default, bool):
            for bad in BAD:
                with pytest.raises(ValueError, match=f"^{name} must be a "):
                    complete({name: bad})


def written(bad):
    """A value as YAML has it."""
    if isinstance(bad, float) and math.isinf(bad):
        return f"{bad:+}".replace("inf", "1.0e+999")
    return "~" if bad is None else repr(bad) if isinstance(bad, str) else repr(bad).lower()


@pytest.mark.parametrize(("where", "text", "name"), IN_SUITES, ids=[f"{c[0]}-{c[2]}" for c in IN_SUITES])
def test_a_suite_names_the_option(where, text, name, tmp_path):
    path = tmp_path / "mine.yaml"
    for bad in BAD if name not in ("segments", "short_side") else [bad for bad in BAD if bad is not None]:
        parts = {"data": "seed: 0", "threads": "1", "seed": "0", "net": "epochs: 1", "search": "epochs: 1"}
        parts |= {"costs": "timed_runs: 2", "notebook": "11_search_sub_kernels", where: text.format(written(bad))}
        path.write_text((SUITE + NET + SEARCH).format(**parts))
        with pytest.raises(ValueError, match=f"^mine.yaml: .*({name}|too large)") as refused:
            load_suite(path)
        assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


def test_numbers_deep_inside_have_bounds_too(tmp_path):
    path = NOTEBOOKS / "10_training.ipynb"
    for values in ({"recipe": {"milestones": [0.5, 10**23]}}, {"options": {"plan": [{"1x1x1": 10**23}]}}):
        with pytest.raises(ValueError, match="(milestones|1x1x1) must be "):
            check_parameters(path, values)
    check_parameters(path, {"options": {"alpha": -0.5, "frames": 0}})  # a net of one's own may mean something else
