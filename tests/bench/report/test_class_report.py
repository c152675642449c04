"""`bench report RUN`: what a finished run confuses."""

import json

import pytest
from helpers.suite_runs import ORIGIN, a_test

from bench.__main__ import main
from bench.report.classes import class_names, class_table, confusion_table, told
from bench.report.csv_files import read_table
from lib.evaluate import accuracies
from lib.files import write_json

NAMES = ("run", "$jump$", "fall | down")
LOGITS = [[[2, 1, 0]], [[2, 1, 0]], [[0, 2, 1]], [[1, 1, 0]], [[0, 2, 1]]]
TEST = accuracies(LOGITS, [0, 1, 1, 1, 0])  # one tie; nothing shows the last class


@pytest.fixture
def run_dir(tmp_path):
    """A finished training of a suite, whose data has names."""
    folder = tmp_path / "runs" / "mine" / "net-0"
    write_json(folder / "done.json", {"test": TEST, "history": [], "provenance": ORIGIN})
    job = {"id": "net-0", "rule": "train", "data": "", "options": {"data": "shapes-1", "labels": "motion"}}
    write_json(folder.parent / "jobs.json", {"data": str(tmp_path / "data"), "jobs": [job]})
    home = tmp_path / "data" / "shapes-1" / "motion"
    home.mkdir(parents=True)
    (home / "classes.txt").write_text("\n".join(NAMES) + "\n")
    return folder


def test_the_matrix_and_the_rows_are_the_answers():
    table = class_table(TEST, NAMES).set_index("class")
    assert table.videos.tolist() == [2, 3, 0] and table.right.tolist() == [1, 1, 0] and table.said.tolist() == [2, 2, 0]
    assert table.top1.tolist()[:2] == [50, 33.33] and table.top1.isna()[2] and table.no_answer.tolist() == [0, 1, 0]
    assert table.taken_for.tolist() == ["$jump$", "run", ""]
    assert table.top1_low[0] == pytest.approx(9.45, abs=0.01), "Wilson's of 1 of 2"
    assert confusion_table(TEST, NAMES).set_index("shown").to_numpy().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert "top-1 40.0 % of 5 videos, mean over classes 41.7 %; 1 videos without one answer" in told(TEST, NAMES)


def test_a_run_by_hand_has_its_own_record(run_dir, capsys):
    (run_dir / "done.json").rename(run_dir / "result.json")
    assert main(["report", str(run_dir)]) == 0 and "top-1 40.0 %" in capsys.readouterr().out


@pytest.mark.filterwarnings("error")
def test_the_command_writes_tables_and_a_figure(run_dir, capsys):
    assert main(["report", str(run_dir)]) == 0
    out = run_dir / "report"
    assert {path.name for path in out.iterdir()} == {
        *("classes.csv", "classes.md", "confusion.csv", "confusion.md", "confusion.png", "confusion.svg")
    }
    table = read_table(out / "classes.csv", ("name", "videos", "top1"))
    assert table.name.tolist() == list(NAMES) and table.videos.tolist() == [2, 3, 0]
    matrix = (out / "confusion.md").read_text()
    assert "| shown | run | \\$jump\\$ | fall \\| down |" in matrix, "a class may be called as a column"
    assert "33.3 %  of    3 videos  $jump$, 1 x taken for run" in capsys.readouterr().out


def test_a_search_has_a_report_per_variant(run_dir):
    variants = {"searched": {"test": a_test(50)}, "random 1": {"test": a_test(25)}}
    write_json(run_dir / "done.json", {"variants": variants, "provenance": ORIGIN})
    (run_dir / "eight.txt").write_text("\n".join("abcdefgh"))
    main(["report", str(run_dir), "--out", str(run_dir / "here"), "--classes", str(run_dir / "eight.txt")])
    found = {path.name for path in (run_dir / "here").glob("*.csv")}
    assert found == {f"{name}_{kind}.csv" for name in variants for kind in ("classes", "confusion")}


def test_names_come_from_a_file_the_suite_or_are_numbers(run_dir, tmp_path):
    assert class_names(run_dir, 3) == NAMES
    (tmp_path / "own.txt").write_text("a\nb\nc\n")
    assert class_names(run_dir, 3, tmp_path / "own.txt") == ("a", "b", "c")
    (tmp_path / "own.txt").write_bytes(b"\xef\xbb\xbfa\r\nb\r\nc\r\n")
    assert class_names(run_dir, 3, tmp_path / "own.txt") == ("a", "b", "c")
    assert class_names(tmp_path, 3) == ("0", "1", "2")
    for content, words in ((b"a\n\nb\nc\n", "line 2 is blank"), (b"a\nb\n\xff\n", "own.txt, line 3: .* is not UTF-8")):
        (tmp_path / "wrong own.txt").write_bytes(content)
        with pytest.raises(ValueError, match=words):
            class_names(run_dir, 3, tmp_path / "wrong own.txt")
    with pytest.raises(ValueError, match="own.txt names 3 classes, but the run has 8"):
        class_names(run_dir, 8, tmp_path / "own.txt")


@pytest.mark.parametrize(
    "change, words",
    [
        (None, "holds no result.json or done.json: no run ended there"),
        ({"nets": []}, "done.json has no test"),
        ({"test": {**TEST, "top1": 99.0}}, "top1 is 99, but its 5 answers give 40"),
        ({"variants": {"../up": {"test": TEST}}}, "variant '../up' cannot be part of a path"),
    ],
)
def test_what_cannot_be_reported_is_one_line(change, words, run_dir):
    (run_dir / "done.json").unlink()
    if change:
        (run_dir / "done.json").write_text(json.dumps(change))
    with pytest.raises(SystemExit, match=words):
        main(["report", str(run_dir)])
