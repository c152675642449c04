"""What a table of searches says in words: whom the found one beats, who beats it, and who cannot be told from it.

The words rest on the table's verdicts alone, which take three seeds and are corrected for all of its comparisons.
"""

import pandas as pd

from bench.report.text import FARTHEST, SEEN, far, markdown
from lib.evaluate.comparisons import SEEDS_FOR_A_VERDICT, UNDECIDED

# column as it is read: (column of the table, format or function); those that a table has not are left out
COLUMNS = {
    "search": ("search", "{}"),
    "variant": ("variant", "{}"),
    "seeds": ("seeds", "{:.0f}"),
    "top-1 %": ("top1", "{:.1f}"),
    "each seed": ("top1_by_seed", "{}"),
    "GMACs": ("gmacs", "{:.4f}"),
    "GMACs to train": ("train_gmacs", "{:.0f}"),
    "to search": ("search_gmacs", "{:.0f}"),
    "found - this": ("points", "{:+.1f}"),
    "at least": ("low", "{:+.1f}"),
    "at most": ("high", "{:+.1f}"),
    "with other videos": ("other_videos", "{}"),
    SEEN: ("seen_from", far),
    "verdict": ("verdict", "{}"),
}


def as_read(found):
    """The table with its costs, formatted; a search is called by what tells it from the others of its notebook."""
    table = {}
    if {"difference_videos_low", "difference_videos_high"} <= set(found):
        ends = zip(found.difference_videos_low, found.difference_videos_high, strict=True)
        found = found.assign(other_videos=[f"{low:+.1f} to {high:+.1f}" if low == low else "" for low, high in ends])
    for title, (column, form) in COLUMNS.items():
        if column in found and (found[column].notna() & (found[column] != "")).any():
            said = form if callable(form) else form.format
            table[title] = [said(value) if pd.notna(value) else "" for value in found[column]]
    names = [name.partition(" ")[2] for name in found.search]
    shown = pd.DataFrame(table).assign(search=names)
    return shown if any(names) else shown.drop(columns="search")


def in_words(found, cost):
    """A line of Markdown per search: its rivals by verdict; of those that are told apart, by how much and at what cost.

    found  rows of one notebook in searches.csv, the found one of each search first
    cost   the column whose ratio, found to rival, is said
    """
    lines = []
    for name, rows in found.groupby("search", sort=False):
        groups, (winner, *rivals) = {}, rows.itertuples()
        for rival in rivals:
            about = "" if rival.verdict == UNDECIDED else f" ({_apart(winner, rival, cost)})"
            groups.setdefault(_verdict(rival), []).append(f"`{rival.variant}`{about}")
        said = "; ".join(f"*{verdict}* {', '.join(group)}" for verdict, group in groups.items())
        lines.append(f"- {markdown(name.partition(' ')[2] + ', ').lstrip(', ')}{winner.variant}: {said}.")
    return "\n".join(lines)


def answer(found, rivals, question):
    """Does the found one win against the `rivals`, by the verdicts?  -> one line of Markdown, of all searches

    rivals    how the variants' names begin, such as "random"
    question  what it would be better than, such as "luck"
    """
    asked = found[found.variant.str.startswith(rivals)]
    rows = asked[asked.seeds >= SEEDS_FOR_A_VERDICT]
    if len(rows) < len(asked) or rows.empty:
        return f"**Better than {question}?** Nobody knows: a verdict takes {SEEDS_FOR_A_VERDICT} seeds of each rival."
    better = rows.verdict.str.endswith("is better")
    won, lost = int((better & (rows.points > 0)).sum()), int((better & (rows.points < 0)).sum())
    word = "Yes" if won == len(rows) else "Not throughout" if won else "No" if lost else "Not shown"
    said = f"**Better than {question}? {word}:** {_decided(won, lost, len(rows))}"
    ends = dict.fromkeys(f"{end:+.1f}" for end in (rows.points.min(), rows.points.max()))
    said += f"; {'the differences go from' if len(ends) > 1 else 'the difference is'} {' to '.join(ends)} points."
    if won + lost == len(rows):
        return said
    return f"{said} That does not make them equal: {_decidable(rows)}."


def _decided(won, lost, asked):
    """How many of the comparisons were decided, and how."""
    if not won + lost:
        return f"none of {asked} comparisons decides" if asked > 1 else "the one comparison does not decide"
    of = f"of {asked} comparisons" if asked > 1 else "of the one comparison"
    return f"{of} {won} {'say' if won > 1 else 'says'} better, {lost} worse"


def _decidable(rows):
    """How large a difference would have had to be; two accuracies are no more than 100 points apart."""
    all_asked = rows.comparisons.dropna().max()
    least, most = rows.seen_from.min(), rows.seen_from.max()
    given = f"corrected for all {all_asked:.0f} comparisons, with seeds that scatter like these,"
    if least > FARTHEST:
        return f"{given} no possible difference would have been decided"
    each = f"{least:.0f}" if f"{least:.0f}" == f"{most:.0f}" else f"{least:.0f} to {most:.0f}"
    if most > FARTHEST:
        return f"{given} only one of {least:.0f} points or more would have been decided, in some none at all"
    return f"{given} only a difference of {each} points or more would have been decided"


def _verdict(rival):
    if rival.verdict.endswith("is better"):
        return "better than" if rival.points > 0 else "worse than"
    return "not distinguishable from" if rival.verdict == UNDECIDED else f"{rival.verdict}:"


def _apart(winner, rival, cost):
    """The difference, its interval and the ratio of the costs, where the table has them."""
    ends = f", {rival.low:+.1f} to {rival.high:+.1f}" if rival.low == rival.low else ""
    times = getattr(winner, cost, float("nan")) / getattr(rival, cost, float("nan"))
    return f"{rival.points:+.1f} points{ends}" + (f", at {times:.2f} times its cost" if times == times else "")
