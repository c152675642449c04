"""The papers' five claims, and the comparisons that were planned for each before anything was trained.

A claim says that `a` exceeds `b`. Its paper's figures are rows of results/published, found by what stands in them.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """Rows of results/published/<table>.csv: each {column: value} finds exactly one."""

    table: str
    rows: tuple[dict, ...]
    remark: str = ""  # where they are of another comparison, or of another measure, than the claim's row


class Claim(NamedTuple):
    number: int
    says: str
    paper: Published
    of: str  # a kind of READERS in claims.py: differences, train_loss, searches
    a: str  # net, or of a search the end of its notebook's name
    b: str  # net, or of a search the start of the rival's name: every such rival is one comparison
    where: dict = {}  # of a search: further {column: value} of searches.csv


# What is said of a comparison that holds, and of one that is decided the other way.
HOLDS, OPPOSITE = "holds here", "the opposite holds here"
PLANS = 5  # the claim whose search chooses weights, not a schedule alone
SAYS = {
    1: "Efficient-3DCNNs: the wider light net gets more right",
    2: "CSN: it fits its training clips less, and gets more right on test",
    3: "RubiksNet: a learned shift gets more right than a fixed one or none",
    4: "CAKES: searched sub-kernels get more right than an even or a random deal",
    PLANS: "Optimization Planning: a planned schedule gets more right than a hand-made one",
}
CENTRE = "1 (centre)"


def _light(model, *variants, not_there=""):
    """The two published widths that are nearest to a row's; which of the row's own are `not_there`."""
    return Published(
        "efficient3dcnns",
        tuple({"model": model, "variant": v, "dataset": "Jester val", "crops": CENTRE} for v in variants),
        f"other widths: no {not_there} is in the published tables" if not_there else "",
    )


def _csn(remark):
    nets = ("ir-CSN-152", "ip-CSN-152", "R(2+1)D-152")
    return Published("csn", tuple({"system": "VMZ", "model": net, "variant": "from scratch"} for net in nets), remark)


CSN = _csn("against R(2+1)D; no dense net of this depth is in the published tables")
CSN_TRAINING = _csn("not of training clips; the paper says training accuracy, here it is the training loss")
RUBIKS = Published(
    "rubiksnet",
    (
        {"model": "Large", "variant": "rubiks3d", "clips": "2", "source": "README"},
        {"system": "TSM", "model": "ResNet-50", "dataset": "Something-Something-V2", "input (frames x size)": "8x256"},
    ),
    "two nets, not one with two kinds of shift, which the published tables do not hold",
)
TSM = Published(
    "rubiksnet",
    (
        {"model": "ResNet-50", "variant": "uniform", "input (frames x size)": "8x224", "crops": "1"},
        {"model": "TSN ResNet-50 (no shift)", "variant": "uniform", "crops": "1"},
    ),
    "a fixed shift against none: no learned one against none is in the published tables",
)
NO_RIVAL = "no even or random deal is in the published tables"
COST, PERFORMANCE = (
    Published("cakes", ({"variant": variant, "input (frames x size)": "8x224", "top1": top1},), remark)
    for variant, top1, remark in (
        ("CAKES12D_C", "46.8", f"searched over 1D and 2D kinds, here 3D too; {NO_RIVAL}"),
        ("CAKES123D_P", "47.2", NO_RIVAL),
    )
)
PLANNED = Published(
    "optplan",
    ({"dataset": "Kinetics-400", "source": "ICML 2021 abstract"},),
    "no hand-made schedule's top-1 is in the published tables",
)
SHIFT = "a learned shift gets more right than"
NINE_LAYERS = "cakes_deep_nano"
DEALS, SCHEDULES = "search_sub_kernels", "plan_the_optimization"

WIDER = "of a light net, the wider one gets more right"
# net: what the paper prints for width 1 minus 0.5, and for 0.5 minus 0.25
V1, V2 = ("3D-MobileNetV1", "3D-ShuffleNetV1"), ("3D-MobileNetV2", "3D-ShuffleNetV2")
LADDERS = {
    "mobilenet3d_nano": (_light(V1[0], "1.0x", "0.5x"), _light(V1[0], "1.0x", "0.5x", not_there="0.25x")),
    "shufflenet3d_nano": (_light(V1[1], "1.0x_g3", "0.5x_g3"), _light(V1[1], "1.0x_g3", "0.5x_g3", not_there="0.25x")),
    "mobilenetv2_3d_nano": (
        _light(V2[0], "1.0x", "0.45x", not_there="0.5x"),
        _light(V2[0], "0.45x", "0.2x", not_there="0.5x or 0.25x"),
    ),
    "shufflenetv2_3d_nano": (_light(V2[1], "1.0x", "0.25x", not_there="0.5x"),) * 2,
}

CLAIMS = (
    *(
        Claim(1, WIDER, paper, "differences", wide, narrow)
        for net, papers in LADDERS.items()
        for paper, wide, narrow in (
            (papers[0], net, f"{net} width=0.5"),
            (papers[1], f"{net} width=0.5", f"{net} width=0.25"),
        )
    ),
    Claim(2, "CSN gets more right on test, at fewer MACs", CSN, "differences", "ircsn_nano", "csn_r3d_nano"),
    Claim(2, "CSN fits its training clips less", CSN_TRAINING, "train_loss", "ircsn_nano", "csn_r3d_nano"),
    Claim(3, f"{SHIFT} none", TSM, "differences", "rubiksnet_nano", "rubiksnet_nano shift=none"),
    Claim(3, f"{SHIFT} a fixed one", RUBIKS, "differences", "rubiksnet_nano", "rubiksnet_nano shift=fixed"),
    Claim(3, f"{SHIFT} a fixed one", RUBIKS, "differences", "rubiksnet_nano", "rubiksnet_nano shift=fixed-cube"),
    *(
        Claim(4, f"{searched} {rival}", paper, "searches", DEALS, start, {"priority": priority, "model": NINE_LAYERS})
        for priority, paper in (("cost", COST), ("performance", PERFORMANCE))
        for searched in [f"sub-kernels searched for {priority} get more right than"]
        for start, rival in (("uniform", "an even deal"), ("random", "a random one of equal cost"))
    ),
    *(
        Claim(5, "a planned schedule gets more right than a hand-made one", PLANNED, "searches", SCHEDULES, by_hand)
        for by_hand in ("cosine", "steps", "constant")
    ),
)
