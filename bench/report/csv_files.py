"""Tables in files: written as CSV and Markdown, read as people and their spreadsheets have them."""

import csv
import io
from pathlib import Path

import pandas as pd

from bench.report.text import to_markdown
from lib.bounds import number, whole
from lib.files import replacing, write_text

PERCENT, POSITIVE, WHOLE, ANY = number(0, 100), number(0, 1e15), whole(0, 2**32 - 1), number(-1e15, 1e15)

# columns that hold a number of these bounds, or nothing; every other cell is text, but for FLAGS
POINTS, SHARE = number(-100, 100), number(0, 1)
NUMBERS = {
    **dict.fromkeys("top1 top1_low top1_high top1_min top1_max top5".split(), PERCENT),
    **dict.fromkeys(("clip_top1", "chance", "shipped_min", "shipped_max"), PERCENT),
    **dict.fromkeys("points videos_low videos_high difference_videos_low difference_videos_high".split(), POINTS),
    **dict.fromkeys(("p", "p_holm"), SHARE),
    **dict.fromkeys("seeds seed videos views frames size threads latency_threads comparisons".split(), WHOLE),
    **dict.fromkeys(("claim", "shipped_seeds"), WHOLE),
    **dict.fromkeys("params_m gmacs mbytes_moved latency_ms_p50 latency_ms_p90 clips_per_s".split(), POSITIVE),
    **dict.fromkeys(("peak_memory_mb", "train_seconds", "top1_sd", "sd", "seen_from", "gflops"), POSITIVE),
    **dict.fromkeys(("error", "videos_error"), POSITIVE),
    **dict.fromkeys(("low", "high", "train_loss", "rise", "measured"), ANY),
}
FLAGS = {"other_commit": {"true": True, "false": False, "": False}}
DELIMITERS = ",;\t"
# table: the columns in which no two of its rows are alike
ONE_ROW = {
    "trade_off": ("net", "labels"),
    "runs": ("net", "labels", "seed"),
    "differences": ("labels", "a", "b"),
    "searches": ("search", "variant"),
    "rematch": ("search", "variant"),
    "search_runs": ("search", "variant", "seed"),
}


def read_table(path, needed=(), numbers=NUMBERS):
    """A CSV file as a DataFrame; numbers are floats, a missing one NaN, text is text.

    Read are commas, semicolons and tabs, quotes, any line ends, a byte order mark, empty lines, Excel's `sep=;`, and
    decimal commas where the comma separates no cells.
    needed   columns that have to be there
    numbers  {column: lib.bounds.Bounds} of those that hold numbers
    ValueError: names the file, and the line and column where there is one
    """
    rows, delimiter = _rows(path, _decoded(path), set(needed))
    if not rows:
        raise ValueError(f"{path} is empty: the first line has to name the columns, {', '.join(needed)}")
    header = [cell.strip() for cell in rows[0][1]]
    while header and not header[-1]:
        header.pop()
    if missing := [name for name in needed if name not in header]:
        raise ValueError(f"{path} has no column {', '.join(missing)}; it has {', '.join(header)}")
    if doubles := sorted({name for name in header if header.count(name) > 1}):
        raise ValueError(f"{path}: two columns are called {doubles[0]!r}")
    cells = [_cells(path, line, row, header, delimiter, numbers) for line, row in rows[1:]]
    table = pd.DataFrame(cells, columns=header)
    one = list(ONE_ROW.get(Path(path).stem, ()))
    if one and set(one) <= set(header) and (twice := table.duplicated(one)).any():
        row = table[twice].iloc[0]
        raise ValueError(f"{path}: two rows are of {', '.join(f'{name} {row[name]}' for name in one)}")
    return table.astype({name: float for name in header if name in numbers})


def write(table, folder, name, above=""):
    """Write `table` as <name>.csv and <name>.md into `folder`; `above` is Markdown that stands over the latter."""
    with replacing(Path(folder) / f"{name}.csv") as path:
        table.to_csv(path, index=False)
    write_text(Path(folder) / f"{name}.md", above + to_markdown(table) + "\n")


def _decoded(path):
    data = Path(path).read_bytes()
    coding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(coding)
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8; save it again as CSV UTF-8") from None


def _rows(path, text, needed):
    """([(line number, cells)] of all lines that hold something, the delimiter): the one that finds most columns."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.lower().startswith("sep=") and len(first.strip()) <= 5:
        text = text.replace(first, "", 1)
    found = {}
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
        except csv.Error as error:
            rows, found["error"] = [], f"{path}, line {reader.line_num}: {error}"
        header = [cell.strip() for cell in rows[0][1]] if rows else []
        found[delimiter] = (len(needed & set(header)), len(header), rows)
    best = max(DELIMITERS, key=lambda each: found[each][:2])
    if not found[best][2] and "error" in found:
        raise ValueError(found["error"])
    return found[best][2], best


def _cells(path, line, row, header, delimiter, numbers):
    if len(row) < len(header) or any(cell.strip() for cell in row[len(header) :]):
        raise ValueError(f"{path}, line {line}: {len(row)} cells for {len(header)} columns")
    return [
        _cell(cell.strip(), name, f"{path}, line {line}, column {name}", delimiter, numbers)
        for name, cell in zip(header, row, strict=False)
    ]


def _cell(cell, name, where, delimiter, numbers):
    if name in FLAGS:
        return _flag(cell, name, where)
    return _number(cell, numbers[name], where, delimiter) if name in numbers else cell


def _number(cell, bounds, where, delimiter):
    text = cell.replace(",", ".") if delimiter != "," and cell.count(",") == 1 and "." not in cell else cell
    if text.lower() in ("", "nan"):
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        value = float("inf")
    if value in (float("inf"), float("-inf")) or "_" in text:
        raise ValueError(f"{where}: {cell!r} is no number")
    if not bounds.right(int(value) if value == int(value) else value):
        raise ValueError(f"{where}: {cell!r} must be {bounds.words()}")
    return value


def _flag(cell, name, where):
    if cell.lower() not in FLAGS[name]:
        raise ValueError(f"{where}: {cell!r} is neither True nor False")
    return FLAGS[name][cell.lower()]
