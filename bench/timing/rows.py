"""The table that every clock writes: a row per number, with its origin. Needs no pandas, as a GPU box may have none."""

import csv

from lib.files import replacing
from lib.run import provenance

COLUMNS = "op impl mode shape dtype metric unit p50 p20 p80 expected device threads torch numba commit date".split()


def with_origin(rows, device="cpu"):
    """The rows with 4 digits of every float, each with its device, threads, versions, commit and date."""
    import numba

    origin = {**provenance(device), "numba": numba.__version__}
    for row in rows:
        yield {**origin, **{name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in row.items()}}


def write_rows(path, rows, columns=COLUMNS):
    """Write rows ({column: value}) as CSV, atomically. A row may lack a column; what is no column is left out."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
