"""The shipped tables of whole nets: complete, of one commit, each against its own plain twin; and their figure."""

import matplotlib.pyplot as plt
import pytest

from bench.report.speed_figure import draw_speed, read_speed
from bench.timing.whole_nets import BATCHES, COLUMNS, NETS, PLAIN
from lib.run import ROOT

SHIPPED = {"training.csv": "training step", "latency.csv": "evaluation"}
SHAPE = {"evaluation": 0, "training step": 1}  # which clip of NETS


@pytest.mark.parametrize("name, mode", SHIPPED.items())
def test_a_shipped_table_is_whole(name, mode):
    table = read_speed(ROOT / "results" / "shipped" / name)
    assert list(table.columns) == COLUMNS and set(table["mode"]) == {mode}
    for column in ("commit", "device", "torch", "numba"):
        assert len(set(table[column])) == 1, f"{name}: rows of several runs by their {column}"
    assert "+" not in table.commit[0], f"{name}: measured on code that was not committed"
    shapes = {net: ["x".join(map(str, (n, *clips[SHAPE[mode]]))) for n in BATCHES[mode]] for net, clips in NETS.items()}
    wanted = {(net, shape, threads) for net, found in shapes.items() for shape in found for threads in (1, 2)}
    groups = table.groupby(["op", "shape", "threads"])
    assert set(groups.groups) == wanted
    for key, rows in groups:
        base = rows[rows.impl == PLAIN]
        assert len(base) == 1 and rows.impl.is_unique and "ours" in set(rows.impl), key
        assert (rows.faster - base.p50.item() / rows.p50).abs().max() < 0.01 * rows.faster.max(), key
        assert ((rows.p20 <= rows.p50) & (rows.p50 <= rows.p90)).all() and (rows.cpu_ms > 0).all(), key


@pytest.mark.parametrize("name, batch", [("training.csv", 4), ("latency.csv", 8)])
def test_its_figure(name, batch):
    """A point per row: where the table says, in the panel of its threads, in the row of its net."""
    table = read_speed(ROOT / "results" / "shipped" / name)
    figure = draw_speed(table, batch)
    rows = table[table["shape"].str.startswith(f"{batch}x") & (table.impl != PLAIN)]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    for ax, threads in zip(figure.axes, (1, 2), strict=True):
        found = {
            (line.get_label(), labels[int(y)], x)
            for line in ax.lines[:-1]
            for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
        }
        here = rows[rows.threads == threads]
        assert found == set(zip(here.impl, here.op, here.faster, strict=True))
    plt.close(figure)


def test_what_is_not_there(tmp_path):
    assert read_speed(tmp_path / "training.csv") is None
    table = read_speed(ROOT / "results" / "shipped" / "training.csv")
    with pytest.raises(ValueError, match="no row has 7 clips; shapes are 4x3x16x112x112, 4x3x8x112x112"):
        draw_speed(table, 7)
    (tmp_path / "half.csv").write_text("op,impl\nircsn_50,ours\n")
    with pytest.raises(ValueError, match="half.csv has no column mode"):
        read_speed(tmp_path / "half.csv")


def test_a_version_of_another_machine_is_drawn():
    table = read_speed(ROOT / "results" / "shipped" / "training.csv").replace({"impl": {"ours": "ours fp16"}})
    figure = draw_speed(table, BATCHES["training step"][0])
    assert "ours fp16" in [text.get_text() for text in figure.legends[0].get_texts()]
    plt.close(figure)
