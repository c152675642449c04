"""Numbers that lessons and the course's page tell in words are those of what they speak of."""

import ast
import re

import pytest
import yaml
from test_course import NOTEBOOKS, cells, code

from bench.report.csv_files import read_table
from data_prep.moving_shapes.dataset import split_counts
from lib.run import ROOT

PAGE = ROOT / "notebooks" / "README.md"
FENCED = r"(?ms)^ *```\w*\n(.*?)^ *```"


def texts(path):
    return "\n".join("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_minutes_to_read_follow_the_rule_of_the_page(path):
    """180 words and 20 lines a minute, give or take two minutes."""
    page = PAGE.read_text(encoding="utf-8")
    assert "180 words and 20 lines a minute" in " ".join(page.split())
    text, sources = texts(path), [*code(path), *re.findall(FENCED, texts(path))]
    words = len(re.sub(r"<[^>]+>", "", re.sub(FENCED, "", text)).split())
    lines = sum(bool(line.strip()) for source in sources for line in source.splitlines())
    told = int(re.search(rf"(?m)^\| `{path.stem}` \|.*\| (\d+) \| [^|]* \|$", page)[1])
    assert told == pytest.approx(words / 180 + lines / 20, abs=2)


def test_the_quickstart_tells_what_the_demo_trains_on():
    videos = yaml.safe_load((ROOT / "bench" / "suites" / "quick.yaml").read_text(encoding="utf-8"))["data"]["videos"]
    assert f"`make demo` trains on {split_counts(videos)['train']} for " in "\n".join(code(NOTEBOOKS[0]))


def test_the_quickstart_tells_what_quick_found():
    rows = read_table(ROOT / "results" / "shipped" / "quick" / "trade_off.csv").set_index(["net", "labels"]).top1
    assert f"`c2d_nano` gets {rows['c2d_nano', 'motion']:.1f} % on motion" in texts(NOTEBOOKS[0])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_counts_are_shown_whole(path):
    """A transposed table has one type for all its columns, and 3 layers are 3.0 in it: give pandas rows instead."""
    for source in code(path):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute) and node.attr == "T" and isinstance(node.value, ast.Call):
                assert ast.unparse(node.value.func) != "pd.DataFrame", ast.unparse(node)
