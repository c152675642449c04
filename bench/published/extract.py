"""Run published weights over every view of a split.

The scores are kept in a file: `bench merge` reads it.
"""

EXAMPLE = "python -m bench extract dg_p3d_50 best.pth data/ucf101/split1 --out scores.npz"
# option: its default
NUMBERS = {"segments": 1, "run": 16, "frame-stride": 1, "clips": 10, "size": 256, "batch-size": 4, "workers": 0}


def add_arguments(parser):
    parser.add_argument("name", help="of the net, such as dg_p3d_50")
    parser.add_argument("checkpoint", help="its published weights")
    parser.add_argument("folder", help="of the manifest")
    parser.add_argument("--out", required=True, metavar="FILE.npz", help="the scores; numpy.load opens them")
    parser.add_argument("--split", default="test")
    for option, default in NUMBERS.items():
        parser.add_argument(f"--{option}", type=int, default=default, help=f"({default})")
    parser.add_argument("--crop", default="three_corners", help="a test crop of lib.data.crops (three_corners)")
    parser.add_argument("--device", default="cpu")


def run(*, segments, run, frame_stride, **options):
    from bench.published.scores import extract

    extract(stage={"num_segments": segments, "clip_length": run, "num_steps": frame_stride}, **options)
