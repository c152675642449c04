"""The figures of one training show what its record says."""

import matplotlib.pyplot as plt
import pytest

from bench.report.run_figures import confusions, draw_confusions, draw_learning_curve, draw_val_curves

TEST = {"labels": [0, 0, 1, 2], "predicted": [0, 1, 1, 0], "top1": 50.0, "top1_low": 15.0, "top1_high": 85.0}


def test_learning_curve():
    history = [{"epoch": n, "train_loss": 2.0 - n, "val_top1": 30.0 + n} for n in range(2)]
    for record, bands in (({"history": history, "test": TEST}, 1), ({"history": history}, 0)):
        left, right = draw_learning_curve(record, classes=8, what="motion").axes
        assert left.lines[0].get_xydata().tolist() == [[1, 2.0], [2, 1.0]]
        assert right.lines[0].get_xydata().tolist() == [[1, 30.0], [2, 31.0]]
        assert right.lines[1].get_ydata()[0] == 12.5 and len(right.patches) == bands
        plt.close(left.figure)


def test_confusions():
    counts = confusions(TEST, 4)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]  # the last was never shown
    ax = draw_confusions(counts, ["a", "b", "c", "d"])
    assert ax.images[0].get_array()[0].tolist() == pytest.approx([0.5, 0.5, 0, 0])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c", "d"]
    assert {text.get_position(): text.get_text() for text in ax.texts if text.get_text()} == {
        (0, 0): "1", (1, 0): "1", (1, 1): "1", (0, 2): "1"}  # fmt: skip
    plt.close(ax.figure)
    many = draw_confusions(confusions(TEST, 100), [str(n) for n in range(100)])
    assert len(many.get_xticks()) <= 41 and not many.texts
    plt.close(many.figure)


def test_val_curves_have_a_line_per_training():
    records = {name: {"history": [{"epoch": 0, "val_top1": 20.0}, {"epoch": 1, "val_top1": top1}]}
               for name, top1 in (("searched", 30.0), ("uniform", 40.0))}  # fmt: skip
    (ax,) = draw_val_curves(records, 8).axes
    first, second, chance = ax.lines
    assert list(first.get_ydata()) == [20, 30] and list(second.get_xdata()) == [1, 2]
    assert chance.get_ydata()[0] == 12.5 and first.get_linestyle() != second.get_linestyle()
    plt.close("all")
