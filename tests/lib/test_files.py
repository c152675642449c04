"""Text from a file becomes part of a path only if it is a plain name."""

import pytest

from lib.files import file_name, printable


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
