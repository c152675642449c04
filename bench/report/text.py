"""Tables as people read them: fewer columns, rounded; as Markdown, and in a terminal."""

import html
import re
import unicodedata

import pandas as pd

FARTHEST = 100  # points between two accuracies


def far(points, unit=""):
    """What a comparison would have seen; of points, no two accuracies may be as far apart."""
    if unit and not unit.startswith("points"):
        return f"{points:.3g}"
    return "none possible" if points > FARTHEST else f"{points:.1f}"


# column of the printed table: (column of the CSV, or several, format or function)
VIDEOS_TOO = "with other videos"  # the interval that resamples the test videos as well
SEEN = "seen from"  # the smallest difference that would have been decided
NETS_SHOWN = {
    "net": ("net", "{}"),
    "labels": ("labels", "{}"),
    "top-1 %": ("top1", "{:.1f}"),
    "seeds": ("seeds", "{:.0f}"),
    "from": ("top1_low", "{:.1f}"),
    "to": ("top1_high", "{:.1f}"),
    VIDEOS_TOO: (("videos_low", "videos_high"), "{:.1f} to {:.1f}"),
    "sd": ("top1_sd", "{:.1f}"),
    "note": ("note", "{}"),
    "GMACs": ("gmacs", "{:.4f}"),
    "params M": ("params_m", "{:.3f}"),
    "MB moved": ("mbytes_moved", "{:.1f}"),
    "ms p50": ("latency_ms_p50", "{:.2f}"),
    "ms p90": ("latency_ms_p90", "{:.2f}"),
}
RUNS_SHOWN = {
    "net": ("net", "{}"),
    "labels": ("labels", "{}"),
    "seed": ("seed", "{:.0f}"),
    "top-1 %": ("top1", "{:.1f}"),
    "videos: from": ("top1_low", "{:.1f}"),
    "to": ("top1_high", "{:.1f}"),
    "top-5 %": ("top5", "{:.1f}"),
    "train s": ("train_seconds", "{:.1f}"),
    "run": ("run", "{}"),
}
SEARCHES_SHOWN = {
    "search": ("search", "{}"),
    "model": ("model", "{}"),
    "pixels": ("size", "{:.0f}"),
    "variant": ("variant", "{}"),
    "top-1 %": ("top1", "{:.1f}"),
    "seeds": ("seeds", "{:.0f}"),
    "from": ("top1_low", "{:.1f}"),
    "to": ("top1_high", "{:.1f}"),
    "found - this": ("points", "{:+.1f}"),
    "at least": ("low", "{:+.1f}"),
    "at most": ("high", "{:+.1f}"),
    VIDEOS_TOO: (("difference_videos_low", "difference_videos_high"), "{:+.1f} to {:+.1f}"),
    SEEN: ("seen_from", far),
    "verdict": ("verdict", "{}"),
}
REMATCH_SHOWN = {"first - this" if title == "found - this" else title: how for title, how in SEARCHES_SHOWN.items()}
SEARCH_RUNS_SHOWN = {
    "search": ("search", "{}"),
    "model": ("model", "{}"),
    "pixels": ("size", "{:.0f}"),
    "seed": ("seed", "{:.0f}"),
    "variant": ("variant", "{}"),
    "top-1 %": ("top1", "{:.1f}"),
    "videos: from": ("top1_low", "{:.1f}"),
    "to": ("top1_high", "{:.1f}"),
    "run": ("run", "{}"),
}
DIFFERENCES_SHOWN = {
    "labels": ("labels", "{}"),
    "a": ("a", "{}"),
    "b": ("b", "{}"),
    "seeds": ("seeds", "{:.0f}"),
    "a - b": ("points", "{:+.1f}"),
    "at least": ("low", "{:+.1f}"),
    "at most": ("high", "{:+.1f}"),
    VIDEOS_TOO: (("videos_low", "videos_high"), "{:+.1f} to {:+.1f}"),
    "videos": ("videos", "{:.0f}"),
    "p (Holm)": ("p_holm", "{:.3g}"),
    "of": ("comparisons", "{:.0f}"),
    SEEN: ("seen_from", far),
    "verdict": ("verdict", "{}"),
}
CLAIMS_SHOWN = {
    "claim": ("claim", "{:.0f}"),
    "says": ("says", "{}"),
    "compared": ("compared", "{}"),
    "measured": ("measured", "{:+.3g}"),
    "unit": ("unit", "{}"),
    "at least": ("low", "{:+.3g}"),
    "at most": ("high", "{:+.3g}"),
    VIDEOS_TOO: (("videos_low", "videos_high"), "{:+.3g} to {:+.3g}"),
    "seeds": ("seeds", "{:.0f}"),
    "videos": ("videos", "{:.0f}"),
    "p (Holm)": ("p_holm", "{:.3g}"),
    "of": ("comparisons", "{:.0f}"),
    SEEN: (("seen_from", "unit"), far),
    "verdict": ("verdict", "{}"),
    "note": ("note", "{}"),
    "cost": ("cost", "{}"),
    "figure": ("figure", "{}"),
    "the paper": ("paper", "{}"),
    "remark": ("remark", "{}"),
    "source": ("source", "{}"),
}

# columns by which a table is known; any may also be the name of a class
KINDS = [
    (("claim", "says", "compared"), CLAIMS_SHOWN),
    (("search", "variant", "seed", "run"), SEARCH_RUNS_SHOWN),
    (("search", "variant", "in_place_of"), REMATCH_SHOWN),
    (("search", "variant", "top1"), SEARCHES_SHOWN),
    (("a", "b", "p_holm"), DIFFERENCES_SHOWN),
    (("net", "seeds", "gmacs"), NETS_SHOWN),
    (("net", "seed", "run"), RUNS_SHOWN),
]


def shown(table):
    """A table of trainings, nets, searches, differences, claims as people read it; nets cheapest first. Text alone."""
    columns = next((shown for known, shown in KINDS if set(known) <= set(table)), None)
    if columns is None:
        return table.map(_cell)
    if columns is NETS_SHOWN:
        table = table.sort_values(["labels", "gmacs", "model"], kind="stable")
    return pd.DataFrame({title: _cells(table, *how) for title, how in columns.items()})


def _cells(table, columns, form):
    """The cells of a printed column, empty where a value is missing."""
    names = [columns] if isinstance(columns, str) else columns
    found = [table.get(name, [None] * len(table)) for name in names]
    said = form if callable(form) else form.format
    return [said(*row) if all(map(pd.notna, row)) else "" for row in zip(*found, strict=True)]


def _cell(cell):
    if pd.isna(cell):
        return ""
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)


def to_text(table):
    """For a terminal: what a file says cannot move the cursor or colour the screen."""
    return shown(table).map(visible).to_string(index=False)


def folded(title, table, anchor="", more=""):
    """HTML: a table behind a line that opens it, with its number of rows.

    anchor  the id that a link leads to
    more    HTML under the table
    """
    rows = table.to_html(index=False, border=0, na_rep="", float_format="{:.4g}".format)
    name = f' id="{html.escape(anchor)}"' if anchor else ""
    return f"<details{name}><summary>{html.escape(title)}, {len(table)} rows</summary>\n{rows}{more}</details>"


def to_markdown(table):
    """A pipe table, of no rows a header. Cells are text: no link, no HTML, no formula, no further column."""
    table = shown(table)
    rows = [[markdown(str(name)) for name in table.columns], ["---"] * len(table.columns)]
    rows += [[markdown(cell) for cell in row] for row in table.values]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def visible(text):
    """Text without characters that act: control and direction characters as their code, line ends too."""
    return "".join(f"\\x{ord(c):02x}" if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in str(text))


def markdown(text):
    """Text that Markdown shows as it is."""
    text = re.sub(r"([\\|*`\[\]$~])", r"\\\1", visible(text))
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # inside a word it means nothing
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
