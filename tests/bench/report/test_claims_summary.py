"""A line per claim above the table: counted from its verdicts, in their words; a remark where the paper's differs."""

import re

import pandas as pd
import pytest

from bench.report.claims import printed
from bench.report.claims_list import CLAIMS, OPPOSITE, SAYS
from bench.report.claims_summary import NO_REMATCH, summary
from bench.report.csv_files import read_table
from bench.report.shipped_seeds import SHIPPED
from lib.run import ROOT

ALONE, NOBODY, FEW = "apart alone, not among 7", "not distinguishable", "one seed: no verdict"
ROWS = [
    (1, 9.0, 0.01, "holds here"),
    (1, 8.0, 0.02, "holds here"),
    (1, -2.0, 0.2, ALONE),
    (1, 3.0, 0.2, ALONE),
    (2, -9.0, 0.01, OPPOSITE),
    (3, -9.0, None, FEW),
    (4, None, None, "not run"),
    (5, 5.0, 0.9, NOBODY),
]


def table(rows=ROWS):
    made = pd.DataFrame(rows, columns=["claim", "measured", "p_holm", "verdict"])
    return made.assign(compared="found - cosine", comparisons=[7 if p == p else None for p in made.p_holm])


def again(points=-4.0, verdict="cosine is better", comparisons=9.0, seen_from=3.0):
    rows = [("planned, trained again", None, "", None, None), ("cosine", points, verdict, comparisons, seen_from)]
    return pd.DataFrame(rows, columns=["variant", "points", "verdict", "comparisons", "seen_from"])


def lines(*tables):
    """{claim: its line}"""
    return dict(re.findall(r"^- \*\*(\d)\. (.*)$", summary(*tables), re.M))


def test_a_claim_s_line_counts_the_verdicts_of_its_rows():
    found = lines(table(), again())
    assert list(found) == list("12345") and set(map(int, found)) == set(SAYS) == {claim.number for claim in CLAIMS}
    said = f"Of 4 planned: 2 x *holds here*, 2 x *{ALONE}* (1 with the other sign)."
    assert found["1"] == f"{SAYS[1]}.** {said}"
    assert found["2"].endswith(f"Of 1 planned: 1 x *{OPPOSITE}*."), "its words say the sign already"
    assert found["3"].endswith(f"Of 1 planned: 1 x *{FEW}*."), "one seed has no sign that counts"
    assert found["4"].endswith("Of 1 planned: 1 x *not run*.")
    assert "The 7 that have seeds enough are corrected together." in summary(table(), again())


def test_the_schedule_trained_again_has_its_own_verdict():
    line = lines(table(), again())["5"]
    assert "That is of the weights that the search chose on val. The schedule trained again, from new weights" in line
    assert "`cosine` -4.00 points (seen from: 3.0), *cosine is better*. These verdicts are corrected for 9" in line
    assert (
        "`cosine` -4.00 points (seen from: none possible), *x*"
        in lines(table(), again(verdict="x", seen_from=150))["5"]
    )
    few = lines(table(), again(verdict=FEW, comparisons=0.0, seen_from=None))["5"]
    assert few.endswith(f"`cosine` -4.00 points, *{FEW}*.") and "corrected for" not in few


def test_without_its_table_nobody_knows():
    assert lines(table(), again()[:0])["5"].endswith(NO_REMATCH)
    other = again().assign(variant=["planned, trained again", "a rival that was not planned"])
    assert lines(table(), other)["5"].endswith(NO_REMATCH)
    assert NO_REMATCH not in summary(table([*ROWS[:-1], (5, None, None, "not run")]), again()[:0])


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/claims.csv")))
def test_a_shipped_line_says_what_its_rows_say(path):
    rows = read_table(path)
    for number, line in re.findall(r"^- \*\*(\d)\. (.*)$", path.with_suffix(".md").read_text(), re.M):
        own = rows[rows.claim == int(number)]
        told = {verdict: int(count) for count, verdict in re.findall(r"(\d+) x \*(.+?)\*", line)}
        assert told == own.verdict.value_counts().to_dict() and f"Of {len(own)} planned" in line
    assert not rows.verdict[rows.seeds < 3].str.contains("here|apart|distinguishable").any()


def widths(text):
    return re.findall(r"\d\.\d+x", text)


def test_a_remark_says_which_widths_the_paper_has_not():
    """What is quoted is what was compared, or the remark says what is not published; and that is true."""
    light = read_table(ROOT / "results" / "published" / "efficient3dcnns.csv")
    for claim in (claim for claim in CLAIMS if claim.number == 1):
        said, _ = printed(claim.paper, ROOT / "results" / "published")
        compared = [f"{net.partition('width=')[2] or '1.0'}x" for net in (claim.a, claim.b)]
        missing = [width for width in compared if width not in widths(said)]
        assert widths(claim.paper.remark) == missing and bool(missing) == bool(claim.paper.remark), claim
        there = light[light.model == claim.paper.rows[0]["model"]].variant
        assert not [width for width in missing if there.str.startswith(width).any()], claim
        assert widths(said) == sorted(widths(said), reverse=True) and len(widths(said)) == 2


def test_a_remark_says_what_is_measured_otherwise():
    remarks = {(claim.of, claim.b, claim.where.get("priority")): claim.paper.remark for claim in CLAIMS}
    assert "training accuracy, here it is the training loss" in remarks["train_loss", "csn_r3d_nano", None]
    assert "searched over 1D and 2D kinds, here 3D too" in remarks["searches", "uniform", "cost"]
    assert "3D too" not in remarks["searches", "uniform", "performance"]
    assert all(claim.paper.remark for claim in CLAIMS if claim.number > 1)
    (path,) = SHIPPED.glob("standard/claims.csv")
    rows = read_table(path)
    assert rows.remark[rows.unit == "nats of training loss"].str.contains("training loss").all()
    assert not rows.paper.str.contains("published tables").any(), "the paper's cell is the paper's figures"
