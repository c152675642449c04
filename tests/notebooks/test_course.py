"""The course keeps its form: short cells, a text before each, answers to its exercises; and it ends by itself."""

import ast
import json
import os
import re
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from bench.report.csv_files import read_table
from bench.runner.parameters import parameters_of
from bench.runner.suite import load_suite
from lib.run import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST, MEDIAN, LONGEST_FUNCTION = 20, 8, 15  # lines
# what a lesson builds again on purpose, and holds against the suite's own
REBUILT = {"02_light_nets": {"conv_bn", "forward"}, "03_channel_separation": {"conv_bn", "bottleneck"}}
ON_VIDEOS = ("10_training", "11_search_sub_kernels", "12_plan_the_optimization")
REBUILT |= {"04_factorised_and_inflated": {"inflate"}}


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def code(path):
    """The sources of all code cells but the one of parameters."""
    tagged = ("parameters" in cell["metadata"].get("tags", []) for cell in cells(path))
    return [
        "".join(cell["source"])
        for cell, is_parameters in zip(cells(path), tagged, strict=True)
        if cell["cell_type"] == "code" and not is_parameters
    ]


def exercises(path):
    """The exercises of the last cell, as texts."""
    text = "".join(cells(path)[-1]["source"]).split("**Exercises**")[1].split("**Next:**")[0]
    return [part for part in re.split(r"(?m)^(?=\d+\. )", text) if part.strip()]


def functions(path):
    return [node for source in code(path) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestEveryLesson:
    def test_no_cell_is_long(self, path):
        """That of the parameters neither."""
        sources = ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code"]
        assert max(len(source.splitlines()) for source in sources) <= LONGEST

    def test_a_text_stands_before_every_cell(self, path):
        kinds = [cell["cell_type"] for cell in cells(path)]
        bare = [number for number, pair in enumerate(zip(kinds, kinds[1:], strict=False)) if pair == ("code", "code")]
        assert not bare, f"cells {[number + 1 for number in bare]} follow another with no text between"

    def test_no_function_is_long(self, path):
        long = [node.name for node in functions(path) if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION]
        assert not long, "what is longer belongs in lib or bench"

    def test_no_function_is_there_already(self, path):
        there = DEFINED & {node.name for node in functions(path) if not in_class(node, path)}
        assert there <= REBUILT.get(path.stem, set()), "import it"

    def test_a_figure_is_drawn_and_kept_by_one_cell(self, path):
        for source in code(path):
            if re.search(r"= plt\.(subplots|figure)\(", source):
                assert "lesson.save(" in source, "a cell's end shows its figures: finished ones, please"

    def test_no_cell_ends_by_showing_where_its_figure_lies(self, path):
        last = [source.strip().splitlines()[-1] for source in code(path)]
        assert not [line for line in last if line.startswith("lesson.save(") and not line.endswith(";")]

    def test_every_exercise_has_a_folded_answer(self, path):
        for exercise in exercises(path):
            assert exercise.count("<details><summary>Answer</summary>") == exercise.count("</details>") == 1, exercise

    def test_answers_are_rendered(self, path):
        """Markdown behind a <summary> on its own line stays as it is typed: it takes an empty line."""
        for cell in cells(path):
            text = "".join(cell["source"])
            page = markdown2html_mistune(text) if cell["cell_type"] == "markdown" and "<details>" in text else ""
            assert "`" not in re.sub(r"<(pre|code).*?</\1>", "", page, flags=re.DOTALL)

    def test_answers_are_python(self, path):
        for block in answers(path):
            ast.parse(block)

    def test_no_two_cells_have_one_id(self, path):
        ids = [cell["id"] for cell in cells(path)]
        assert sorted(set(ids)) == sorted(ids)

    def test_it_is_kept_without_outputs(self, path):
        for cell in cells(path):
            assert not cell.get("outputs") and not cell.get("execution_count")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_and_the_course_promise_the_same_minutes(path):
    row = re.search(rf"(?m)^\| `{path.stem}` \|.*\| (.*) \|$", (path.parent / "README.md").read_text(encoding="utf-8"))
    about = re.search(r"About (\d+) minute|Under a minute|A few seconds", "".join(cells(path)[0]["source"]))
    assert row[1] == (about[1] or "< 1")


PAPERS = {"Efficient-3DCNNs": "efficient3dcnns", "CSN": "csn", "RubiksNet": "rubiksnet", "CAKES": "cakes"}
PAPERS |= {"Optimization Planning": "optplan"}


@pytest.mark.parametrize("system", PAPERS)
def test_the_papers_on_a_page_print_what_was_published(system):
    """Every figure with one decimal, a top-1 or millions or 10^9, stands in the system's table."""
    page = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    figures = next(line for line in page.splitlines() if line.startswith(f"| {system}, ")).split("|")[4]
    rows = read_table(ROOT / "results" / "published" / f"{PAPERS[system]}.csv")
    there = {f"{value:.1f}" for column in ("top1", "params_m", "gflops") for value in rows[column].dropna()}
    there |= {f"{value + 1e-9:.1f}" for value in rows.top1.dropna()}  # 57.65 is 57.7 to who rounds by hand
    told = re.findall(r"\b\d+\.\d\b", figures)
    assert len(told) > 1 and set(told) <= there


def test_half_of_the_cells_are_short():
    assert statistics.median(len(source.splitlines()) for path in NOTEBOOKS for source in code(path)) <= MEDIAN


def answers(path):
    """The Python of all answers, a text each."""
    text = "".join(cells(path)[-1]["source"])
    return [textwrap.dedent(block) for block in re.findall(r"(?ms)^ *```python\n(.*?)^ *```", text)]


def in_class(function, path):
    """Whether it is a method, or a function within one: its name may be anyone's."""
    inside = [node for source in code(path) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    return any(function.name == inner.name for node in inside for inner in node.body if hasattr(inner, "name"))


def _defined():
    for package in ("lib", "bench", "kernels", "data_prep"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef):
                    yield node.name


DEFINED = set(_defined())


def smallest(path, videos, folder):
    """The smoke suite's parameters of a lesson; it reads `videos`, if it trains on what is there, writes in `folder`.

    10_training alone is run as by hand: only then does it kill a run.
    """
    job = next(job for job in load_suite("smoke").jobs if job.notebook == path.stem)
    values = {name: value for name, value in job.options.items() if name not in ("data", "seed")}
    values["threads"] = 1
    if "data" in parameters_of(path):
        values["data"] = str(videos if path.stem in ON_VIDEOS else folder / "data")
    return values if path.stem == "10_training" else {**values, "run_dir": str(folder / "run")}


@pytest.mark.long
@pytest.mark.parametrize("turn", range(10))
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_papermill_ends_by_itself(path, turn, tiny_shapes, tmp_path):
    """Without a front end, ten times: a widget that waits for one hangs now and then. Answers run as further cells."""
    import papermill

    home = tmp_path / "clone"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    blank = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    for number, block in enumerate(answers(path) if turn == 0 else []):
        notebook["cells"].append({**blank, "id": f"answer-{number}", "source": [block]})
    home.mkdir()
    (home / path.name).write_text(json.dumps(notebook))
    values = smallest(path, tiny_shapes, tmp_path)
    papermill.execute_notebook(
        str(home / path.name), str(home / "out.ipynb"), values, cwd=str(path.parent), execution_timeout=900,
        progress_bar=False, kernel_name="python3",
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("turn", range(10))
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nbconvert_ends_by_itself(path, turn, tiny_shapes, tmp_path):
    """The same by nbconvert, with the parameters written into their cell."""
    notebook, values = json.loads(path.read_text(encoding="utf-8")), smallest(path, tiny_shapes, tmp_path)
    tagged = next(cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", []))
    tagged["source"] = ["".join(tagged["source"]) + "\n" + "\n".join(f"{k} = {v!r}" for k, v in values.items())]
    (tmp_path / path.name).write_text(json.dumps(notebook))
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "out.ipynb"]
    command += ["--ExecutePreprocessor.kernel_name=python3", str(tmp_path / path.name)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0 and Path(tmp_path / "out.ipynb").is_file(), ran.stderr[-2000:]
