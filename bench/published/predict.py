"""Say what published weights see in videos.

The five likeliest classes of every video, its views by the protocol of the weights.
"""

import csv
import sys
from dataclasses import replace
from pathlib import Path

EXAMPLE = "python -m bench predict kinetics_mobilenetv2_0.45x_RGB_16_best.pth my_videos --classes kinetics.txt"
COLUMNS = ("path", "status", "rank", "class", "name", "score", "protocol", "weights")


def add_arguments(parser):
    parser.add_argument("weights", help="a published checkpoint, or what `bench checkpoint --out` made of it")
    parser.add_argument("videos", nargs="+", metavar="VIDEO", help="files, or folders of them")
    parser.add_argument("--classes", metavar="FILE", help="a name per line, such as a manifest's classes.txt (numbers)")
    parser.add_argument("--as", dest="name", metavar="NAME", help="the net (guessed from the file)")
    parser.add_argument("--protocol", metavar="NAME", help="of lib.data.protocols (that of the weights' system)")
    parser.add_argument("--pixels", metavar="NAME", help="of lib.data.PIXELS, for weights that do not say theirs")
    parser.add_argument("--out", metavar="FILE.csv", help="keep the answers")
    parser.add_argument("--batch-size", type=int, default=4, metavar="N", help="views (4)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--precision",
        default="fp32",
        choices=("fp32", "bf16"),
        help="bf16 is faster, and changes about 1 answer in 300 (fp32)",
    )


def run(
    *,
    weights,
    videos,
    classes=None,
    name=None,
    protocol=None,
    pixels=None,
    out=None,
    batch_size=4,
    device="cpu",
    precision="fp32",
):
    """Print the answers, write them to `out`; a video that cannot be read is a line.  -> 1 if there is one, else 0"""
    from bench.published.checkpoint import net_of
    from lib.data.protocols import weights_protocol
    from lib.evaluate.unlabelled import classify
    from lib.files import printable
    from lib.fusing import fused_for
    from lib.weights.loading import load_weights, with_pixels

    files, names = list(_files(videos)), _names(classes)
    loaded = load_weights(name or net_of(weights), weights)
    seen = weights_protocol(with_pixels(weights, loaded.preprocessing, pixels), protocol)
    if loaded.preprocessing.note:
        print(f"{Path(weights).name}: {loaded.preprocessing.note}", file=sys.stderr)
    loaded = replace(loaded, model=fused_for(loaded.model, seen, precision, device))
    rows, broken = [], 0
    for answer in classify(loaded, files, names, protocol=seen, batch_size=batch_size, device=device):
        print("\n".join(map(printable, _lines(answer))), flush=True)
        broken += answer.status != "ok"
        rows += [
            dict(zip(COLUMNS, (answer.path, answer.status, *cells, seen.name, Path(weights).name), strict=True))
            for cells in [(rank, *each) for rank, each in enumerate(answer.top, 1)] or [("", "", "", "")]
        ]
    if out:
        _write(out, rows)
    return int(broken > 0)


def _files(paths):
    from data_prep.tree import VIDEO_SUFFIXES

    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        found = (file for file in path.rglob("*") if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file())
        found = sorted(file for file in found if not file.name.startswith("."))  # as of macOS: ._a.mp4 beside a.mp4
        if not found:
            raise ValueError(f"{path} holds no video: {' '.join(sorted(VIDEO_SUFFIXES))} are known")
        yield from found


def _names(file):
    from data_prep.class_names import read_classes

    return read_classes(file) if file is not None else None


def _lines(answer):
    if answer.status != "ok":
        yield f"{answer.path}: cannot be read: {answer.status}"
        return
    yield answer.path
    for number, name, score in answer.top:
        yield f"  {100 * score:5.1f} %  {name}" + (f" ({number})" if name != str(number) else "")


def _write(out, rows):
    from lib.files import replacing

    with replacing(out) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    print(f"written {out}")
