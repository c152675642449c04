"""Count the cost of every net, beside the published figures.

Published against measured: what every net costs by our count, and by that of whoever published a figure for it.

Nets are built and run on the meta device, at their published sizes: nothing is allocated or computed.
"""

import json
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd
import torch

from bench.published import counting_rules
from bench.published.printed_costs import explain, printed, published_figures, rule_of, size_of
from bench.report.csv_files import write
from lib import create_model, list_models, measure_cost
from lib.cost import Recorder, record
from lib.models import model_options, system_of
from lib.models.registry import entry
from lib.run import ROOT

EXAMPLE = "python -m bench costs"

# system: (classes, sizes as (frames, pixels), of all nets or by net); most published figures are for the first size
SIZES = {
    "Efficient-3DCNNs": (600, [(16, 112)]),
    "CSN": (400, [(32, 256), (32, 224)]),
    "RubiksNet": (174, [(8, 224)]),
    "CAKES": (174, [(8, 224)]),
    "Optimization Planning": (400, [(16, 224)]),
    "X3D": (
        400,
        {
            "x3d_xs": [(4, 182), (4, 160)],
            "x3d_s": [(13, 182), (13, 160), (13, 192)],
            "x3d_m": [(16, 256), (16, 224)],
            "x3d_l": [(16, 356), (16, 312)],
        },
    ),
}
# further variants, beside the registry's own
MORE = {
    "shufflenet3d": [{"groups": groups, "width": width} for groups in (1, 2, 4, 8) for width in (1.0, 2.0)],
    "cakes_50": [{"op": op} for op in ("conv1_2_3d", "convst", "mixconv1d")],
    "rubiksnet_*": [{"variant": "rubiks3d-aq"}],
}
# what `_compared` says of a net that nobody published a figure for
NOBODY = {
    **dict.fromkeys(
        ["publisher", "published_params_m", "params_by_its_rule_m", "published_gflops", "by_its_rule_g"], ""
    ),
    **{"rule": "", "differs": "", "note": "no figure published"},
}
# fvcore runs real forwards, so: one small member per kind of net, (frames, pixels)
FVCORE = {
    **dict.fromkeys(["mobilenet3d", "mobilenetv2_3d", "shufflenet3d", "shufflenetv2_3d", "squeezenet3d"], (16, 64)),
    **dict.fromkeys(["resnet3d_18", "resnext3d_50", "i3d_18", "p3d_18", "r2p1d_18", "dg_p3d_50", "s3d"], (16, 64)),
    **dict.fromkeys(["ircsn_26", "ipcsn_26", "csn_r3d_26", "cakes_50", "gst_50", "rubiksnet_tiny", "tsm_50"], (8, 64)),
    "c3d": (16, 112),
}


def cost_table(pattern="*"):
    """One row per net, size and published figure; figures of nobody are empty.  -> DataFrame

    pattern  of the nets' names, with wildcards
    """
    published = {}
    for figure in published_figures():
        published.setdefault(_key(*figure["net"]), []).append(figure)
    rows = []
    for name, options in _nets(published.values()):
        if not fnmatch(name, pattern):
            continue
        classes, sizes = SIZES[system_of(name)]
        sizes = sizes[name] if isinstance(sizes, dict) else sizes
        with torch.device("meta"):
            net = create_model(name, num_classes=classes, **options)
        for index, size in enumerate(sizes):
            figures = [each for each in published.get(_key(name, options), []) if size_of(each) == index]
            rows += _rows(net, name, options, classes, size, figures or [None])
    return pd.DataFrame(rows)


def add_arguments(parser):
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where results lie (the clone)")
    parser.add_argument("--fvcore", action="store_true", help="also fvcore's count, by a real forward at a small size")


def run(**options):
    write_costs(**options)


def write_costs(out=ROOT, fvcore=False):
    """Write results/costs/costs.csv and .md; with `fvcore`, fvcore.csv and .md too. Print what does not agree."""
    folder, table = Path(out) / "results" / "costs", cost_table()
    write(table, folder, "costs")
    figures = table[table.publisher != ""]
    print(f"{len(table)} rows, {len(figures)} published figures, of which these are not what their own rule gives:")
    for row in figures[figures.differs != ""].itertuples():
        print(f"  {row.publisher}: {row.model} {row.options}: {row.differs}; {row.note}")
    print(f"table   {folder / 'costs.csv'}")
    if fvcore:
        write(fvcore_table(), folder, "fvcore")
        print(f"table   {folder / 'fvcore.csv'}")


def fvcore_table(nets=None):
    """fvcore's total of a real forward at a small size, beside its rule: multiply-accumulates + 2 per norm element."""
    rows = []
    for name, (frames, pixels) in (nets or FVCORE).items():
        clip = (3, frames, pixels, pixels)
        with torch.device("meta"):
            net = create_model(name)
        net.to_empty(device="cpu")
        for tensor in net.state_dict().values():
            tensor.zero_()  # what the weights are does not matter, but a shift by noise would leave the clip
        total = measure_cost(net, clip, fvcore=True).fvcore_total
        rule = counting_rules.with_norms(net, record(net, clip))
        rows.append({"model": name, "frames": frames, "size": pixels, "fvcore": total, "macs_and_norms": rule,
                     "ratio": round(total / rule, 4)})  # fmt: skip
    return pd.DataFrame(rows)


def _key(name, options):
    """A net, whether its options are given or default."""
    return name, json.dumps({**model_options(name), **options, "num_classes": None}, sort_keys=True)


def _nets(published):
    """[(name, options)], each once: the published ones, then all others of the registry, but the nano nets."""
    nets = [figures[0]["net"] for figures in published]
    for name in list_models():
        if system_of(name) not in SIZES or name.endswith("_nano"):
            continue
        more = next((options for pattern, options in MORE.items() if fnmatch(name, pattern)), [])
        nets += [(name, options) for options in [*entry(name).variants, *more]]
    unique = {_key(*net): net for net in reversed(nets)}
    return sorted(unique.values(), key=lambda net: (list(SIZES).index(system_of(net[0])), net[0], repr(net[1])))


def _rows(net, name, options, classes, size, figures):
    """The rows of one net at one size: one per published figure, or one."""
    clip = (3, size[0], size[1], size[1])
    with Recorder() as recorder:  # one forward pass, looked at by all
        cost = measure_cost(net, clip)
    calls = recorder.calls
    counted = {
        "system": system_of(name),
        "model": name,
        "options": json.dumps(options, sort_keys=True),
        "classes": classes,
        "frames": size[0],
        "size": size[1],
        "params": cost.params,
        "macs": cost.macs,
        "macs_and_norms": counting_rules.with_norms(net, calls),
        "interactions": counting_rules.interactions(net, calls),
        "table8_ops": counting_rules.table8_ops(net, calls) if system_of(name) == "Efficient-3DCNNs" else "",
        "mbytes_moved": round(cost.bytes_moved / 1e6, 1),
    }
    return [{**counted, **(_compared(net, calls, figure, system_of(name)) if figure else NOBODY)} for figure in figures]


def _compared(net, calls, figure, system):
    """A published figure beside what its own rule gives."""
    operations, parameters, _ = rule = rule_of(figure, system)
    gflops, params_m = operations(net, calls) / 1e9, parameters(net) / 1e6
    wrong = {
        "parameters": not printed(params_m, figure["params_m"]),
        "operations": not printed(gflops, figure["gflops"]),
    }
    differs = " and ".join(what for what, differ in wrong.items() if differ)
    return {
        "publisher": figure["publisher"],
        "published_params_m": figure["params_m"],
        "params_by_its_rule_m": round(params_m, 6),
        "published_gflops": figure["gflops"],
        "by_its_rule_g": round(gflops, 6),
        "rule": operations.__name__,
        "differs": differs,
        "note": explain(figure, differs, rule),
    }
