"""results/shipped/models.md: committed, and as the command writes it."""

import re

from bench.report import models
from lib import list_models
from lib.run import ROOT

SHIPPED = ROOT / "results" / "shipped" / "models.md"


def rows(text):
    return {cells[0]: cells for line in text.splitlines() if len(cells := re.split(r" *(?<!\\)\| *", line)[1:-1]) > 1}


def test_every_net_stands_in_the_committed_table():
    names = set(rows(SHIPPED.read_text(encoding="utf-8"))) - {"net", "---"}
    assert names == set(list_models()), "python -m bench models writes it anew"


def test_the_committed_costs_are_todays():
    shipped = rows(SHIPPED.read_text(encoding="utf-8"))
    for name in ("mobilenetv2_3d", "ircsn_50", "cakes_50", "rubiksnet_tiny", "p3d_50", "csn_r3d_nano"):
        row = models.model_row(name)
        assert [row["params M"], row["GMACs"], row["system"]] == [shipped[name][i] for i in (4, 5, 1)]
