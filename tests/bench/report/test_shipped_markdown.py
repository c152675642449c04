"""Every shipped page is what its CSV gives today: nobody changed one without the other, and no page is an old one."""

import pytest

from bench.report.claims import write_claims
from bench.report.csv_files import read_table, write
from bench.report.shipped_seeds import SHIPPED
from bench.report.tables import MADE

PAGES = sorted(page for page in SHIPPED.glob("*/*.md") if page.name != "README.md")


def test_there_are_pages_of_every_kind():
    assert {page.stem for page in PAGES} == {*MADE, "claims"}
    tables = {path for path in SHIPPED.glob("*/*.csv") if path.stem in (*MADE, "claims")}
    assert {page.with_suffix(".csv") for page in PAGES} == tables, (
        "a page without its table, or a table without its page"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_a_shipped_page_is_its_table_s(page, tmp_path):
    """The tables themselves are walked back to their records in test_shipped_seeds.py, the claims to their tables."""
    if page.stem == "claims":
        write_claims(page.parent, tmp_path)
    else:
        write(read_table(page.with_suffix(".csv")), tmp_path, page.stem)
    assert (tmp_path / page.name).read_text().splitlines() == page.read_text().splitlines()
