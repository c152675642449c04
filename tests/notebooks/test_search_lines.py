"""bench/published/README.md: the lines that search by a notebook are run as they stand, on few small clips."""

import re

import papermill
import pytest
import yaml
from test_course import smallest

from lib.run import ROOT

PAGE = (ROOT / "bench" / "published" / "README.md").read_text(encoding="utf-8")
LINES = sorted({line for line in re.findall(r"`(papermill [^`]+)`", PAGE)})


@pytest.mark.long
@pytest.mark.parametrize("line", LINES)
def test_a_search_runs_by_its_line(line, tiny_shapes, tmp_path):
    """With the published net and kinds; a single epoch of 30 clips finds nothing, but everything is built."""
    _, notebook, out, *words = line.split()
    said = {name: yaml.safe_load(value) for name, value in zip(words[1::3], words[2::3], strict=True)}
    values = {**smallest(ROOT / notebook, tiny_shapes, tmp_path), "frames": 4, **said}
    if "12_" in notebook:
        del values["frames"]  # its clips have `run` frames
    papermill.execute_notebook(
        str(ROOT / notebook), str(tmp_path / out), values, cwd=str((ROOT / notebook).parent), progress_bar=False,
        kernel_name="python3", execution_timeout=1800,
    )  # fmt: skip
    assert (tmp_path / out).is_file()
