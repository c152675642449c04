"""The smallest difference that a comparison could have seen stands beside its verdict, in the verdict's own unit."""

import pandas as pd
import pytest
from helpers.claims import write_tables
from helpers.suite_runs import write_runs, write_search

from bench.report.claims import claims, write_claims
from bench.report.csv_files import read_table, write
from bench.report.rematch import rematch
from bench.report.searches import searches
from bench.report.shipped_seeds import SHIPPED
from bench.report.text import SEEN, shown
from bench.report.trainings import differences
from bench.report.verdicts import as_read
from lib.evaluate.seeds import critical, errors_of, seen_from

SPREAD = [("p3d_nano", {0: 90, 1: 10, 2: 60}), ("c2d_nano", {0: 50, 1: 52, 2: 20}), ("i3d_nano", {0: 50, 1: 51, 2: 19})]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return write_tables(tmp_path_factory.mktemp("seen"))


def rows_of(path):
    """{first cells of a row: {title: cell}} of a Markdown table."""
    header, _, *rows = [line.strip("| ").split(" | ") for line in path.read_text().splitlines() if line[:1] == "|"]
    return [dict(zip(header, row, strict=False)) for row in rows]


def test_no_two_nets_can_be_as_far_apart(tmp_path):
    """Over 100 points the page says so; the CSV keeps the number."""
    write(differences(write_runs(tmp_path / "runs", SPREAD, videos=100)), tmp_path, "differences")
    seen = read_table(tmp_path / "differences.csv").seen_from
    cells = [row[SEEN] for row in rows_of(tmp_path / "differences.md")]
    assert (seen > 100).tolist() == [True, True, False] and cells[:2] == ["none possible"] * 2
    assert cells[2] == f"{seen[2]:.1f}"


def test_searches_and_their_rematch_say_it_too(tmp_path):
    """Beside a rival; what was found has nothing to see. With one seed nobody knows."""
    tops = {"planned": 80, "planned, trained again": 70, "by hand": 60}
    named = {
        ("12_x", seed): {name: top1 + seed * (name == "by hand") for name, top1 in tops.items()} for seed in range(3)
    }
    runs = write_search(tmp_path / "runs", named)
    found, again = searches(runs), rematch(runs)
    assert again.variant.tolist() == ["planned, trained again", "by hand"] and set(again.in_place_of) == {"planned"}
    for table, title in ((found, "found - this"), (again, "first - this")):
        cells = shown(table)[SEEN].tolist()
        assert cells == ["", *(f"{seen:.1f}" for seen in table.seen_from[1:])] and title in shown(table)
    assert as_read(found)[SEEN].tolist() == shown(found)[SEEN].tolist()
    one = searches(write_search(tmp_path / "one", {("12_x", 0): tops}))
    assert set(shown(one)[SEEN]) == {""}


def test_a_claim_s_is_of_the_planned_comparisons_alone(tables):
    """Of fewer comparisons than all pairs, so smaller than in differences.csv; of the loss in nats."""
    table, pairs = claims(tables), read_table(tables / "differences.csv")
    asked = table.comparisons.dropna().iloc[0]
    row = table[table.compared == "rubiksnet_nano - rubiksnet_nano shift=fixed"].iloc[0]
    pair = pairs[pairs.a.str.startswith("rubiksnet_nano") & (pairs.b == "rubiksnet_nano shift=fixed")].iloc[0]
    errors = errors_of(pair.error, pair.videos_error, pair.seeds)
    assert row.seen_from == pytest.approx(seen_from(errors, 0.05 / asked), abs=0.006) and asked < pair.comparisons
    assert pair.seen_from == pytest.approx(seen_from(errors, 0.05 / pair.comparisons), rel=1e-3)
    loss = table[table.unit == "nats of training loss"].iloc[0]
    error = (loss.high - loss.low) / 2 / critical(2)
    assert loss.seen_from == pytest.approx(critical(2, 0.05 / asked) * error, abs=1e-4)
    assert table.seen_from.notna().equals(table.p_holm.notna()), "where there is a verdict, and nowhere else"


def test_points_have_an_end_and_a_loss_has_none(tables, tmp_path):
    table = claims(tables)
    table.loc[table.seen_from.notna(), "seen_from"] = 140.0
    cells = shown(table).set_index("unit")[SEEN]
    assert cells["nats of training loss"] == "140" and "none possible" in set(cells["points of top-1"])
    write_claims(tables, tmp_path)
    told = [(row["unit"], row[SEEN]) for row in rows_of(tmp_path / "claims.md") if row["verdict"].startswith("not dis")]
    assert told and all(unit and seen for unit, seen in told)


COMPARED = [path for name in ("differences", "searches", "rematch") for path in sorted(SHIPPED.glob(f"*/{name}.csv"))]


@pytest.mark.parametrize("path", COMPARED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_shipped_standard_error_gives_what_is_shipped(path):
    for row in read_table(path).query("p_holm == p_holm").itertuples():
        seen = seen_from(errors_of(row.error, row.videos_error, row.seeds), 0.05 / row.comparisons)
        assert seen == pytest.approx(row.seen_from, rel=1e-3, abs=0.01)


def test_tables_of_before_have_no_such_cell():
    old = pd.DataFrame({"labels": ["motion"], "a": ["x"], "b": ["y"], "p_holm": [0.5], "verdict": ["not known"]})
    assert shown(old)[SEEN].tolist() == [""]
