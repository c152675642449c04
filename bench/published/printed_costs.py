"""The costs that others published (results/published/*.csv): which net of ours they mean, and how they were counted."""

import re
from fnmatch import fnmatch

from bench.published import counting_rules as counts
from bench.report.csv_files import read_table
from lib.run import ROOT

PUBLISHED = ROOT / "results" / "published"
# "model variant" of a published row: our net, fixed options; named groups that the name does not use are options too
NETS = [
    (r"3D-ShuffleNetV1 (?P<width>[\d.]+)x_g(?P<groups>\d)", "shufflenet3d"),
    (r"3D-ShuffleNetV2 (?P<width>[\d.]+)x", "shufflenetv2_3d"),
    (r"3D-MobileNetV1 (?P<width>[\d.]+)x", "mobilenet3d"),
    (r"3D-MobileNetV2 (?P<width>[\d.]+)x", "mobilenetv2_3d"),
    (r"3D-SqueezeNet (?P<version>[\d.]+)", "squeezenet3d"),
    (r"ResNet (?P<depth>\d+)_(?P<shortcut>[AB])", "resnet3d_{depth}"),
    (r"ResNeXt (?P<depth>\d+)_(?P<shortcut>[AB])_(?P<cardinality>\d+)", "resnext3d_{depth}"),
    (r"(?P<kind>ir|ip)-CSN-(?P<depth>\d+) .*", "{kind}csn_{depth}"),
    (r"(?P<tier>Tiny|Small|Medium|Large) (?P<variant>rubiks3d(-aq)?)( .*)?", "rubiksnet_{tier}"),
    (r"I3D-ResNet50 (?P<plan>CAKES\w+)", "cakes_50"),
    (r"I3D-ResNet50 (?P<op>conv\w+) .*", "cakes_50"),
    (r"GST-ResNet50 .*alpha=(?P<alpha>\d) beta=(?P<beta>\d)", "gst_50"),
    (r"X3D-(?P<size>XS|S|M|L) from scratch", "x3d_{size}"),
    (r"X3D-(?P<size>XS|S|M|L) from scratch \(.*\)", "x3d_{size}", {"shortcut_norm": False}),
    (r"X3D-(?P<size>XS|S|M|L) (ported from SlowFast|efficient_x3d_\w+ fp32)", "x3d_{size}", {"head_pool": None}),
]
GUESTS = ("today.csv",)  # nets of others, to compare accuracies with
NOT_OURS = ["I3D *", "G-Blend *", "R(2+1)D-*", "X3D-* int8 *"]  # quoted for comparison by the same tables
NUMBERS = {"width": float, "groups": int, "cardinality": int, "alpha": int, "beta": int}
# publisher, or publisher and system: how operations are counted, how parameters, what to know of it
RULES = {
    "Efficient-3DCNNs": (
        counts.table8_ops,
        counts.parameters,
        "its 'FLOPs' are multiply-adds of convolutions, plus single operations of norms, ReLUs, pools",
    ),
    "VMZ": (counts.vmz, counts.weights_only, "at 32x256x256, though its table says 224; four head positions"),
    "CSN paper": (counts.vmz, counts.weights_only, "at 32x256x256, though its table says 224"),
    "mmaction2-0.x": (counts.mmaction2_0x, counts.parameters, "multiply-adds, plus norms, ReLUs, pools"),
    "mmaction2-1.x": (
        counts.mmaction2_1x,
        counts.parameters,
        "at 32x256x256, though its table says 224; multiply-adds plus norms, without the head",
    ),
    "pytorchvideo": (counts.pytorchvideo, counts.parameters, "at 32x256x256; 5 per norm element, without the head"),
    "RubiksNet": (
        counts.rubiksnet,
        counts.without_filters,
        "their rule is unknown; multiply-adds plus norms and shifts fit it, multiply-adds alone are 3 to 5 % lower",
    ),
    "CAKES": (counts.macs, counts.parameters, "multiply-adds, measured in the original code"),
    "GST": (counts.macs, counts.parameters, "multiply-adds, measured in the original code"),
    "SlowFast": (counts.slowfast, counts.parameters, "at the training crop, without the classifier"),
    ("pytorchvideo", "X3D"): (counts.pytorchvideo_x3d, counts.parameters, "at the test crop; 5 per norm element"),
    **dict.fromkeys(
        [("mmaction2-0.x", "X3D"), ("mmaction2-1.x", "X3D")],
        (counts.mmaction2_x3d, counts.parameters, "multiply-adds, norms, ReLUs, pools, biases; S at 192 x 192"),
    ),
    "pytorchvideo accelerator": (counts.macs, counts.parameters, "no operations published"),
}
# (publisher, "model variant"): which of the net's sizes in costs.SIZES the figure is for, where it is not the first
AT = {("SlowFast", "X3D-*"): 1, ("mmaction2-*", "X3D-S *"): 2}
# (publisher, "model variant"): why what it printed is not what its rule gives
WHY = {
    ("Efficient-3DCNNs", "ResNet 18_A"): "33.36 M fits no exact net; 33.24 M (2019) is this one with 400 classes",
    ("Efficient-3DCNNs", "ResNet 50_B"): "its operations are shortcut A's; 44.54 M fits no exact net, B was trained",
    ("Efficient-3DCNNs", "ResNet 101_B"): "its operations are shortcut A's; 83.58 M fits no exact net, B was trained",
    ("mmaction2-1.x", "ir-CSN-152 Sports-1M*"): "both figures of this row are ip-CSN-152's, by mistake",
    ("mmaction2-1.x", "ir-CSN-152 IG-65M*"): "97.64 by the rule that gives its other figures, 97.63 printed",
    ("CSN paper", "ip-CSN-152 from scratch"): "a secondary table's row: its figures are ir-CSN-152's, at 32x224x224",
    ("RubiksNet", "Medium *"): "their rule is unknown; the fit that gives the other nets is 0.8 % too high here",
}


def published_figures():
    """One dict per publisher, net and pair of figures: publisher, title, net, params_m and gflops as printed or ""."""
    rows = {}
    for path in sorted(set(PUBLISHED.glob("*.csv")) - {PUBLISHED / name for name in GUESTS}):
        table = read_table(path, ("system", "model", "variant", "params_m", "gflops"), numbers=())
        for row in table[(table.params_m != "") | (table.gflops != "")].itertuples():
            title = f"{row.model} {row.variant}"
            if any(fnmatch(title, pattern) for pattern in NOT_OURS):
                continue
            figures = {"net": our_net(title), "params_m": row.params_m, "gflops": row.gflops}
            key = (row.system, repr(figures))
            rows.setdefault(key, {"publisher": row.system, "title": title, **figures})
    return list(rows.values())


def our_net(title):
    """(name, options) of our net that a published "model variant" means."""
    for pattern, name, *fixed in NETS:
        if found := re.fullmatch(pattern, title):
            said = {key: NUMBERS.get(key, str)(value) for key, value in found.groupdict().items() if value}
            options = {key: value for key, value in said.items() if f"{{{key}}}" not in name and key in OPTIONS}
            return name.format(**said).lower(), {**options, **(fixed[0] if fixed else {})}
    raise ValueError(f"{title!r} of results/published is none of our nets: add it to NETS or to NOT_OURS")


OPTIONS = {*NUMBERS, "version", "shortcut", "variant", "plan", "op"}


def rule_of(figure, system):
    """(operations, parameters, note) of whoever published a figure of a net of this system."""
    publisher = figure["publisher"]
    return RULES.get((publisher, system)) or RULES[publisher]


def size_of(figure):
    """Which of a net's sizes a figure is for."""
    sizes = (size for key, size in AT.items() if all(map(fnmatch, (figure["publisher"], figure["title"]), key)))
    return next(sizes, 0)


def explain(figure, differs, rule):
    """One line: why the printed figures differ from those of their own rule, or else what the rule counts."""
    for (publisher, title), why in WHY.items():
        if differs and publisher == figure["publisher"] and fnmatch(figure["title"], title):
            return why
    return rule[2]


def printed(value, text):
    """Whether `value`, rounded to the digits of `text`, is `text`; True if there is no text."""
    decimals = len(text.partition(".")[2])
    return not text or f"{value:.{decimals}f}" == text
