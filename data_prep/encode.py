"""One video, encoded again: upright, small, of one colour space, at a constant rate, and held against its source."""

from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from lib.files import replacing

# Without B-frames, and so in the order of display, every reader counts the frames alike. Without the macroblock tree,
# whose state outlives an encoder, a video's bytes do not depend on what the process encoded before it.
H264 = {"preset": "medium", "bf": "0", "sc_threshold": "0", "mbtree": "0"}
BT601, LIMITED = 5, 1  # FFmpeg's numbers; what readers take for granted that know no tags
COLOUR_TOLERANCE = 6  # grey levels by which a rewritten video's patches may differ, and more if they hold detail
GRID = 4  # patches per side of a frame
JITTER = 2.5  # frames by which times may be off in a video of constant rate: some muxers delay the first
MOST_REPEATED = 20  # times a video of varying rate may grow when its rate becomes constant


def new_path(path):
    """`a/b.avi` -> `a/b.avi.mp4`; the name of an MP4 file stays."""
    return path if path.endswith(".mp4") else f"{path}.mp4"


def encode_one(path, *, root, out, short_side, gop, crf):
    """Encode one video.  -> why it could not be done or None, what was lost in words or "\""""
    import av

    from lib.data.verify import LenientReader

    source, target = Path(root) / path, Path(out) / new_path(path)
    try:
        video = LenientReader(source)
        with replacing(target) as temporary:
            shown = _encode(source, temporary, video, short_side, H264 | {"g": str(gop), "crf": str(crf)})
            _compare(temporary, shown, crf)
    except (ValueError, OSError, av.FFmpegError) as error:
        return " ".join(str(error).replace(str(source), "it").removeprefix("it ").split())[:160], ""
    return None, video.lost


def _encode(source, target, video, short_side, codec_options):
    """-> {number: patch colours of the source frame}, of up to 8 of the frames that were written"""
    import av

    from lib.data.streams import Converter, decoded, open_container, video_stream

    scale, upright, patches = min(1, short_side / min(video.height, video.width)), Converter(), {}
    height, width = (max(2, round(side * scale / 2) * 2) for side in (video.height, video.width))
    small = partial(_small, width=width, height=height, upright=upright)
    with open_container(source) as given, av.open(str(target), "w", format="mp4") as made:
        rate = max(Fraction(video.fps).limit_denominator(1001), Fraction(1, 1001))
        stream = made.add_stream("libx264", rate=rate, options=codec_options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        context = stream.codec_context
        context.thread_count = 1  # processes are the parallelism
        context.colorspace, context.color_range = BT601, LIMITED
        frames = decoded(given, video_stream(given), errors=[])
        for number, frame in enumerate(_constant_rate(frames, video)):
            if number % max(1, video.frames // 8) == 0:
                patches[number] = _patches(_resized(upright(frame), width, height))
            frame = small(frame)
            frame.pts, frame.time_base, frame.pict_type = number, 1 / rate, 0
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return patches


def _small(frame, *, width, height, upright):
    """A frame upright, of the new size, in the one colour space that is written."""
    import av

    if upright.turns(frame):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(upright(frame)), format="rgb24")
    new = {"dst_colorspace": BT601, "dst_color_range": LIMITED, "interpolation": "BICUBIC"}
    frame = frame.reformat(width, height, "yuv420p", **new)
    frame.colorspace, frame.color_range = BT601, LIMITED
    return frame


def _resized(pixels, width, height):
    import av

    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    return frame.reformat(width, height, interpolation="BICUBIC").to_ndarray()


def _patches(pixels):
    """Mean and standard deviation of a frame's GRID x GRID patches.  -> float (2, GRID * GRID, 3)"""
    cells = [
        cell for row in np.array_split(pixels, min(GRID, len(pixels))) for cell in np.array_split(row, GRID, axis=1)
    ]
    cells = [cell for cell in cells if cell.size]
    return np.array([[cell.mean((0, 1)) for cell in cells], [cell.std((0, 1)) for cell in cells]])


def _compare(file, patches, crf):
    """ValueError: a written video's patches have not the colours of the source; where detail is, it blurs them."""
    from lib.data.streams import Converter, decoded, open_container, video_stream

    with open_container(file) as container:
        convert = Converter()
        for number, frame in enumerate(decoded(container, video_stream(container))):
            if number in patches:
                colours, detail = patches[number]
                apart = np.abs(_patches(convert(frame))[0] - colours)
                if (apart > COLOUR_TOLERANCE + detail / 2).any():
                    raise ValueError(
                        f"its colours change by {apart.max():.0f} levels in frame {number} when encoded with crf {crf}"
                    )


def _constant_rate(frames, video):
    """All frames of a video; if its rate varies, the one shown at 0, 1 / fps, 2 / fps, ... s"""
    if video.drift <= JITTER / video.fps:
        yield from frames
        return
    shown, number, first, most = None, 0, None, MOST_REPEATED * video.frames + 1000
    for frame in frames:
        time = frame.time if frame.time is not None else number / video.fps + (first or 0.0)
        first = time if first is None else first
        while shown is not None and number / video.fps < time - first:
            yield shown
            number += 1
            if number > most:
                raise ValueError(f"its frames' times leap: {frame.time - first:.0f} s for {video.frames} frames")
        shown = frame
    yield shown
