"""The golden files are the reference's, byte by byte, where the reference lies beside the clone."""

from pathlib import Path

import pytest
from stand_in import GOLDEN

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
FILES = sorted(path.relative_to(GOLDEN) for path in GOLDEN.rglob("*") if path.suffix in (".json", ".csv"))


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference folder beside the clone")
def test_same_as_the_reference():
    assert FILES
    for path in FILES:
        assert (GOLDEN / path).read_bytes() == (REFERENCE / path).read_bytes(), path


def test_small_enough_to_commit():
    assert sum((GOLDEN / path).stat().st_size for path in FILES) < 5_000_000
