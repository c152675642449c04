"""The embedded dataset: one shape moves in small videos.

It moves among distractors, in H.264, and there are two label sets.

motion   8 classes: move left, right, up, down, grow, shrink, turn clockwise, counter-clockwise; needs time
shape    8 classes: arch, bar, comb, cross, ...; every frame shows it

motion.py draws the labels and the object's path, scene.py all else that a video shows, drawing.py the pixels; they
need numpy only, so that `render` works where no codec is installed. Here videos become files:

    OUT/moving_shapes.json                the arguments, written first
    OUT/videos/{train,val,test}/00000.mp4
    OUT/{motion,shape}/                   manifest.csv, classes.txt, dataset.json, written last
"""

import hashlib
import os
from functools import partial
from pathlib import Path

from data_prep.moving_shapes.drawing import render_scene
from data_prep.moving_shapes.motion import DIFFICULTIES, MOTIONS, PLAIN, SPLITS, draw_format, labels
from data_prep.moving_shapes.scene import SHAPE_NAMES, draw_scene
from data_prep.workers import check_workers, survive
from lib.files import locked, printable, read_object, replacing, write_json

EXAMPLE = "python -m data_prep moving_shapes --out data/moving_shapes"
# label set: its classes, and the pairs of them that a mirror image exchanges; in the order of `labels`
LABEL_SETS = {
    "motion": (tuple(MOTIONS), (("move_left", "move_right"), ("turn_clockwise", "turn_counterclockwise"))),
    "shape": (SHAPE_NAMES, ()),
}
# Every 8th frame is a key frame: a clip sampled all over the video decodes little in vain. Without B-frames, and so in
# the order of display, every reader counts the frames alike.
H264 = {"preset": "superfast", "crf": "20", "g": "8", "bf": "0", "sc_threshold": "0"}


def render(index, split, *, frames=32, size=64, seed=0, difficulty=PLAIN):
    """Draw video `index` of a split.  -> uint8 (T, H, W, 3) RGB, {"motion": label, "shape": label}

    T is between 3/4 `frames` and `frames`; the short side is `size` pixels. The same bytes on every machine.
    """
    options = {"frames": frames, "size": size, "seed": seed, "difficulty": difficulty}
    check_options(**options)
    picture = render_scene(draw_scene(index, split, **options))
    return picture, dict(zip(LABEL_SETS, labels(index, split, seed), strict=True))


def split_counts(videos):
    """2/3 train, 1/9 val, 2/9 test.  -> {split: videos}"""
    train, val = videos * 2 // 3, videos // 9
    return {"train": train, "val": val, "test": videos - train - val}


def prepare(out, *, videos=1152, frames=32, size=64, seed=0, difficulty=PLAIN, workers=None, progress=True):
    """Make the dataset in folder `out`, or finish it, or find it done.  -> {"motion": Manifest, "shape": Manifest}

    frames   of the longest video; the shortest has 3/4 of that
    size     short side in pixels, even
    difficulty  a name in DIFFICULTIES: how slow motion can be, how much else moves
    workers  processes; default: one per core, 1 = this one alone
    A folder made with other arguments is a ValueError. A second process waits for the first and finds its work done.
    """
    from lib.data.manifest import read_manifest

    out = Path(out)
    options = {"frames": frames, "size": size, "seed": seed, "difficulty": difficulty}
    check_options(videos=videos, workers=workers, **options)
    check_workers(workers)
    jobs = [(split, index) for split, count in split_counts(videos).items() for index in range(count)]
    with locked(out, "moving_shapes.lock", waiting=f"{out}: another process prepares it, waiting"):
        _claim(out, {"videos": videos, **options, "drawing": _fingerprint(**options)})
        there = {split: set(os.listdir(_split_folder(out, split))) for split in SPLITS}
        missing = [(split, index) for split, index in jobs if _file_name(index) not in there[split]]
        if missing:
            _write_videos(out, missing, options, workers, progress)
        done = not missing and all((out / name / "dataset.json").is_file() for name in LABEL_SETS)
        if done and progress:
            print(f"{out}: moving_shapes is there already, {videos} videos")
        return {name: read_manifest(out / name) if done else _describe(out, name, jobs, options) for name in LABEL_SETS}


def write_mp4(path, frames, fps):
    """Encode (T, H, W, 3) uint8 RGB, H and W even, as H.264 in MP4, atomically; fps is a Fraction."""
    import av

    with replacing(path) as temporary, av.open(str(temporary), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=fps, options=H264)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1  # processes are the parallelism
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())


def check_options(*, frames=32, size=64, seed=0, difficulty=PLAIN, videos=9, workers=None):
    """ValueError: an option that no dataset can be made of."""
    rules = [
        ("videos", videos, videos >= 9, "at least 9: one for val, two for test"),
        ("frames", frames, frames >= 8, "at least 8"),
        ("size", size, size >= 32 and size % 2 == 0, "even, for H.264's 4:2:0 colour, and at least 32"),
        ("seed", seed, 0 <= seed < 2**32, "in 0..2^32-1"),
        ("difficulty", difficulty, difficulty in DIFFICULTIES, " or ".join(DIFFICULTIES)),
        ("workers", workers, workers is None or workers >= 1, "at least 1, or None for one per core"),
    ]
    for name, value, right, rule in rules:
        if not right:
            raise ValueError(f"{name} is {value}; it must be {rule}")


def _claim(out, arguments):
    """Record what the folder is made of, or refuse a folder that is made of something else."""
    record = out / "moving_shapes.json"
    if not record.is_file():
        write_json(record, arguments)
    found = {"difficulty": PLAIN, **read_object(record)}  # what was made before there was another
    differences = [
        f"{key} {printable(str(found.get(key)))[:60]}, not {value}"
        for key, value in arguments.items()
        if found.get(key) != value
    ]
    if differences:  # the last of them alone: the same arguments, drawn by another version of this package
        raise ValueError(f"{out} was prepared with {'; '.join(differences)}: choose another folder, or delete this one")
    for split in SPLITS:
        _split_folder(out, split).mkdir(parents=True, exist_ok=True)
        for leftover in _split_folder(out, split).glob(".*.tmp"):  # of a process that was killed
            leftover.unlink()


def _fingerprint(**options):
    """8 hex digits that change when the drawing does: a folder must not mix two versions of it."""
    pixels = b"".join(render(0, split, **options)[0].tobytes() for split in SPLITS)
    return hashlib.sha256(pixels).hexdigest()[:8]


def _write_videos(out, missing, options, workers, progress):
    from tqdm.auto import tqdm

    write, processes = partial(_write_video, out, options), 0 if workers == 1 else workers
    videos = survive(write, missing, processes, jobs_each=32)  # a process takes half a second to start
    for job, _, reason in tqdm(videos, "moving_shapes", len(missing), unit="video", disable=not progress):
        if reason:
            raise OSError(f"{out}: video {job} was not written, {reason}; run the same command again")


def _write_video(out, options, job):
    split, index = job
    fps = _format(index, split, **options).fps
    write_mp4(_split_folder(out, split) / _file_name(index), render(index, split, **options)[0], fps)


def _describe(out, name, jobs, options):
    """Write one label set's manifest; nothing is decoded for it."""
    from lib.data.manifest import Video, write_manifest

    classes, mirrored = LABEL_SETS[name]
    which = list(LABEL_SETS).index(name)
    videos = []
    for split, index in jobs:
        form = _format(index, split, **options)
        label = labels(index, split, options["seed"])[which]
        path = f"videos/{split}/{_file_name(index)}"
        videos.append(Video(path, label, split, None, None, form.frames, float(form.fps), form.width, form.height))
    pairs = [(classes.index(first), classes.index(second)) for first, second in mirrored]
    difficulty = [] if options["difficulty"] == PLAIN else [options["difficulty"]]
    with locked(out / name):
        return write_manifest(
            out / name,
            contents=False,  # x264 gives a video other bytes when another came before it in the same process
            name="_".join(["moving_shapes", *difficulty, name]),
            source="video",
            root="..",
            classes=classes,
            videos=videos,
            mirror_pairs=pairs,
        )


def _format(index, split, *, frames, size, seed, difficulty):
    return draw_format(index, split, frames, size, seed)  # of any difficulty


def _split_folder(out, split):
    return out / "videos" / split


def _file_name(index):
    return f"{index:05d}.mp4"


def add_arguments(parser):
    """The options of `python -m data_prep moving_shapes`."""
    parser.add_argument("--videos", type=int, default=1152, help="2/3 train, 1/9 val, 2/9 test (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=32, help="of the longest video (default: %(default)s)")
    parser.add_argument("--size", type=int, default=64, help="short side in pixels, even (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other videos (default: %(default)s)")
    parser.add_argument("--difficulty", default=PLAIN, metavar="NAME", help=f"{', '.join(DIFFICULTIES)} (%(default)s)")
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
