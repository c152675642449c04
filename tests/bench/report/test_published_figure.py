"""The papers' figures beside each other: from the committed tables alone, a point says its protocol and count."""

import functools

import matplotlib.pyplot as plt
import pytest

from bench.report.figure_files import save
from bench.report.published_figure import GUESTS, datasets_printed, draw_all_published, draw_published, figure_name
from bench.report.published_rows import DATASETS, accuracy_rows
from bench.report.trade_off_figure import LOOKS
from lib.run import ROOT

PUBLISHED = ROOT / "results" / "published"


@pytest.fixture(scope="module")
def rows():
    return accuracy_rows()


@pytest.fixture(scope="module")
def drawn(rows):
    """f(dataset) -> its figure, drawn once for all tests that only look at it."""
    yield functools.cache(functools.partial(draw_published, rows))
    plt.close("all")


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
    cakes = rows[rows.name == "I3D-ResNet50 CAKES123D_P"].set_index("protocol")
    assert cakes.gflops["8x224, 1 x 1"] == 43.616 and cakes.gflops.isna()["16x224, 1 x 1"], "of the same input"
    assert cakes.doubt["8x224, 1 x 1"] == cakes.counted["8x224, 1 x 1"] == "measured, not printed"
    assert not rows.duplicated(["family", "name", "dataset", "protocol", "top1", "publisher"]).any()


def test_a_cost_is_that_of_its_own_row(rows):
    """RubiksNet's single views and ResNet-50's centre clip were drawn at the costs of other rows."""
    rubiks = rows[(rows.family == "RubiksNet") & (rows.protocol == "8x224, 1 x 1")]
    assert len(rubiks) == 5 and rubiks.gflops.isna().all() and rubiks.params_m.isna().all()
    assert rows[rows.protocol == "16x112x112, 1 (centre clip) x 1"].gflops.isna().all()


def test_what_users_report_is_no_published_accuracy(rows):
    """Two such trainings stood beside the authors', and one was joined to their line."""
    assert not rows.notes.str.contains("user report").any()
    widths = rows[(rows.dataset == "Jester") & (rows.scale != "")]
    assert not widths.duplicated(["scale", "variant"]).any()


def test_one_rule_for_all_that_count_norms(rows):
    """The rule that gives a publisher's figures back says whether they are multiply-adds alone."""
    plain = rows[rows.gflops.notna() & (rows.counted == "")]
    assert set(plain.publisher) == {"VMZ", "SlowFast"} and plain.doubt.eq("").all()
    for publisher in set(rows.publisher[rows.counted.str.contains("norms")]):
        assert publisher not in set(plain.publisher)


def test_weights_are_not_trained_by_who_ports_them(rows):
    """Kinetics-400 showed VMZ's three times, and SlowFast's X3D twice more."""
    assert not rows.duplicated(["dataset", "model", "protocol", "top1", "gflops"])[rows.gflops.notna()].any()
    drawn = rows[(rows.dataset == "Kinetics-400") & rows.params_m.notna()]
    assert drawn.title.str.contains("ported").sum() == 1, "ir-CSN-50, whose origin publishes no accuracy"


@pytest.mark.parametrize("dataset", ["Something-Something V1", "Kinetics-600", "UCF-101"])
def test_a_line_joins_widths_of_one_net_under_one_protocol(rows, drawn, dataset):
    figure = drawn(dataset)
    here = rows[rows.dataset == dataset]
    for ax in figure.axes:
        for line in ax.lines:
            if len(line.get_xdata()) > 1:
                joined = here[here.scale == line.get_gid()]
                assert len(joined) == len(line.get_xdata()) and joined.protocol.nunique() == joined.model.nunique() == 1
    assert any(len(line.get_xdata()) > 1 for line in figure.axes[0].lines) == (dataset != "Something-Something V1")


def test_every_point_has_its_number_in_the_list(rows, drawn):
    figure = drawn("Something-Something V2")
    listed = [text.get_text().replace("\n", " ") for text in figure.axes[-1].get_legend().get_texts()]
    numbers = {text.get_text() for ax in figure.axes for text in ax.texts}
    assert numbers == {text.split("  ")[0] for text in listed if text[0].isdigit()}
    assert "1  Large rubiks3d: 8x224, 2 x 3  [rule unknown]" in listed
    dataset = rows[rows.dataset == "Something-Something V2"]
    lost = dataset[dataset.gflops.isna() & dataset.params_m.isna()].family.value_counts()
    assert len(lost) and all(f"{n} of {family}" in figure.get_suptitle() for family, n in lost.items())
    assert draw_published(rows, "HMDB51") is None


def test_hollow_is_what_does_not_compare(drawn):
    figure = drawn("Kinetics-600")
    gflops, params = figure.axes
    assert all(line.get_markerfacecolor() == "white" for line in gflops.lines if len(line.get_xdata()) == 1)
    assert all(line.get_markerfacecolor() != "white" for line in params.lines if len(line.get_xdata()) == 1)


def test_a_cost_that_was_not_printed_is_hollow_along_both_axes(drawn):
    figure = drawn("Something-Something V1")
    assert all(line.get_markerfacecolor() == "white" for ax in figure.axes for line in ax.lines)
    listed = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
    assert "1  ip-CSN-152 from scratch: 32x224, 10 x ?  [may be another net's]" in listed


def test_no_name_of_the_list_is_cut(rows, drawn):
    figure = drawn("Kinetics-400")
    listed = " ".join(text.get_text().replace("\n", " ") for text in figure.axes[-1].get_legend().get_texts())
    drawn = rows[(rows.dataset == "Kinetics-400") & (rows.gflops.notna() | rows.params_m.notna())]
    assert all(f"{name}: {how}" in listed for name, how in zip(drawn.name, drawn.protocol, strict=True))
    figure.canvas.draw()
    legend = figure.axes[-1].get_legend().get_window_extent()
    assert figure.bbox.y0 <= legend.y0 and legend.x1 <= figure.bbox.x1


def test_looks_differ_in_grey():
    markers = [marker for _, marker in GUESTS.values()] + [marker for _, marker, _ in LOOKS.values()]
    assert len(set(markers)) == len(markers)


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_committed_figures_are_those_of_the_tables(dataset, rows, tmp_path):
    name = figure_name(dataset)
    if figure := draw_published(rows, dataset):
        save(figure, tmp_path / name)
        plt.close(figure)
    drawn, kept = ([path.read_bytes() for path in folder.glob(f"{name}.svg")] for folder in (tmp_path, PUBLISHED))
    assert drawn == kept


def test_the_list_of_datasets_names_every_committed_figure(rows):
    listed = datasets_printed(rows).set_index("dataset")
    assert {ROOT / path for path in listed.figure} == set(PUBLISHED.glob("*.svg"))
    assert listed.accuracies.sum() == len(rows) and (listed["operations compare"] <= listed.accuracies).all()
    without = rows.assign(gflops=float("nan"), params_m=float("nan"))
    assert set(datasets_printed(without).figure) == {""} and not datasets_printed(without)["operations compare"].any()


def test_an_unknown_dataset_or_no_table_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no published tables"):
        draw_all_published(tmp_path)
    text = (PUBLISHED / "rubiksnet.csv").read_text().replace("Something-Something-V2", "Something-Else", 1)
    (tmp_path / "rubiksnet.csv").write_text(text)
    with pytest.raises(
        ValueError, match="rubiksnet.csv: no dataset 'Something-Else'; there are Something-Something V1"
    ):
        accuracy_rows(tmp_path)


def test_a_publisher_of_whom_nobody_knows_what_it_counts_is_refused(tmp_path):
    text = (PUBLISHED / "x3d.csv").read_text().replace("SlowFast,X3D-S", "Others,X3D-S", 1)
    (tmp_path / "x3d.csv").write_text(text)
    with pytest.raises(ValueError, match="no rule of bench.report.published_rows is about x3d, Others X3D-S"):
        accuracy_rows(tmp_path)
