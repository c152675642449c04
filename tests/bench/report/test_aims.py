"""What results/shipped/tuning/README.md says came of `standard` is what its shipped tables give."""

import re

import numpy as np

from bench.report.csv_files import read_table
from bench.report.curves import FLAT, rise
from bench.report.records import nets
from bench.report.trade_off_figure import pareto_front
from lib.run import ROOT

SHIPPED = ROOT / "results" / "shipped"
NETS = read_table(SHIPPED / "standard" / "trade_off.csv")
PAIRS = read_table(SHIPPED / "standard" / "differences.csv")
README = (SHIPPED / "tuning" / "README.md").read_text()
ROWS = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| [^|]+ \|$", README, re.M))


BLIND = ("c2d_nano", "rubiksnet_nano shift=none")  # to time


def told(aim):
    """The numbers in the README's answer to the aim that begins so."""
    (answer,) = [answer for name, answer in ROWS.items() if name.startswith(aim)]
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", answer.replace("3D", "").replace("c2d", ""))]


def test_the_aims_and_what_came_of_them():
    rising = NETS[NETS.rise > FLAT]
    ends = [rising.rise.min(), rising.rise.max()] if len(rising) else []
    assert told("every net has learned") == [len(NETS) - len(rising), len(NETS), *ends]
    wide = NETS.top1_sd[NETS.top1_sd > 3]
    assert told("standard deviation") == [len(wide), wide.max().round(1)]
    assert told("none above") == [NETS.top1.max().round(1)]
    (flat,) = NETS[NETS.net == "c2d_nano"].itertuples()
    assert told("c2d_nano at chance") == [round(flat.top1, 1), flat.chance]
    sees_time = NETS[~NETS.net.str.contains("c2d|shift=|x3d")]
    assert told("best and worst")[0] == round(sees_time.top1.max() - sees_time.top1.min(), 1)
    assert sees_time.nsmallest(3, "top1").options.str.contains("0.25").all()
    apart = PAIRS.verdict.str.endswith("better").sum()
    assert told("half of all pairs") == [apart, len(PAIRS)]
    assert told("a Pareto front") == [len(pareto_front(NETS.gmacs.tolist(), NETS.top1.tolist()))]


def test_how_val_rose_before_the_rate_fell():
    """Epochs 9 to 14 of 24, the first step being at 0.6."""
    rises = [np.mean([rise([epoch["val_top1"] for epoch in record["history"]][8:14]) for _, record in seeds.values()])
             for (name, _), seeds in nets(SHIPPED / "standard" / "runs").items() if name not in BLIND]  # fmt: skip
    ends = [f"{end:.1f}" for end in (min(rises), max(rises))]
    (found,) = re.findall(r"rises by ([\d.]+) to ([\d.]+) points in the nets that see time", README)
    assert list(found) == ends


def test_what_longer_trainings_add():
    tried = read_table(SHIPPED / "tuning" / "standard.csv", numbers={})
    tried = tried[(tried.difficulty == "mixed") & tried.recipe.str.contains("0.6, 0.75", regex=False)]
    tried = tried.astype({"epochs": int, "val_top1": float, "rise": float})
    val = tried.pivot(index=["model", "options"], columns="epochs", values="val_top1").dropna()
    more = val[36] - val[24]
    words = r"([\d.]+) to\s([\d.]+) points higher, ([\d.]+) on average"
    assert re.findall(words, README) == [tuple(f"{each:.1f}" for each in (more.min(), more.max(), more.mean()))]
    assert len(val) == 5 and (tried.rise[tried.epochs == 36] <= FLAT).all()


def test_the_lesson_counts_the_nets_and_pairs_that_are_shipped():
    lesson = (ROOT / "notebooks" / "14_trade_offs.ipynb").read_text(encoding="utf-8")
    assert re.findall(r"With (\d+) nets there are (\d+) pairs", lesson) == [(str(len(NETS)), str(len(PAIRS)))]
    assert re.findall(r"apart alone, not among (\d+)", lesson) == [str(len(PAIRS))]
