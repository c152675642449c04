"""The two command lines: one screen each, alike, and every command has what it needs."""

import errno
import re
import shlex
import subprocess
import sys
from importlib import import_module

import pytest

from bench import __main__ as bench
from data_prep import __main__ as data_prep
from data_prep import command_line

BOTH = {"bench": bench, "data_prep": data_prep}
COMMANDS = [(package, *item) for package, line in BOTH.items() for item in line.COMMANDS.items()]
HEAVY = ("torch", "numpy", "pandas", "matplotlib")


@pytest.mark.parametrize("package", BOTH)
def test_help_is_one_screen_and_imports_nothing_heavy(package):
    script = f"import sys, {package}.__main__ as line; line.main(['--help']); print(set({HEAVY}) & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    *lines, imported = ran.stdout.splitlines()
    assert imported == "set()", ran.stderr
    assert len(lines) <= 24 and max(map(len, lines)) <= 80, ran.stdout
    assert lines[0] == f"usage: python -m {package} COMMAND ...  (COMMAND --help: options, an example)"
    rows = lines[2:]
    hidden = getattr(BOTH[package], "UNLISTED", ())
    assert [row.split()[0] for row in rows] == [name for name in BOTH[package].COMMANDS if name not in hidden]
    assert all(row.endswith(".") for row in rows)


@pytest.mark.parametrize(("package", "command", "module"), COMMANDS, ids=lambda value: str(value).rpartition(".")[2])
def test_a_command_shows_its_options_and_an_example(package, command, module, capsys):
    with pytest.raises(SystemExit) as ended:
        BOTH[package].main([command, "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert said.startswith(f"usage: python -m {package} {command}")
    example = import_module(module).EXAMPLE
    assert example.startswith(f"python -m {package} {command}") and f"example: {example}" in said


@pytest.mark.parametrize(("package", "command", "module"), COMMANDS, ids=lambda value: str(value).rpartition(".")[2])
def test_a_commands_example_gets_through_to_what_it_runs(package, command, module, monkeypatch):
    """No option of it is refused, its numbers are within their bounds, its texts are no numbers."""
    seen, found = [], import_module(module)
    monkeypatch.setattr(found, "run" if hasattr(found, "run") else "prepare", lambda **options: seen.append(options))
    assert BOTH[package].main(shlex.split(found.EXAMPLE.replace("\\\n", " "))[3:]) == 0
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("latency --out {}", "is a folder; name a file"),
        ("kernels --out {}/file/x.csv", "file is no folder"),
        ("loader --out /dev/null", "no ordinary file"),
        ("latency --device cuda", "finds no GPU here"),
        ("training --quick --threads 0", "threads must be whole numbers from 1 on, not 0"),
        ("status quick --estimate k80", "--estimate must be v100, a100, h100, or a device that is here"),
        ("status quick --estimate meta", "not 'meta'"),
        ("status quick --estimate a100 --videos 0,0", "--videos must be TRAIN,VAL or"),
        ("status quick --estimate a100 --videos 1,2,3,4", "--videos must be"),
        ("status quick --estimate a100 --videos " + "9" * 400 + ",1", "--videos must be"),
        ("status quick --videos 5,5", "--videos is of --estimate"),
        ("status quick --estimate=", "not ''"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_measured(given, words, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("bench.timing.whole_nets.measure", lambda *_: pytest.fail("it measures"))
    with pytest.raises(SystemExit, match=f"error: .*{re.escape(words)}"):
        bench.main(given.format(tmp_path).split())


@pytest.mark.parametrize("given", ["toy -- -n", "toy --cores 1 -- -n", "--cores 1 toy -- -n"])
def test_what_follows_two_dashes_goes_to_snakemake(given, monkeypatch):
    """Wherever the options stand."""
    seen = {}
    monkeypatch.setattr("bench.runner.run.run", lambda **options: seen.update(options))
    assert bench.main(["run", *given.split()]) == 0
    assert (seen["suite"], seen["extra"]) == ("toy", ["-n"])


def test_an_unknown_command_names_the_known_ones():
    with pytest.raises(SystemExit, match="error: no command 'runn'; there are run, status"):
        bench.main(["runn"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no net 'x'"), "no net 'x'"),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: No space left on device; make room there"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "/a: Read-only file system; choose a folder that can be"),
        (OSError(errno.EXDEV, "Invalid cross-device link", "/a", None, "/b"), "/a -> /b: Invalid cross-device link"),
        (OSError(errno.ENOLCK, "No locks available"), "No locks available; this file system has no locks"),
        (FileNotFoundError("a folder of ours is gone"), "a folder of ours is gone"),
    ],
)
def test_an_error_is_one_line_with_the_file_and_the_remedy(error, said, monkeypatch):
    def fail(**_):
        raise error

    monkeypatch.setattr("bench.runner.status.run", fail)
    with pytest.raises(SystemExit) as ended:
        bench.main(["status", "quick"])
    assert str(ended.value).startswith(f"error: {said}") and "\n" not in str(ended.value)
    assert command_line.explained(error) == str(ended.value).removeprefix("error: ")


def test_what_an_error_quotes_moves_no_cursor(monkeypatch):
    def fail(**_):
        raise ValueError("no net \x1b[2Jx\u202e")

    monkeypatch.setattr("bench.runner.status.run", fail)
    with pytest.raises(SystemExit) as ended:
        bench.main(["status", "quick"])
    assert str(ended.value) == r"error: no net \x1b[2Jx\u202e"
