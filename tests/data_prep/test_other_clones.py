"""A .venv that was copied runs the code of the clone that it was made for: said, where it would not show."""

import shutil
import subprocess
import sys
import tomllib

import pytest

from data_prep import command_line
from lib.run import ROOT


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A clone with a .venv in it that this process seems to run from, as if from the folder beside it."""
    (tmp_path / "copy" / "bench").mkdir(parents=True)
    (tmp_path / "copy" / "bench" / "__main__.py").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "copy" / ".venv"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "copy"


def test_a_copied_environment_is_told(copied):
    with pytest.raises(SystemExit) as ended:
        command_line.main("bench", "", {"status": "bench.runner.status"}, ["status", "smoke"])
    said = str(ended.value)
    assert f"{copied}/.venv is another clone's, it runs the code of {ROOT}" in said and "\n" not in said


def test_code_that_was_asked_for_is_run(copied, monkeypatch):
    """From within the clone, as its jobs do by PYTHONPATH, or with an environment that lies in no clone at all."""
    monkeypatch.setenv("PYTHONPATH", f"/else:{ROOT}")
    command_line.check_clone()
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.chdir(ROOT / "notebooks")
    command_line.check_clone()
    monkeypatch.chdir(copied.parent)
    (copied / "bench" / "__main__.py").unlink()
    command_line.check_clone()


@pytest.mark.parametrize("first", ["#!{}/python3\n", '#!/bin/sh\n\'\'\'exec\' "{}/python3" "$0" "$@"\n'])
def test_make_warns_of_a_moved_environment(first, tmp_path):
    here = tmp_path / "a b"
    (here / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", here)
    for made_in, warned in ((here / ".venv" / "bin", False), (tmp_path / "gone", True)):
        (here / ".venv" / "bin" / "pip").write_text(first.format(made_in))
        said = subprocess.run(["make", "-n", "lab"], cwd=here, capture_output=True, text=True)
        assert (f".venv was made in {made_in}: its jupyter" in said.stderr) == warned, said.stderr


@pytest.mark.parametrize(("package", "hint"), [("latex2mathml", r"\.\[dev\]"), ("decord", "`make` in the clone")])
def test_a_package_that_is_not_there_gives_its_hint(package, hint, monkeypatch, tmp_path):
    """Hidden, as if it were not installed; needed by a command's module, or only as it runs."""
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "a_command.py").write_text(f"""'''A.'''
EXAMPLE = ""
def add_arguments(parser): pass
def run():
    import {package}.inside
""")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "a_command", raising=False)
    with pytest.raises(SystemExit, match=f"error: the package {package} is not installed for .*{hint}") as ended:
        command_line.main("bench", "", {"a": "a_command"}, ["a"])
    assert "\n" not in str(ended.value)


def test_the_extras_that_are_named_bring_the_packages():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for package, extra in command_line.EXTRAS.items():
        assert any(entry.startswith(package) for entry in told[extra]), package
