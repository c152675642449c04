"""Text from a file becomes part of a path only as a plain name; only files replace files; lines stay lines."""

import os

import pytest

from lib.files import check_target, file_name, locked, naming, open_journal, printable, replacing


@pytest.mark.parametrize("text", ["plain", "a b", "Ünïcode_1.2", "x" * 200, "CAKES123D_P", "-x"])
def test_a_plain_name_stays(text):
    assert file_name(text) == text


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", "..", ".lock", "/etc/passwd", "a/b", "../a", "a\\b", "a\nb", "a\0b", "a\x1b[2J", "x" * 201, "\ud800",
     None, 3, ["a"]],
)  # fmt: skip
def test_anything_else_is_refused_and_named(text):
    with pytest.raises(ValueError, match="^suite .* cannot be part of a path"):
        file_name(text, "suite")


def test_what_moves_the_cursor_is_shown():
    assert printable("caf\xe9 \u4e2d.mp4") == "caf\xe9 \u4e2d.mp4"
    assert printable("a\x1b[2J\nb\udc80\u202e") == r"a\x1b[2J\nb\udc80\u202e"


@pytest.mark.parametrize("name", ["folder", "pipe", "file/deeper.csv", "", " ", "a\0b"])
def test_where_no_file_can_be_written(name, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.iterdir())
    with pytest.raises((ValueError, OSError)):
        check_target(tmp_path / name if name.strip() else name)
    assert sorted(tmp_path.iterdir()) == before
    check_target(tmp_path / "new" / "table.csv")
    check_target(tmp_path / "file")
    assert sorted(tmp_path.iterdir()) == before, "asking makes nothing"


@pytest.mark.parametrize("name", ["folder", "pipe"])
def test_only_a_file_is_replaced(name, tmp_path):
    """A device is no file: root could have replaced /dev/null by a table."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=f"{name} is .*not to be replaced"), replacing(tmp_path / name) as temporary:
        temporary.write_text("a")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_names_the_file(tmp_path):
    """Of a write, the system names no file."""
    for context in (naming(tmp_path / "x"), replacing(tmp_path / "x")):
        with pytest.raises(OSError, match="x'") as caught, context, open("/dev/full", "w") as file:
            file.write("full" * 9999)
            file.flush()
        assert caught.value.filename == str(tmp_path / "x") and caught.value.errno == 28
    with pytest.raises(FileNotFoundError, match="other"), naming(tmp_path / "x"):
        open(tmp_path / "other")


@pytest.mark.parametrize("before, after", [(b"", b"new\n"), (b"whole\n", b"whole\nnew\n"), (b"to", b"to\nnew\n")])
def test_a_line_after_a_torn_one_is_a_line_of_its_own(tmp_path, before, after):
    (tmp_path / "journal").write_bytes(before)
    with open_journal(tmp_path / "journal") as file:
        file.write("new\n")
    assert (tmp_path / "journal").read_bytes() == after


def test_who_holds_a_folder_sweeps_what_a_killed_one_left(tmp_path):
    """Directly in it, where nobody else writes; what lies deeper may be another's."""
    (tmp_path / "deep").mkdir()
    left = [tmp_path / ".a.json.123.tmp", tmp_path / "deep" / ".b.json.123.tmp", tmp_path / "c.tmp"]
    for path in left:
        path.touch()
    with locked(tmp_path):
        assert [path.exists() for path in left] == [False, True, True]
