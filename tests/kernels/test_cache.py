"""Where compiled kernels are kept: never where other sources' may be found, and never nowhere without need."""

import platform
from pathlib import Path

import numba
import pytest

from kernels import _cache, _threads


def test_the_name_tells_what_the_kernels_are_for(tmp_path, monkeypatch):
    name = _cache.folder_name()
    assert numba.__version__ in name and platform.python_version() in name
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/source.py").write_text("a = 1")
    monkeypatch.setattr(_cache, "HERE", tmp_path)
    other = _cache.folder_name()
    (tmp_path / "deep/source.py").write_text("a = 2")
    assert len({name, other, _cache.folder_name()}) == 3


def test_the_first_place_that_can_be_written(tmp_path):
    (tmp_path / "file").write_text("no folder")
    places = [tmp_path / "file", tmp_path / "file/deeper", tmp_path / "free"]
    assert _cache.cache_folder(places, "name") == tmp_path / "free/name"
    assert _cache.cache_folder(places[:2], "name") is None


def test_a_read_only_clone_brings_its_kernels(tmp_path, monkeypatch):
    shared, own = tmp_path / "clone", tmp_path / "own"
    (shared / "name/kernels").mkdir(parents=True)
    (shared / "name/kernels/shift.nbi").write_text("compiled")
    ordinary = _cache.writable
    monkeypatch.setattr(_cache, "writable", lambda folder: shared not in folder.parents and ordinary(folder))
    assert _cache.cache_folder([shared, own], "name") == own / "name"
    assert (own / "name/kernels/shift.nbi").read_text() == "compiled"
    (own / "name/kernels/shift.nbi").write_text("newer")
    assert _cache.cache_folder([shared, own], "name") == own / "name"
    assert (own / "name/kernels/shift.nbi").read_text() == "newer"


def twice(a):
    return 2 * a


def test_where_nothing_can_be_written(tmp_path, monkeypatch):
    """Kernels are compiled for the process, and nothing lands in a folder of Numba's own choice."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(_threads, "CACHE", None)
    assert _threads.compiled(twice)(21) == 42
    assert not list(tmp_path.rglob("*.nbi")) and not list(Path(__file__).parent.rglob("*twice*"))


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_places_follow_the_environment(variable, tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert any(tmp_path in place.parents for place in _cache.places())
