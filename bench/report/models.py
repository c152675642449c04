"""Write the table of all nets: system, options, cost, source.

Costs are of one clip, counted without memory: 8 x 64 x 64 for our CPU-size nets, 16 x 112 x 112 for all others.
The last layer is counted too, with each net's default number of classes: 400; of CAKES and the RubiksNets 174.
"""

from lib.run import ROOT

EXAMPLE = "python -m bench models"
CLIP, NANO_CLIP = (3, 16, 112, 112), (3, 8, 64, 64)


def add_arguments(parser):
    parser.add_argument("--out", metavar="FILE", help="the table (results/shipped/models.md)")


def run(*, out=None):
    import pandas as pd

    from bench.report.text import to_markdown
    from lib.files import write_text
    from lib.models import list_models

    table = to_markdown(pd.DataFrame(map(model_row, list_models())))
    out = out or ROOT / "results" / "shipped" / "models.md"
    write_text(out, f"# Every net of the registry\n\n{' '.join(__doc__.splitlines()[2:]).strip()}\n\n{table}\n")
    print(out)


def model_row(name):
    """One net's row, built on the meta device."""
    import torch

    from lib import create_model, measure_cost
    from lib.models.registry import entry, model_options

    clip = NANO_CLIP if name.endswith("_nano") else CLIP
    with torch.device("meta"):
        cost = measure_cost(create_model(name), clip)
    ours = "; this size is ours, in no paper" if name.endswith("_nano") and entry(name).source else ""
    options = {key: value for key, value in model_options(name).items() if key != "num_classes"}
    return {
        "net": name,
        "system": entry(name).system,
        "options": ", ".join(f"{key}={value!r}" for key, value in options.items()),
        "clip": "x".join(map(str, clip[1:])),
        "params M": f"{cost.params / 1e6:.3f}",
        "GMACs": f"{cost.macs / 1e9:.3f}",
        "source": entry(name).source + ours,
    }
