"""Small videos for the tests of lib.data."""

from fractions import Fraction

import av
import numpy as np

from lib.data import Video, write_manifest


def moving_pattern(frames, height, width, seed=0):
    """A smooth drifting texture: every frame differs from its neighbours.  -> uint8 (frames, height, width, 3)"""
    rng = np.random.default_rng(seed)
    y, x, t = np.ogrid[:height, :width, :frames]
    waves = [np.sin(x / a + y / b + t / 2 + c) for a, b, c in rng.uniform(4, 9, (3, 3))]
    clip = np.stack(waves, axis=-1).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(np.round(127.5 + 120 * clip), dtype=np.uint8)


def write_video(path, frames, *, fps=30, gop=6, b_frames=2, codec="libx264"):
    """Encode uint8 (T, H, W, 3) as H.264 in MP4, with a short GOP and B-frames; or by another codec."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {"g": str(gop), "bf": str(b_frames), **({"crf": "20"} if codec == "libx264" else {})}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def write_dataset(folder, *, videos=6, frames=12, size=(32, 40), mirror_pairs=((0, 1),)):
    """A dataset of `videos` files in three classes; the last two are val and test, the others train.  -> Manifest"""
    rows = []
    for i in range(videos):
        split = "train" if i < videos - 2 else ("val", "test")[i - videos + 2]
        length = frames + i  # lengths differ, so that a mixed-up index shows
        write_video(folder / "videos" / f"{i}.mp4", moving_pattern(length, *size, seed=i))
        rows.append(Video(f"videos/{i}.mp4", i % 3, split, None, None, length, 30.0, size[1], size[0]))
    return write_manifest(
        folder / "motion",
        name="pattern",
        source="video",
        root="..",
        classes=["left", "right", "up"],
        videos=rows,
        mirror_pairs=mirror_pairs,
    )
