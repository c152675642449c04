"""The papers' five claims, and the comparisons that were planned for each before anything was trained.

A claim says that `a` exceeds `b`. Its paper's figures are rows of results/published, found by what stands in them.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """Rows of results/published/<table>.csv: each {column: value} finds exactly one."""

    table: str
    rows: tuple[dict, ...]
    remark: str = ""  # what the published tables do not hold


class Claim(NamedTuple):
    number: int
    says: str
    paper: Published
    of: str  # a kind of READERS in claims.py: differences, train_loss, searches
    a: str  # net, or of a search the end of its notebook's name
    b: str  # net, or of a search the start of the rival's name: every such rival is one comparison
    where: dict = {}  # of a search: further {column: value} of searches.csv


CENTRE = "1 (centre)"


def _light(model, *variants):
    return Published(
        "efficient3dcnns",
        tuple({"model": model, "variant": v, "dataset": "Jester val", "crops": CENTRE} for v in variants),
    )


CSN = Published(
    "csn",
    (
        {"system": "VMZ", "model": "ir-CSN-152", "variant": "from scratch"},
        {"system": "VMZ", "model": "ip-CSN-152", "variant": "from scratch"},
        {"system": "VMZ", "model": "R(2+1)D-152", "variant": "from scratch"},
    ),
    "neither a dense net of this depth nor a training accuracy is in the published tables",
)
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
COST, PERFORMANCE = (
    Published(
        "cakes",
        ({"variant": variant, "input (frames x size)": "8x224", "top1": top1},),
        "no random deal is in the published tables",
    )
    for variant, top1 in (("CAKES12D_C", "46.8"), ("CAKES123D_P", "47.2"))
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
LADDERS = (
    (_light("3D-MobileNetV1", "1.0x", "0.5x"), "mobilenet3d_nano"),
    (_light("3D-ShuffleNetV1", "1.0x_g3", "0.5x_g3"), "shufflenet3d_nano"),
    (_light("3D-MobileNetV2", "1.0x", "0.2x"), "mobilenetv2_3d_nano"),
    (_light("3D-ShuffleNetV2", "1.0x", "0.25x"), "shufflenetv2_3d_nano"),
)

CLAIMS = (
    *(
        Claim(1, WIDER, paper, "differences", wide, narrow)
        for paper, net in LADDERS
        for wide, narrow in (
            (net, f"{net} width=0.5"),
            (f"{net} width=0.5", f"{net} width=0.25"),
        )
    ),
    Claim(2, "CSN gets more right on test, at fewer MACs", CSN, "differences", "ircsn_nano", "csn_r3d_nano"),
    Claim(2, "CSN fits its training clips less", CSN, "train_loss", "ircsn_nano", "csn_r3d_nano"),
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
