"""The papers' figures beside each other: from the committed tables alone, a point says its protocol and count."""

import matplotlib.pyplot as plt
import pytest

from bench.report.figure_files import save
from bench.report.published_figure import GUESTS, draw_all_published, draw_published
from bench.report.published_rows import DATASETS, accuracy_rows
from bench.report.trade_off_figure import LOOKS
from lib.run import ROOT

PUBLISHED = ROOT / "results" / "published"


@pytest.fixture(scope="module")
def rows():
    return accuracy_rows()


def test_every_row_has_its_family_protocol_and_count(rows):
    assert set(rows.family) == {*LOOKS, *GUESTS} and set(rows.dataset) <= {*DATASETS}
    assert rows.protocol.str.match(r".+, .+ x .+").all()
    mobile = rows[(rows.name == "3D-MobileNetV2 0.45x") & (rows.dataset == "Jester")].iloc[0]
    assert (mobile.protocol, mobile.counted) == ("16x112x112, 1 x 1", "with norms, ReLUs, pools")
    x3d = rows[rows.name == "X3D-S from scratch"].set_index("protocol").counted
    assert x3d["13x160 train = test (centre crop), 10 x 1"] == ""
    assert x3d["13x160 train / 13x182 test, 10 x 3"] == "at the training crop"
    movinet = rows[rows.family == "MoViNet"]
    assert (movinet.counted == "FLOPs of the video").all(), "not of one view, and of unknown operations"
    cakes = rows[rows.name == "I3D-ResNet50 CAKES123D_P"].set_index("protocol").gflops
    assert cakes["8x224, 1 x 1"] == 43.616 and cakes.isna()["16x224, 1 x 1"], "costs are of the same input"
    assert not rows.duplicated(["family", "name", "dataset", "protocol", "top1", "publisher"]).any()


@pytest.mark.parametrize("dataset", ["Something-Something V1", "Kinetics-600", "UCF-101"])
def test_a_line_joins_widths_of_one_net_under_one_protocol(rows, dataset):
    figure = draw_published(rows, dataset)
    here = rows[rows.dataset == dataset]
    for ax in figure.axes:
        for line in ax.lines:
            if len(line.get_xdata()) > 1:
                joined = here[here.scale == line.get_gid()]
                assert len(joined) == len(line.get_xdata()) and joined.protocol.nunique() == joined.model.nunique() == 1
    assert any(len(line.get_xdata()) > 1 for line in figure.axes[0].lines) == (dataset != "Something-Something V1")
    plt.close(figure)


def test_every_point_has_its_number_in_the_list(rows):
    figure = draw_published(rows, "Something-Something V2")
    listed = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
    numbers = {text.get_text() for ax in figure.axes for text in ax.texts}
    assert numbers == {text.split("  ")[0] for text in listed if text[0].isdigit()}
    assert "1  Large rubiks3d: 8x224, 1 x 1" in listed
    assert "published accuracies have no cost" in figure.get_suptitle()
    plt.close(figure)
    assert draw_published(rows, "HMDB51") is None


def test_hollow_is_what_does_not_compare(rows):
    figure = draw_published(rows, "Kinetics-600")
    gflops, params = figure.axes
    assert all(line.get_markerfacecolor() == "white" for line in gflops.lines if len(line.get_xdata()) == 1)
    assert all(line.get_markerfacecolor() != "white" for line in params.lines if len(line.get_xdata()) == 1)
    plt.close(figure)


def test_looks_differ_in_grey():
    markers = [marker for _, marker in GUESTS.values()] + [marker for _, marker, _ in LOOKS.values()]
    assert len(set(markers)) == len(markers)


def test_the_committed_figures_are_those_of_the_tables(rows, tmp_path):
    """Two of them here: a figure takes a second."""
    for dataset in ("Something-Something V1", "Something-Something V2"):
        name = dataset.lower().replace(" ", "_").replace("-", "_")
        figure = draw_published(rows, dataset)
        save(figure, tmp_path / name)
        plt.close(figure)
        assert (tmp_path / f"{name}.svg").read_bytes() == (PUBLISHED / f"{name}.svg").read_bytes()


def test_an_unknown_dataset_or_no_table_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no published tables"):
        draw_all_published(tmp_path)
    text = (PUBLISHED / "rubiksnet.csv").read_text().replace("Something-Something-V2", "Something-Else", 1)
    (tmp_path / "rubiksnet.csv").write_text(text)
    with pytest.raises(
        ValueError, match="rubiksnet.csv: no dataset 'Something-Else'; there are Something-Something V1"
    ):
        accuracy_rows(tmp_path)
