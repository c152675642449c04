"""A suite's own Python: a net of a file is one of the suite's nets, and its code is part of its runs."""

import json
import os
import random
import sys

import numpy as np
import pytest
import torch
import yaml
from helpers.suite_runs import write_runs

from bench.report import tables
from bench.runner import modules, watched
from bench.runner.job import run_job
from bench.runner.run import _write_jobs
from bench.runner.suite import load_suite
from lib.files import read_json, write_json
from lib.models import list_models, registry
from lib.run import done

NET = """
from torch import nn
from lib.models import register

@register
def {name}(num_classes=400, channels=4):
    return nn.Sequential(nn.Conv3d(3, channels, 3, (2, 4, 4), 1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
                         nn.Linear(channels, num_classes))
"""
RUN = {"frames": 4, "size": 24, "epochs": 1, "batch_size": 8}


@pytest.fixture(autouse=True)
def registry_as_it_was(monkeypatch):
    """Nets that a test registers are gone after it, for the tests that list all nets.

    And no shapes of nets that earlier tests compared: every import here would look at a hundred thousand of them.
    """
    monkeypatch.setattr("lib.models.registry._MODELS", dict(registry._MODELS))
    monkeypatch.setattr("lib.weights.published._SHAPES", {})


def suite_of(folder, listed, models, **more):
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"modules": listed, "train": {"defaults": RUN, "runs": models}, **more}))
    return load_suite(path)


def write(folder, name, net=None):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(NET.format(name=net or name))


def test_a_net_of_a_file_is_trained_and_counted(tiny_shapes, tmp_path):
    write(tmp_path, "trained_here")
    data = {"data": {"manifest": str(tiny_shapes)}}
    nets = [{"model": "trained_here", "labels": "motion", "options": {"channels": 5}}]
    suite = suite_of(tmp_path, ["trained_here.py"], nets, **data)
    runs = tmp_path / "runs"
    _write_jobs(runs, suite, tmp_path, "cpu", 1)
    (train,) = [job for job in suite.jobs if job.rule == "train"]
    run_job(runs / "jobs.json", train.id, 1)
    assert done(runs / train.id)["test"]["videos"] == 10
    (tmp_path / "trained_here.py").write_text("# another file by now\n")
    (costs,) = [job for job in suite.jobs if job.rule == "costs"]
    with pytest.raises(Exception, match="changed since the suite was started; start it again"):
        run_job(runs / "jobs.json", costs.id, 1)


def ids(suite):
    return {job.options.get("model", job.rule): job.id for job in suite.jobs}


def test_its_code_is_part_of_the_id_of_its_own_runs_alone(tmp_path, monkeypatch):
    found = []
    for place, text in (("a", ""), ("b", ""), ("c", "\n# one line more")):
        monkeypatch.setattr(modules, "_imported", {})
        monkeypatch.delitem(sys.modules, "told_apart", raising=False)
        monkeypatch.setattr("lib.models.registry._MODELS", dict(modules_free()))
        write(tmp_path / place, "told_apart")
        with open(tmp_path / place / "told_apart.py", "a") as file:
            file.write(text)
        nets = [{"model": "told_apart"}, {"model": "c2d_nano"}]
        found.append(ids(suite_of(tmp_path / place, ["told_apart.py"], nets, data={"videos": 45})))
    here, elsewhere, changed = found
    assert here == elsewhere, "where a file lies is no part of what it is"
    assert {name for name in here if here[name] != changed[name]} == {"told_apart", "costs"}


def test_a_net_that_claims_a_system_is_shipped(tmp_path, monkeypatch):
    """The process that ships has imported nothing; what the net is of stands in its own module."""
    write(tmp_path, "claiming")
    (tmp_path / "claiming.py").write_text(
        (tmp_path / "claiming.py").read_text().replace("@register", '@register(system="CSN")')
    )
    runs = write_runs(tmp_path / "runs" / "mine", [("claiming", {0: 50, 1: 40, 2: 45})], {"claiming": 0.1})
    files = modules.find_modules(["claiming.py"], tmp_path)
    listed = {**read_json(runs / "jobs.json"), "modules": {"files": files, "digest": modules.digest(files)}}
    write_json(runs / "jobs.json", listed)
    monkeypatch.setattr(tables, "ROOT", tmp_path / "clone")
    modules.import_modules(files)
    tables.write_results(runs, tmp_path / "results" / "mine")
    monkeypatch.setattr(modules, "_imported", {})
    monkeypatch.setattr("lib.models.registry._MODELS", {k: v for k, v in registry._MODELS.items() if k != "claiming"})
    tables.ship("mine", tmp_path)
    assert "CSN" in (tmp_path / "clone" / "results" / "shipped" / "mine" / "trade_off.csv").read_text()
    (tmp_path / "claiming.py").write_text("# another by now")
    with pytest.raises(ValueError, match="claiming.py changed since the suite was started"):
        tables.ship("mine", tmp_path)


def modules_free():
    return {name: entry for name, entry in registry._MODELS.items() if name != "told_apart"}


def test_without_modules_an_id_stays_what_it_was(tmp_path):
    listed = suite_of(tmp_path, [], [{"model": "c2d_nano"}], data={"videos": 45})
    (tmp_path / "mine.yaml").unlink()
    path = tmp_path / "mine.yaml"
    path.write_text(
        yaml.safe_dump({"data": {"videos": 45}, "train": {"defaults": RUN, "runs": [{"model": "c2d_nano"}]}})
    )
    assert ids(load_suite(path)) == ids(listed) and not listed.modules


def test_a_helper_stands_in_the_list_before_its_user(tmp_path):
    (tmp_path / "helper_of_mine.py").write_text("CHANNELS = 4\n")
    text = "from helper_of_mine import CHANNELS\n" + NET.format(name="helped").replace(
        "channels=4", "channels=CHANNELS"
    )
    (tmp_path / "helped.py").write_text(text)
    with pytest.raises(ValueError, match="helped.py: ModuleNotFoundError: No module named 'helper_of_mine'"):
        suite_of(tmp_path, ["helped.py"], [{"model": "helped"}], data={"videos": 45})
    assert suite_of(tmp_path, ["helper_of_mine.py", "helped.py"], [{"model": "helped"}], data={"videos": 45}).jobs


def test_a_package_counts_with_all_its_files(tmp_path, monkeypatch):
    package = tmp_path / "packed_nets"
    write(package, "nets", "packed")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    suite = suite_of(tmp_path, ["packed_nets.nets"], [{"model": "packed"}], data={"videos": 45})
    files = suite.modules["files"]
    (package / "layers.py").write_text("")
    assert modules.digest(files) != suite.modules["digest"]


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ("gone.py", "modules should|modules must be a list"),
        ([3], "modules, entry 1 must be text"),
        (["gone.py"], "modules: there is no file .*gone.py"),
        (["gone"], "modules: Python finds no module 'gone'; of a file say its path"),
        (["my-nets.py"], "my-nets.py should be called as a Python module is"),
        (["json.py"], r"json.py would hide the module json \(.*json"),
        (["broken.py"], "broken.py: SyntaxError"),
        (["twice.py"], "twice.py: ValueError: two models are called c2d_nano"),
    ],
)
def test_mistakes_are_found_before_anything_runs(listed, message, tmp_path):
    for name in ("my-nets", "json"):
        (tmp_path / f"{name}.py").write_text("")
    (tmp_path / "broken.py").write_text("def (")
    write(tmp_path, "twice", "c2d_nano")
    with pytest.raises(ValueError, match=f"mine.yaml: .*({message})"):
        suite_of(tmp_path, listed, [{"model": "c2d_nano"}], data={"videos": 45})


def test_a_notebook_by_hand_imports_nothing():
    modules.import_told({})
    told = modules.told({"files": {"gone": "/gone.py"}, "digest": "0"})
    assert json.loads(told[modules.VARIABLE])["files"] == {"gone": "/gone.py"}
    with pytest.raises(ValueError, match="/gone.py is gone since the suite was started"):
        modules.import_told(told)


HOSTILE = {
    "import sys; sys.exit(0)": "SystemExit: 0",
    "raise SystemExit": "SystemExit",
    "class End(BaseException): pass\nraise End('now')": "End: now",
    "import torch; torch.set_default_dtype(torch.float64)": "changes torch.get_default_dtype",
    "import torch; torch.set_num_threads(torch.get_num_threads() + 1)": "changes torch.get_num_threads",
    "import torch; torch.set_default_device('meta')": "changes torch.get_default_device",
    "import torch; torch.set_grad_enabled(False)": "changes torch.is_grad_enabled",
    "import torch; torch.set_flush_denormal(True)": "changes torch.set_flush_denormal",
    "import torch; torch.backends.mkldnn.enabled = False": "mkldnn_enabled",
    "import torch; torch.backends.cudnn.benchmark = True": "cudnn_benchmark",
    "import torch; torch.backends.mkldnn.fp32_precision = 'bf16'": "tf32|precision",
    "import torch; torch.set_float32_matmul_precision('medium')": "tf32|precision",
    "import torch; torch.use_deterministic_algorithms(True)": "deterministic_algorithms",
    "import numpy; numpy.seterr(all='raise')": "numpy.geterr",
    "import os; os.chdir('/')": "changes the working directory",
    "import lib.schedules; lib.schedules.learning_rate_factor = print": "lib.schedules.learning_rate_factor",
    "import lib.evaluate.comparisons as c; c.ALPHA = 0.5": "comparisons.ALPHA",
    "import lib.evaluate.metrics as m; m.sum = max": "metrics.sum",
    "import lib.recipe; lib.recipe.RECIPE['momentum'] = 0.5": "lib.recipe.RECIPE",
    "import lib.recipe; lib.recipe.RECIPE['another'] = 0.5": "lib.recipe.RECIPE",
    "from lib.models import VideoNet; VideoNet.forward = lambda self, x: x": "VideoNet.forward",
    "from lib.models.c2d import C2D": "ModuleNotFoundError",
    "from lib.data import PIXELS; object.__setattr__(PIXELS['own'], 'std', (2, 2, 2))": "std|PIXELS",
    "from lib.schedules import learning_rate_factor as f; f.__code__ = (lambda *a, **k: 1).__code__": "__code__",
    "from lib.models import registry; registry._MODELS['c2d_nano'] = registry._MODELS['p3d_nano']": "registry._MODELS",
    "import torch; torch.nn.Conv3d.forward = lambda self, x: x": "Conv3d.forward",
    "import torch; torch.nn.functional.relu = lambda *a, **k: a[0]": "functional.relu",
    "import torch\nfrom torch.nn.modules.module import register_module_forward_hook as r\nr(lambda *a: None)": "hook",
    "from data_prep.moving_shapes import drawing; drawing.SINE[0] += 1": "drawing.SINE",
    "from lib.models import register\n@register\ndef left_over(): pass\n1 / 0": "ZeroDivisionError",
}


@pytest.fixture
def everything(monkeypatch, tmp_path):
    """What this process is, looked at by the same means; a test leaves it so."""
    monkeypatch.chdir(tmp_path)
    with watched.Watched() as process:
        pass
    yield process
    changed = process.changed()
    process.put_back()
    assert not changed


@pytest.mark.parametrize("text", HOSTILE)
def test_a_module_that_ends_or_changes_the_process(tmp_path, everything, text):
    """It would end the runner without a word, or change the numbers of nets that are not its own."""
    there, name = list_models(), "hostile_module"
    (tmp_path / f"{name}.py").write_text(text)
    with pytest.raises(ValueError, match=f"{name}.py.*({HOSTILE[text]})") as raised:
        modules.import_modules(modules.find_modules([f"{name}.py"], tmp_path))
    assert "\n" not in str(raised.value) and name not in sys.modules
    assert list_models() == there, "a net of a module that was refused can be registered anew"


def test_what_a_module_draws_and_sets_for_itself_is_put_back(tmp_path, everything):
    """It may draw its constants, or name a library's folder; a job seeds itself, and its parent's variables hold."""
    text = "import os, random, numpy, torch\nos.environ['MINE'] = '1'\nrandom.random(), numpy.random.rand()\n"
    (tmp_path / "draws.py").write_text(text + "torch.manual_seed(3)\nC = torch.rand(2)\n")
    draw = lambda: (random.random(), np.random.rand(), torch.rand(1).item(), os.environ.get("MINE"))  # noqa: E731, NPY002
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    before = draw()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    modules.import_modules(modules.find_modules(["draws.py"], tmp_path))
    assert draw() == before
    sys.modules.pop("draws")


def test_a_module_that_is_first_to_import_one_of_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(watched, "OURS", (*watched.OURS, "pretended"))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "pretended").mkdir()
    (tmp_path / "pretended" / "__init__.py").write_text("ALPHA = 0.05\n")
    (tmp_path / "first.py").write_text("import pretended\npretended.ALPHA = 1\n")
    with pytest.raises(ValueError, match="first.py changes pretended.ALPHA"):
        modules.import_modules(modules.find_modules(["first.py"], tmp_path))
    assert sys.modules.pop("pretended").ALPHA == 0.05


def test_a_link_to_what_is_no_python_and_a_folder_that_is_called_so(tmp_path):
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="link.py is a link to /etc/passwd, which is no Python file"):
        modules.find_modules(["link.py"], tmp_path)
    write(tmp_path / "pack", "__init__")
    (tmp_path / "pack" / "folder.py").mkdir()
    assert modules.digest({"pack": str(tmp_path / "pack" / "__init__.py")})
