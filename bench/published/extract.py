"""Run published weights over every view of a split.

The scores are kept in a file: `bench merge` reads it.
"""

EXAMPLE = "python -m bench extract dg_p3d_50 best.pth data/ucf101/split1 --out scores.npz"
# option: of what
CHANGES = {"frames": "of a clip", "frame-stride": "of a clip", "clips": "a video", "size": "of a clip, pixels"}


def add_arguments(parser):
    parser.add_argument("name", help="of the net, such as dg_p3d_50")
    parser.add_argument("checkpoint", help="its published weights")
    parser.add_argument("folder", help="of the manifest")
    parser.add_argument("--out", required=True, metavar="FILE.npz", help="the scores; numpy.load opens them")
    parser.add_argument("--split", default="test")
    parser.add_argument("--protocol", metavar="NAME", help="of lib.data.protocols (that of the weights' system)")
    for option, of in CHANGES.items():
        parser.add_argument(f"--{option}", type=int, metavar="N", help=f"{of}, where it is not the protocol's")
    parser.add_argument("--pixels", metavar="NAME", help="of lib.data.PIXELS, for weights that do not say theirs")
    parser.add_argument("--crop", help="a test crop of lib.data.crops, where it is not the protocol's")
    parser.add_argument("--batch-size", type=int, default=4, metavar="N", help="views (4)")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--precision",
        default="fp32",
        choices=("fp32", "bf16"),
        help="bf16 is faster, and changes about 1 answer in 300 (fp32)",
    )


def run(*, batch_size, workers, device, precision, **options):
    from bench.published.scores import extract

    extract(how={"batch_size": batch_size, "workers": workers, "device": device, "precision": precision}, **options)
