"""Write the table of what works for which family of nets.

Load, fine-tune, 16 bits, export, ONNX, features, predict.

A small member of every family with published files goes every way; a cell says "yes", or why not. Its weights are
random, its batch norms as after a training. In 16 bits: the largest difference from the logits of float32, in percent
of the largest logit, and on how many of four clips of noise the likeliest of 9 classes stays the same. Over 10 % it is
called rough: errors of random weights grow from layer to layer.
"""

import copy
import tempfile
from pathlib import Path

from lib.run import ROOT, provenance

EXAMPLE = "python -m bench support"
# net: (options, frames, pixels): a small member of every family that has published files
FAMILIES = {
    "mobilenet3d": ({"width": 0.25}, 16, 32),
    "mobilenetv2_3d": ({"width": 0.2}, 16, 32),
    "shufflenet3d": ({"width": 0.5}, 16, 48),
    "shufflenetv2_3d": ({"width": 0.25}, 16, 32),
    "squeezenet3d": ({}, 16, 32),
    "resnet3d_10": ({}, 8, 32),
    "resnext3d_50": ({"cardinality": 4}, 8, 32),
    "c3d": ({"frames": 9, "size": 16}, 9, 16),
    "ircsn_26": ({}, 4, 32),
    "ipcsn_26": ({}, 4, 32),
    "csn_r3d_26": ({"groups": 64}, 4, 32),
    "rubiksnet_tiny": ({"variant": "rubiks3d-aq"}, 2, 32),
    "tsm_50": ({}, 2, 32),
    "cakes_50": ({}, 2, 32),
    "gst_50": ({}, 2, 32),
    "p3d_18": ({"early_stride": 1}, 2, 32),
    "r2p1d_18": ({"early_stride": 1}, 2, 32),
    "dg_p3d_50": ({"early_stride": 1}, 4, 32),
    "lgd_p3d_50": ({"early_stride": 1}, 2, 32),
    "s3dg": ({}, 8, 32),
    "resnet2d_18": ({}, 2, 32),
    "eftnet_b0": ({}, 2, 32),
    "vit_t_p16": ({"size": 32}, 2, 32),
    "vit_deit_t_p16": ({"size": 32}, 2, 32),
    "seq_p3d_eftnet_b0": ({"early_stride": 1}, 2, 32),
    "x3d_xs": ({}, 4, 32),
}
ROUGH = 10  # percent of the largest logit: what is further off in 16 bits is not called right
LATER = ("stage_2", "stage_3", "stage_4")  # as "stage_1", in the tables of lib.weights.fine_tune


def add_arguments(parser):
    parser.add_argument("pattern", nargs="?", default="*", help="of the families' nets, with wildcards (all)")
    parser.add_argument("--out", metavar="FILE", help="the table (results/shipped/support.md)")


def run(*, pattern="*", out=None):
    from bench.report.text import to_markdown
    from lib.files import write_text

    out = out or ROOT / "results" / "shipped" / "support.md"
    table, text = to_markdown(support(pattern)), " ".join(__doc__.splitlines()[4:])
    made = "torch {torch} on {device}, commit {commit}".format(**provenance())
    write_text(out, f"# What works for which family\n\n{text}\n\n{table}\n\nMade by `{EXAMPLE}`: {made}.\n")
    print(out)


def support(pattern="*", families=None):
    """A row per family, a column per way: "yes", or the reason why not.  -> DataFrame"""
    from fnmatch import filter as matching

    import pandas as pd

    from lib.weights.fine_tune import FREEZE

    families = FAMILIES if families is None else families
    names = matching(families, pattern)
    if not names:
        raise ValueError(f"no family matches {pattern!r}; there are {', '.join(families)}")
    ways = {"load": _load}
    ways |= {f"freeze {frozen or 'nothing'}": _fine_tune(frozen) for frozen in FREEZE if frozen not in LATER}
    ways |= {"half": _sixteen_bits("float16"), "bf16": _sixteen_bits("bfloat16")}
    ways |= {"export": _export, "ONNX": _onnx, "features": _features, "predict": _predict}
    return pd.DataFrame([_row(name, *families[name], ways) for name in names])


def _row(name, options, frames, size, ways):
    import torch

    from lib import create_model, load_published
    from lib.data import PIXELS
    from lib.weights.published import save_published

    row = {"net": " ".join([name, *(f"{key}={value}" for key, value in options.items())])}
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        x = torch.randn(2, 3, frames, size, size)
        net = _settled(create_model(name, num_classes=9, **options), x)
        path = Path(folder) / "weights.pth"
        save_published(name, net, path)
        pixels = load_published(name, path, **options).preprocessing.pixels or PIXELS["own"]  # some files do not say
        case = {"name": name, "options": options, "net": net, "path": path, "x": x, "pixels": pixels}
        for way, tried in ways.items():
            try:
                row[way] = tried(**case) or "yes"
            except Exception as error:  # whatever it is, it is the reason in the cell
                row[way] = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
        return row


def _settled(net, x):
    """The net, its batch norms as after a training: a fresh one's activations vanish, and 16 bits with them."""
    import torch

    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm3d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        net.train()(torch.randn(16, *x.shape[1:]))
    for norm in norms:
        norm.momentum = 0.1
    return net.eval()


def _differs(got, want, reach=1e-3):
    """ "" where two nets' logits agree, else by how much they do not."""
    distance = float((got - want).abs().max() / want.abs().max())
    return "" if distance <= reach else f"logits differ by {100 * distance:.1f} % of the largest"


def _logits(net, x):
    import torch

    with torch.no_grad():
        return net.eval()(x)


def _load(name, options, net, path, x, pixels):
    from lib import load_published

    return _differs(_logits(load_published(name, path, **options).model, x), _logits(net, x))


def _fine_tune(frozen):
    """Two steps from published weights to 3 classes: the head has to move. (Tests say exactly what else may.)"""

    def tried(name, options, net, path, x, pixels):
        import torch

        from lib.losses import heads_loss
        from lib.weights.fine_tune import start_from

        try:
            started, _ = start_from(name, path, 3, frozen, pixels=pixels, **options)
        except ValueError as refusal:
            if "no batch norms to freeze" not in str(refusal):
                raise
            return f"no: {refusal}"  # by design, so without the error's name
        before = {key: value.clone() for key, value in started.named_parameters()}
        trained = [parameter for parameter in started.parameters() if parameter.requires_grad]
        optimizer = torch.optim.SGD(trained, 0.01, 0.9, weight_decay=0.01)
        for _ in range(2):
            optimizer.zero_grad()
            heads_loss(started.train()(x), torch.tensor([0, 1])).backward()
            optimizer.step()
        moved = {key for key, value in started.named_parameters() if not torch.equal(value, before[key])}
        still = {f"{head}.weight" for head in started.head_names} - moved
        return f"did not move: {', '.join(sorted(still))}" if still else ""

    return tried


def _sixteen_bits(dtype):
    """How far from float32, and whether the likeliest class is the same: on the case's clips and as many others."""

    def tried(name, options, net, path, x, pixels):
        import torch

        clips, small, to = torch.cat([x, x.flip(1, 2, 4)]), copy.deepcopy(net), getattr(torch, dtype)
        want, got = _logits(net, clips), _logits(small.to(to), clips.to(to)).float()
        if not got.isfinite().all():
            return "logits are not finite"
        off = 100 * float((got - want).abs().max() / want.abs().max())
        same = int((got.argmax(1) == want.argmax(1)).sum())
        return f"{'yes' if off <= ROUGH else 'rough'}, {off:.2g} % off, top-1 equal on {same} of {len(clips)}"

    return tried


def _export(name, options, net, path, x, pixels):
    import torch

    program = torch.export.export(net.eval(), (), {"x": x})
    with torch.no_grad():
        return _differs(program.module()(x=x), _logits(net, x))


def _onnx(name, options, net, path, x, pixels):
    import torch

    from lib.export import save_onnx

    try:
        import onnxruntime
    except ImportError:
        return 'not tried: needs the extra "export"'
    file = save_onnx(net, tuple(x.shape[1:]), path.with_suffix(".onnx"))
    (got,) = onnxruntime.InferenceSession(file).run(["logits"], {"x": x.numpy()})
    return _differs(torch.from_numpy(got), _logits(net, x))


def _features(name, options, net, path, x, pixels):
    features = net.eval().features(x)
    return "" if features.ndim == 2 and len(features) == len(x) else f"shape {tuple(features.shape)}"


def _predict(name, options, net, path, x, pixels):
    """One video of noise, by a protocol of the clip's size with the weights' own pixels."""
    import numpy as np

    from data_prep.moving_shapes.dataset import write_mp4
    from lib import load_published
    from lib.data.protocol import own_protocol
    from lib.evaluate.unlabelled import classify

    video = path.with_suffix(".mp4")
    write_mp4(video, np.random.default_rng(0).integers(0, 256, (24, 48, 64, 3), dtype=np.uint8), 25)
    loaded = load_published(name, path, **options)
    protocol = own_protocol(frames=x.shape[2], size=x.shape[3], pixels=pixels)
    (answer,) = classify(loaded, [video], protocol=protocol, batch_size=1)
    return "" if answer.status == "ok" and len(answer.top) == 5 else answer.status
