"""Which build of PyTorch the first command installs."""

import socket
import subprocess
import sys

import pytest

from bench.runner import torch_build


@pytest.fixture
def bare_linux(monkeypatch, tmp_path):
    """A Linux without a GPU and without PyTorch, whose index answers."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(torch_build, "DRIVER", tmp_path / "none")
    monkeypatch.setattr(torch_build, "find_spec", lambda name: None)
    monkeypatch.setattr(torch_build, "answers", lambda index: True)


def test_no_gpu_takes_the_cpu_build(bare_linux):
    assert torch_build.wants_cpu_build("auto")


@pytest.mark.parametrize("build, cpu", [("cpu", True), ("pypi", False)])
def test_either_can_be_forced(bare_linux, build, cpu):
    assert torch_build.wants_cpu_build(build) == cpu


def test_a_gpu_a_mac_or_a_silent_index_change_nothing(bare_linux, monkeypatch, tmp_path):
    (tmp_path / "version").write_text("NVRM")
    for name, value in {"DRIVER": tmp_path / "version", "answers": lambda index: False}.items():
        with monkeypatch.context() as patch:
            patch.setattr(torch_build, name, value)
            assert not torch_build.wants_cpu_build("auto"), name
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not torch_build.wants_cpu_build("auto")


def test_an_index_that_is_silent_or_not_there_is_given_up(monkeypatch):
    monkeypatch.setattr(torch_build, "ANSWERS_WITHIN_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not torch_build.answers(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert not torch_build.answers("http://127.0.0.1:9")


def test_a_word_that_is_none_names_the_three():
    ran = subprocess.run([sys.executable, torch_build.__file__, "gpu"], capture_output=True, text=True)
    assert ran.returncode and ran.stderr == "error: TORCH=gpu; it can be auto, cpu or pypi\n"


def test_the_command_runs_pip_on_the_index(bare_linux, monkeypatch):
    calls = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: calls.append(command) or _failed(command))
    assert torch_build.main("auto") == 0, "auto goes on with PyPI's"
    assert torch_build.main("cpu") == 1
    assert all(torch_build.INDEX in command and "torch" in command for command in calls)


def _failed(command):
    return subprocess.CompletedProcess(command, 1)
