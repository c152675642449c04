"""Figures of one training, drawn from its done.json: the learning curve, and what the net confuses."""

import matplotlib.pyplot as plt
import numpy as np

from bench.report.names_in_figures import plain
from lib.evaluate.checks import checked_labels
from lib.evaluate.metrics import NO_ANSWER

MOST_IN_NUMBERS = 12  # classes whose counts fit into the cells


def draw_learning_curve(record, classes, what="val"):
    """Left the training loss, right top-1 on val with the 95 % interval of the final test.  -> figure

    record   of `lib.train.fit`: history, and test if there was one
    classes  how many; chance is 100 % / classes
    what     the label set, for the axis
    """
    history, epochs = record["history"], [row["epoch"] + 1 for row in record["history"]]
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    left.plot(epochs, [row["train_loss"] for row in history], "o-", color="0.3")
    left.set(xlabel="epoch", ylabel="training loss, nats", ylim=(0, None))
    right.plot(epochs, [row["val_top1"] for row in history], "s-", color="#0072B2", label="val")
    if test := record.get("test"):
        told = "test: 95 % interval over\nits videos, this training"
        right.axhspan(test["top1_low"], test["top1_high"], color="#D55E00", alpha=0.2, label=told)
    right.axhline(100 / classes, color="0.5", ls="--", label="chance")
    right.set(xlabel="epoch", ylabel=f"top-1 on {what}, %", ylim=(0, 100))
    right.legend(fontsize=8, edgecolor="none")
    for ax in (left, right):
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def confusions(test, classes):
    """How often videos of class i (row) were called class j (column).  -> int (classes, classes)

    test  of done.json: labels and predicted, one number per video; a tie, NO_ANSWER, stands in no column
    """
    labels = checked_labels(test["labels"], len(test["labels"]), classes)
    predicted = checked_labels(test["predicted"], len(labels), classes, "predicted classes", NO_ANSWER)
    counts = np.zeros((classes, classes), int)
    told = predicted != NO_ANSWER
    np.add.at(counts, (labels[told], predicted[told]), 1)
    return counts


def draw_confusions(counts, names):
    """What was shown, what the net said: numbers of videos, their share of the row in grey.  -> axes

    Of many classes some are named, and no cell has a number.
    """
    ax = plt.subplots(figsize=(4.6, 4), layout="constrained")[1]
    ax.imshow(counts / counts.sum(1, keepdims=True).clip(min=1), cmap="Greys", vmin=0, vmax=1)
    if len(counts) <= MOST_IN_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if 2 * count > counts[row].sum() else "0.15"
            ax.text(column, row, count or "", ha="center", va="center", fontsize=8, color=colour)
    named = range(0, len(counts), 1 + len(counts) // 40)
    ax.set_xticks(named, [plain(names[k], 24) for k in named], rotation=90, fontsize=8)
    ax.set_yticks(named, [plain(names[k], 24) for k in named], fontsize=8)
    ax.set(xlabel="said", ylabel="shown")
    ax.set_title("the darker, the larger a part of its row", fontsize=8)
    return ax


def draw_val_curves(records, classes, what="val"):
    """Top-1 on val after every epoch, a line per training of `records`, {name: record of lib.train.fit}.  -> figure"""
    figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    for number, (name, record) in enumerate(records.items()):
        epochs = [row["epoch"] + 1 for row in record["history"]]
        look = {"marker": "osD^vP*X"[number % 8], "ls": ("-", "--", ":", "-.")[number % 4], "ms": 5}
        ax.plot(epochs, [row["val_top1"] for row in record["history"]], label=plain(name, 34), **look)
    ax.axhline(100 / classes, color="0.5", lw=1, label="chance")
    ax.set(xlabel="epoch", ylabel=f"top-1 on {what}, val, %", ylim=(0, 100))
    ax.set_title("a line is one training", fontsize=8)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    ax.spines[["top", "right"]].set_visible(False)
    return figure
