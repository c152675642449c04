"""claims.md: from tables alone, never invented; a row is walked back to its table, its runs and the paper's own."""

import shutil

import pandas as pd
import pytest
from helpers.claims import write_tables
from helpers.suite_runs import write_search

from bench.report import claims as made
from bench.report.claims import NOT_RUN, claims, printed, write_claims
from bench.report.claims_list import CLAIMS, Published
from bench.report.csv_files import read_table, write
from bench.report.rematch import rematch
from bench.report.searches import searches
from bench.runner.listed import listed_jobs
from bench.runner.suite import load_suite
from lib.evaluate.comparisons import holm
from lib.files import read_json, write_json
from lib.run import ROOT


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_tables(tmp_path_factory.mktemp("claims"))


@pytest.fixture
def tables(whole, tmp_path):
    """They, in a folder that a test may write to."""
    shutil.copytree(whole.parents[1], tmp_path, dirs_exist_ok=True)
    return tmp_path / "results" / "mine"


def test_every_claim_has_a_row_and_what_was_not_run_says_so(tables):
    table = claims(tables)
    assert set(table.claim) == {1, 2, 3, 4, 5} and len(table) == len(CLAIMS)
    rows = {row.compared: row for row in table.itertuples()}
    assert rows["mobilenetv2_3d_nano - mobilenetv2_3d_nano width=0.5"].verdict == "holds here"
    assert rows["rubiksnet_nano - rubiksnet_nano shift=fixed"].verdict == "the opposite holds here"
    assert "holds here" in set(table[table.compared == "found - uniform"].verdict)
    assert set(table[table.compared == "found - random 1"].verdict) == {"not distinguishable"}
    assert rows["rubiksnet_nano - rubiksnet_nano shift=none"].verdict == "one seed: no verdict"
    missing = table[table.verdict == NOT_RUN]
    assert (
        missing[["measured", "low", "high", "seeds", "videos", "p", "p_holm", "cost", "figure", "runs"]]
        .isna()
        .all()
        .all()
    )
    assert len(missing) + (table.verdict != NOT_RUN).sum() == len(table) and len(missing) >= 4
    assert missing.paper.str.len().min() > 0


def test_a_row_is_its_table_s(tables):
    table, pairs, nets = claims(tables), read_table(tables / "differences.csv"), read_table(tables / "trade_off.csv")
    csn = table[table.compared == "ircsn_nano - csn_r3d_nano"]
    assert csn.verdict.tolist() == ["not distinguishable", "holds here"]
    row = pairs[(pairs.a == "csn_r3d_nano") & (pairs.b == "ircsn_nano")].iloc[0]  # there the other way round
    assert csn.iloc[0][["measured", "low", "high"]].tolist() == [-row.points, -row.high, -row.low]
    assert csn.iloc[0][["videos_low", "videos_high"]].tolist() == [-row.videos_high, -row.videos_low]
    assert csn.iloc[1].measured == pytest.approx(0.3) and csn.iloc[1].unit == "nats of training loss"
    assert csn.iloc[0].cost == "0.030 against 0.050 GMACs" and csn.iloc[0].figure == "trade_off.svg"
    listed = set(" ".join(nets.runs).split())
    write(table, tables, "claims")
    dealt = {job["id"] for job in listed_jobs(tables.parents[1] / "dealt")}
    assert set(" ".join(table.runs.dropna()).split()) == listed | dealt and len(dealt) == 3
    assert set(csn.iloc[0].runs.split()) <= listed and len(csn.iloc[0].runs.split()) == 6
    decided = table[table.p_holm.notna()]
    assert set(decided.comparisons) == {len(decided)}
    assert decided.p_holm.tolist() == pytest.approx(holm(decided.p.tolist()), abs=1e-5)


def test_searches_may_be_the_suite_beside_it(tables):
    """Where a suite has searches of its own, those beside it are passed over."""
    own = claims(tables)
    (tables.parent / "searches").mkdir()
    (tables / "searches.csv").rename(tables.parent / "searches" / "searches.csv")
    beside = claims(tables)
    assert beside.drop(columns="figure").equals(own.drop(columns="figure"))
    assert set(beside.figure[beside.claim == 4].dropna()) == {"../searches/11_search_sub_kernels.svg"}
    assert set(own.figure[own.claim == 4].dropna()) == {"11_search_sub_kernels.svg"}
    shutil.rmtree(tables.parent / "searches")
    alone = claims(tables)
    assert set(alone.verdict[alone.claim > 3]) == {NOT_RUN} and (alone.verdict != NOT_RUN).any()


def test_the_command_writes_what_make_figures_writes_again(tables, tmp_path):
    made.run(suite="mine", out=tmp_path)
    first = [(tables / name).read_bytes() for name in ("claims.csv", "claims.md")]
    assert b"not run" in first[1] and b"| nan" not in first[1].lower()
    from bench.report.redraw import redraw

    redraw(tmp_path)
    assert [(tables / name).read_bytes() for name in ("claims.csv", "claims.md")] == first
    with pytest.raises(ValueError, match="python -m bench run other"):
        made.run(suite="other", out=tmp_path)


def test_a_paper_s_figure_is_a_row_of_its_table_or_an_error():
    published = ROOT / "results" / "published"
    for claim in CLAIMS:
        said, source = printed(claim.paper, published)
        assert " %" in said and source.startswith(f"published/{claim.paper.table}.csv")
    with pytest.raises(ValueError, match="csn.csv has 0 rows of"):
        printed(Published("csn", ({"model": "ir-CSN-9"},)), published)


def test_standard_trains_what_the_claims_compare():
    """No claim stays "not run" for want of a net in the suite, or of a search in `searches`."""
    jobs = [job for suite in ("standard", "searches") for job in load_suite(suite).jobs]
    nets = {" ".join([o["model"], *(f"{k}={v}" for k, v in o["options"].items())])
            for o in (job.options for job in jobs if job.rule == "train")}  # fmt: skip
    assert {net for claim in CLAIMS if claim.of != "searches" for net in (claim.a, claim.b)} <= nets
    found = [job.options | {"notebook": job.notebook} for job in jobs if job.rule == "search"]
    for claim in CLAIMS:
        if claim.of == "searches":
            assert [o for o in found if o["notebook"].endswith(claim.a) and claim.where.items() <= o.items()], claim


@pytest.mark.parametrize("path", sorted((ROOT / "results" / "shipped").glob("*/claims.csv")))
def test_shipped_claims_are_those_of_their_tables(path, tmp_path):
    write_claims(path.parent, tmp_path)
    for written in tmp_path.iterdir():
        assert written.read_bytes() == (path.parent / written.name).read_bytes()
    assert {written.name for written in tmp_path.iterdir()} == {"claims.csv", "claims.md"}
    table = read_table(path)
    assert all((path.parent / figure).is_file() for figure in table.figure if figure)
    for row in table.itertuples():  # the records lie beside the figure
        runs = (path.parent / row.figure).parent / "runs"
        assert row.runs and all((runs / run / "done.json").is_file() for run in row.runs.split()), row.compared


def edited(name, change):
    """An edit of a suite's tables: `change` of the rows of one, as text."""

    def edit(home):
        table = pd.read_csv(home / f"{name}.csv", dtype=str, keep_default_na=False)
        change(table).to_csv(home / f"{name}.csv", index=False)

    return edit


def set_to(**values):
    return lambda table: table.assign(**values)


def other_way_round(table):
    return pd.concat([table, table.rename(columns={"a": "b", "b": "a"})])


HOSTILE = {
    "p is missing": (edited("differences", set_to(p="")), "seeds enough, but no difference or no p"),
    "p is nan": (edited("searches", set_to(p="nan")), "no p"),
    "p is negative": (edited("differences", set_to(p="-1")), "differences.csv, line 2, column p"),
    "points are missing": (edited("differences", set_to(points="")), "rows are missing"),
    "points without end": (edited("differences", set_to(points="1e9")), "column points"),
    "no seeds": (edited("searches", set_to(seeds="")), "searches.csv"),
    "half a seed": (edited("differences", set_to(seeds="2.7")), "column seeds: '2.7' must be a whole number"),
    "seeds below zero": (edited("differences", set_to(seeds="-1")), "column seeds"),
    "a pair twice": (edited("differences", lambda table: pd.concat([table, table])), "two rows are of labels"),
    "a pair both ways": (edited("differences", other_way_round), "rows are missing, or of two tables"),
    "no column p": (edited("differences", lambda table: table.drop(columns="p")), "differences.csv has no column p"),
    "no column low": (edited("searches", lambda table: table.drop(columns="low")), "searches.csv has no column low"),
    "half of the pairs": (edited("differences", lambda table: table.iloc[:2]), "rows are missing"),
    "half of the nets": (edited("trade_off", lambda table: table.iloc[:2]), "of other runs than runs.csv"),
    "no net": (edited("trade_off", lambda table: table.iloc[:0]), "of other runs than runs.csv"),
    "a net twice": (edited("trade_off", lambda table: pd.concat([table, table])), "two rows are of net"),
    "another net": (edited("trade_off", set_to(labels="shape")), "which trade_off.csv does not have"),
    "no videos": (edited("trade_off", set_to(videos="")), "trade_off.csv: .* has no videos"),
    "a training twice": (edited("runs", lambda table: pd.concat([table, table])), "runs.csv: two rows are of net"),
    "no seed": (edited("runs", set_to(seed="")), "runs.csv: "),
    "one seed for all": (edited("runs", set_to(seed="0")), "runs.csv: two rows are of net"),
    "a search twice": (edited("searches", lambda table: pd.concat([table, table])), "two rows are of search"),
    "no error": (edited("differences", set_to(error="")), "seeds enough, but no standard error"),
    "an error of 0": (edited("searches", set_to(error="0")), "seeds enough, but no standard error"),
    "no differences": (lambda home: (home / "differences.csv").unlink(), "differences.csv"),
    "no runs": (lambda home: (home / "runs.csv").unlink(), "runs.csv"),
    "an empty table": (lambda home: (home / "searches.csv").write_text(""), "searches.csv is empty"),
}


@pytest.mark.parametrize("edit, words", HOSTILE.values(), ids=HOSTILE)
def test_tables_that_are_not_whole_prove_nothing(whole, tmp_path, edit, words):
    home = shutil.copytree(whole, tmp_path / "mine")
    edit(home)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        claims(home)


@pytest.mark.parametrize("name", ["", ".", "..", "../mine", "/tmp", "published", "shipped"])
def test_claims_are_written_beside_a_suite_s_tables_alone(whole, name):
    with pytest.raises(ValueError, match="results/|part of a path"):
        made.run(suite=name, out=whole.parents[1])


def test_a_claim_says_which_of_its_nets_has_not_learned(tables):
    told = pd.read_csv(tables / "trade_off.csv")
    told["rise"] = [6.1 if net == "ircsn_nano" else 1.0 for net in told.net]
    told.to_csv(tables / "trade_off.csv", index=False)
    notes = claims(tables).set_index("compared").note
    assert set(notes["ircsn_nano - csn_r3d_nano"]) == {"ircsn_nano: val still rises by 6.10 points"}
    assert notes["rubiksnet_nano - rubiksnet_nano shift=fixed"] == ""


def test_claims_are_of_motion_whatever_else_was_searched(tables):
    jobs = []
    for labels, lead in (("motion", 11), ("shape", -20)):
        rows = {seed: {"planned": 60 + lead + seed, "planned, trained again": 50 + lead, "cosine, cost of the path": 60}
                for seed in range(3)}  # fmt: skip
        write_search(tables / "both", {("12_plan_the_optimization", s): row for s, row in rows.items()}, labels=labels)
        jobs += read_json(tables / "both" / "jobs.json")["jobs"]
        for job in jobs[-3:]:  # no two records are alike, to the letter
            path = tables / "both" / job["id"] / "done.json"
            write_json(path, {**read_json(path), "history": job["id"]})
    write_json(tables / "both" / "jobs.json", {"jobs": jobs})
    write(searches(tables / "both"), tables, "searches")
    write(rematch(tables / "both"), tables, "rematch")
    (row,) = claims(tables).query("claim == 5 and verdict != 'not run'").itertuples()
    assert row.measured == 12 and "+1.00 points" in row.note
    write_claims(tables)
    assert "-30.00" not in (tables / "claims.md").read_text() and "+1.00 points" in (tables / "claims.md").read_text()


def test_what_val_has_chosen_stands_beside_what_it_has_not(tables):
    """A planned net's weights are the best of their edges: the schedule trained again may lose where they win."""
    again = {
        seed: {"planned": 70 + seed, "planned, trained again": 55, "cosine, cost of the path": 60} for seed in range(3)
    }
    named = {("12_plan_the_optimization", seed): row for seed, row in again.items()}
    runs = write_search(tables / "planned", named)
    write(searches(runs), tables, "searches")
    (row,) = claims(tables).query("claim == 5 and verdict != 'not run'").itertuples()
    assert row.measured == 11 and row.note == ""
    write(rematch(runs), tables, "rematch")
    (row,) = claims(tables).query("claim == 5 and verdict != 'not run'").itertuples()
    told = read_table(tables / "rematch.csv").set_index("variant").verdict["cosine, cost of the path"]
    assert row.measured == 11 and row.note.endswith(f"to its last epoch: -5.00 points, {told}") and "better" in told
    write(rematch(runs)[:1], tables, "rematch")
    assert claims(tables).query("claim == 5").note.fillna("").eq("").all(), "no rival, no word"
    write(rematch(runs).assign(comparisons=9), tables, "rematch")
    with pytest.raises(ValueError, match="rematch.csv says that 9 comparisons were corrected together"):
        claims(tables)


def test_its_page_has_figures_that_can_be_read(tables):
    """A loss is a few hundredths of a nat, a p smaller still; what the CSV is for is left to it."""
    write_claims(tables)
    lines = (tables / "claims.md").read_text().splitlines()
    lines = [line for line in lines if line.startswith("|")]
    (loss,) = [line for line in lines if "nats of training loss" in line]
    assert "| +0.3 | nats of training loss | +0.3 | +0.3 |  | 3 |" in loss and "| 0.0 |" not in "".join(lines)
    assert "run-0" not in "".join(lines) and "| seeds | videos | p (Holm) |" in lines[0]
