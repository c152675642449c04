"""Look at a published checkpoint, or convert it.

Which net it fits, what became of every key, what the weights expect to see.
"""

import re
from dataclasses import asdict
from pathlib import Path

from lib.models.efficient3dcnns import parse_file_name
from lib.weights.loading import load_weights, told_by
from lib.weights.published import compare, nearest_text
from lib.weights.reading import read_weights
from lib.weights.safetensors import save_converted, sha256

# how other systems' file names tell the net: pattern, our name
FILE_NAMES = [
    (r"(?P<kind>ir|ip)csn.*_r(?P<depth>\d+)", "{kind}csn_{depth}"),
    (r"CSN_\d+x\d+_R(?P<depth>\d+)\.pyth", "ircsn_{depth}"),
    (r"(?i)(?<![a-z])x3d_(?P<size>xs|s|m|l)(?![a-z])", "x3d_{size}"),
]
SHOWN = 3  # keys of a list that are printed


EXAMPLE = "python -m bench checkpoint kinetics_mobilenetv2_0.45x_RGB_16_best.pth"


def add_arguments(parser):
    parser.add_argument("file", help="a published checkpoint")
    parser.add_argument("--as", dest="name", metavar="NAME", help="the net (guessed from the file)")
    parser.add_argument("--out", metavar="FILE.safetensors", help="convert it, with its preprocessing in the metadata")


def run(*, file, name=None, out=None):
    inspect(file, name, out)


def inspect(path, name=None, out=None):
    """Print the report of a published file; with `out`, convert it to safetensors.  -> the net's name

    name  of the net; None: the one that the file's name and tensors tell
    """
    path, said = Path(path), _said(Path(path).name)
    if out and Path(out).exists() and Path(out).samefile(path):
        raise ValueError(f"--out {out} is the file itself; name another")
    others = []
    if name is None:
        (name, *others), alike = guess(path, said)
        if out:  # what is written says whose it is
            name = _the_one(path, [name, *others], alike)
    loaded = load_weights(name, path)
    print("\n".join(_lines(path, name, others, said, loaded)))
    if out:
        save_converted(name, loaded, path, out)
        print(f"{'written':15}{out}")
    return name


def net_of(path):
    """The name of the net whose weights a file holds: published, converted, or a run's.

    ValueError: none, or several have these tensors and compute other things with them
    """
    path = Path(path)
    names, alike = guess(path, _said(path.name))
    return _the_one(path, names, alike)


def _the_one(path, names, alike):
    if alike > 1:
        raise ValueError(f"{path} does not say whose it is: {', '.join(names[:alike])} have these tensors and do other "
                         "things with them; say which by --as NAME")  # fmt: skip
    return names[0]


def guess(path, said):
    """The nets that a file fits, likeliest first: the file name's own net, then the fewest keys left.

    said  what the file name tells, `_said`
    -> (names, how many of the first fit alike)
    """
    tensors, beside = read_weights(path)
    if name := told_by(path, beside).get("model"):
        return [name], 1
    for pattern in [said["model"], "*"] if "model" in said else ["*"]:
        fitting = [
            (len(match.missing) + len(match.unused), name) for name, match in compare(tensors, pattern) if match.fits
        ]
        if fitting:
            best = min(left for left, _ in fitting)
            names = list(dict.fromkeys(name for _, name in sorted(fitting)))
            return names, len({name for left, name in fitting if left == best})
    raise ValueError(f"{path} fits none of our nets; {nearest_text(tensors)}")


def _said(file_name):
    """What a file's name tells: {"model": "ircsn_152", ...}; {} if nothing."""
    if told := parse_file_name(file_name):
        return told
    for pattern, name in FILE_NAMES:
        if found := re.search(pattern, file_name):
            return {"model": name.format(**{key: value.lower() for key, value in found.groupdict().items()})}
    return {}


def _lines(path, name, others, said, loaded):
    report, shown = loaded.report, {"model": name, **loaded.report.options}
    yield f"{path.name}: {name}, {report.layout} layout"
    rows = {
        "fits too": ", ".join(others),
        "file name": _pairs(said),
        "options": _pairs({key: "(as in the file)" if key == "plan" else v for key, v in report.options.items()}),
        "renamed": _some([f"{theirs} -> {ours}" for theirs, ours in report.renamed.items()]),
        "missing": _some(report.missing),
        "unused": _some(report.unused),
        "preprocessing": _pairs(_preprocessing(loaded.preprocessing)),
        "sha256": sha256(path),
    }
    for title, text in rows.items():
        if text:
            yield f"{title:15}{text}"
    for key in said.keys() & shown.keys():
        if said[key] != shown[key]:
            yield f"{'warning':15}the file name says {key}={said[key]}, the tensors {key}={shown[key]}"


def _preprocessing(seen):
    said = asdict(seen)
    said.pop("said")
    pixels = said.pop("pixels") or {"pixels": "unknown: training and extracting ask for --pixels"}
    return {key: value for key, value in {**pixels, **said}.items() if value not in ("", 0)}


def _pairs(values):
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _some(items):
    """How many, and the first of them."""
    return f"{len(items)}: {', '.join(items[:SHOWN])}{', ...' * (len(items) > SHOWN)}" if items else "none"
