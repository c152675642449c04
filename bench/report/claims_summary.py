"""What became of each of the five claims, in a line: its planned comparisons by the verdicts that the tables give."""

import pandas as pd

from bench.report.claims_list import OPPOSITE, PLANS, SAYS
from bench.report.text import far, markdown

ABOVE = (
    "What became of the comparisons that were planned; the table below has a row of each. *Seen from*: the smallest "
    "difference that would have been decided, with seeds and videos that scatter like these."
)
CORRECTED = "The {:.0f} that have seeds enough are corrected together."
CHOSEN = (
    "That is of the weights that the search chose on val. The schedule trained again, from new weights, against the "
    "same rivals ([rematch.csv]({}rematch.csv)): "
)
ALL_ASKED = " These verdicts are corrected for {:.0f} comparisons, all that were asked of the searches."
NO_REMATCH = "That is of the weights that the search chose on val. There is no table of the schedule trained again."


def summary(claims, rematch, beside=""):
    """Markdown for above the table of claims: a line per claim.

    claims   what bench.report.claims.claims returns
    rematch  rows of rematch.csv, the schedule that was found trained again among them; or none
    beside   the folder of rematch.csv, seen from the table, with its /
    """
    asked = claims.comparisons.dropna()
    above = f"{ABOVE} {CORRECTED.format(asked.max())}" if len(asked) else ABOVE
    lines = []
    for number, rows in claims.groupby("claim"):
        said = [f"- **{number}. {markdown(SAYS[number])}.** Of {len(rows)} planned: {_by_verdict(rows)}."]
        if number == PLANS and rows.measured.notna().any():
            said.append(_again(rows, rematch, beside))
        lines.append(" ".join(said))
    return "\n".join([above, "", *lines, "", ""])


def _by_verdict(rows):
    """How many have which verdict, and how many of those the other sign, where the verdict does not say it."""
    told = []
    for verdict, group in rows.groupby("verdict", sort=False):
        other = 0 if verdict == OPPOSITE else int((group.p_holm.notna() & (group.measured < 0)).sum())
        told.append(f"{len(group)} x *{markdown(verdict)}*" + (f" ({other} with the other sign)" if other else ""))
    return ", ".join(told)


def _again(rows, rematch, beside):
    """The schedule trained again against the rivals of `rows`, by the verdicts of its own table."""
    rivals = {name.partition(" - ")[2] for name in rows.compared}
    again = rematch[rematch.variant.isin(rivals) & rematch.points.notna()]
    if not len(again):
        return NO_REMATCH
    said = [f"`{markdown(row.variant)}` {row.points:+.2f} points{_seen(row)}, *{markdown(row.verdict)}*"
            for row in again.itertuples()]  # fmt: skip
    asked = again.comparisons.dropna()
    corrected = ALL_ASKED.format(asked.max()) if len(asked) and asked.max() else ""
    return CHOSEN.format(beside) + "; ".join(said) + "." + corrected


def _seen(row):
    return "" if pd.isna(row.seen_from) else f" (seen from: {far(row.seen_from)})"
