"""Tables as people and their spreadsheets have them: read, or refused with the file, the line and the column."""

import codecs

import pandas as pd
import pytest
from helpers.suite_runs import write_runs

from bench.report.csv_files import NUMBERS, read_table, write
from bench.report.redraw import redraw
from bench.report.text import folded, markdown, to_markdown, to_text, visible
from bench.report.trade_off_figure import NEEDED
from bench.report.trainings import trade_off

PLAIN = 'net,gmacs,top1,options\na,0.5,71.5,{}\nb,12.25,80,"{""width"": 0.5, ""x"": 1}"\n'
GERMAN = 'net;gmacs;top1;options\na;0,5;71,5;{}\nb;12,25;80;"{""width"": 0.5, ""x"": 1}"\n'
QUOTED = '"net","gmacs","top1","options"\n"a","0.5","71.5","{}"\n"b","12.25","80","{""width"": 0.5, ""x"": 1}"\n'
WAYS = {
    "plain": PLAIN.encode(),
    "semicolons and decimal commas": GERMAN.encode(),
    "semicolons and decimal points": GERMAN.replace("0,5", "0.5").replace("1,5", "1.5").replace("2,2", "2.2").encode(),
    "tabs": GERMAN.replace(";", "\t").encode(),
    "an empty first line": ("\n" + PLAIN).encode(),
    "empty lines between and after": PLAIN.replace("\nb", "\n\n,,,\nb").encode() + b"\n\n",
    "Excel's sep": ("sep=;\n" + GERMAN).encode(),
    "a byte order mark": codecs.BOM_UTF8 + PLAIN.encode(),
    "UTF-16": GERMAN.replace(";", "\t").encode("utf-16"),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "old Mac": PLAIN.replace("\n", "\r").encode(),
    "every cell quoted": QUOTED.encode(),
    "no last line end": PLAIN.rstrip().encode(),
    "blanks around": PLAIN.replace("net,gmacs", " net , gmacs ").replace("a,0.5", "a , 0.5 ").encode(),
    "trailing delimiters": PLAIN.replace("\n", ",,\n").encode(),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_the_same_table(way, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(WAYS[way])
    table = read_table(path, ("net", "gmacs", "top1"))
    assert (table.net.tolist(), table.gmacs.tolist(), table.top1.tolist()) == (["a", "b"], [0.5, 12.25], [71.5, 80])
    assert table.options.tolist() == ["{}", '{"width": 0.5, "x": 1}'], "text is text, whatever it looks like"


def test_header_only_and_empty_costs(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("net,gmacs\n")
    table = read_table(path, ("net", "gmacs"))
    assert len(table) == 0 and table.columns.tolist() == ["net", "gmacs"]
    path.write_text("net,gmacs\na,\nb,NaN\n")
    assert read_table(path).gmacs.isna().all()


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "t.csv is empty: the first line has to name the columns, net, gmacs"),
        ("\n\n", "is empty"),
        ("net;cost\na;1\n", "t.csv has no column gmacs; it has net, cost"),
        ("net,gmacs\na,viel\n", "t.csv, line 2, column gmacs: 'viel' is no number"),
        ("net,gmacs\na,inf\n", "line 2, column gmacs: 'inf' is no number"),
        ('net,gmacs\na,"1,234"\n', "column gmacs: '1,234' is no number"),
        ("net;gmacs\na;1.234,5\n", "'1.234,5' is no number"),
        ("net,gmacs\na,1_000\n", "'1_000' is no number"),
        ("net,gmacs\na,1,2\n", "t.csv, line 2: 3 cells for 2 columns"),
        ("net,gmacs\na\n", "line 2: 1 cells for 2 columns"),
        ("net,gmacs,net\na,1,b\n", "two columns are called 'net'"),
        ('net,gmacs\n"a,1\n', "t.csv, line 2"),
        ("net,gmacs,other_commit\na,1,maybe\n", "column other_commit: 'maybe' is neither True nor False"),
    ],
)
def test_what_cannot_be_read_is_named(text, words, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError) as refused:
        read_table(path, ("net", "gmacs"))
    assert words in str(refused.value)


def test_latin_1_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes("net,gmacs\nMünchen,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="is not UTF-8; save it again as CSV UTF-8"):
        read_table(tmp_path / "t.csv")


def test_a_written_table_reads_as_it_was(tmp_path):
    runs = write_runs(tmp_path, [("c2d_nano", {0: 50, 1: 75}), ("i3d_nano", {0: 25})], {"c2d_nano": 0.5})
    table = trade_off(runs)
    write(table, tmp_path / "results", "trade_off")
    again = read_table(tmp_path / "results" / "trade_off.csv", NEEDED)
    text = [name for name in table if name not in {*NUMBERS, "other_commit"}]
    wanted = table.fillna(dict.fromkeys(text, "")).astype(again.dtypes)
    pd.testing.assert_frame_equal(again, wanted)


def test_figures_are_drawn_from_every_way(tmp_path, capsys):
    """Semicolons, no cost, no rows: a figure, or a line that says why there is none."""
    runs = write_runs(tmp_path / "runs", [("c2d_nano", {0: 50, 1: 75}), ("i3d_nano", {0: 25})], {"c2d_nano": 0.5})
    table = trade_off(runs)
    for name, rows in {"german": table, "no_cost": table.assign(gmacs=None), "no_rows": table[:0]}.items():
        (tmp_path / "results" / name).mkdir(parents=True)
        rows.to_csv(tmp_path / "results" / name / "trade_off.csv", index=False, sep=";", decimal=",")
    redraw(tmp_path)
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("german/trade_off.png") and "no cost is measured" in said[1] and "no rows" in said[2]
    with pytest.raises(ValueError, match="no trade_off.csv under"):
        redraw(tmp_path / "nowhere")


def test_cells_are_text_in_markdown_and_in_a_terminal():
    nasty = "a|b <img src=x onerror=1> [c](javascript:1) `d` *e* $f$ \x1b[31m\n\u202eg _h_ i_j ~k~ \\"
    line = to_markdown(pd.DataFrame({"name|": [nasty]})).splitlines()
    assert len(line) == 3 and line[0] == "| name\\| |"
    assert "<img" not in line[2] and "\x1b" not in line[2] and "\u202e" not in line[2]
    assert markdown("i_j") == "i_j" and markdown("_h_") == "\\_h\\_" and markdown("[c](d)") == "\\[c\\](d)"
    assert visible("\x1b[2J\u200b") == "\\x1b[2J\\x200b"
    assert "\x1b" not in to_text(pd.DataFrame({"name": [nasty]}))
    page = folded("<b>", pd.DataFrame({"<i>": ["<u>"]}))
    assert not any(tag in page for tag in ("<b>", "<i>", "<u>")) and "&lt;b&gt;, 1 rows" in page
    assert to_markdown(pd.DataFrame({"a": [], "b": []})) == "| a | b |\n| --- | --- |"
