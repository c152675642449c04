"""A zoo of video files: containers x codecs and GOP structures, every frame with its number and colours painted in."""

from itertools import product

import av
import numpy as np

HEIGHT, WIDTH, BLOCK, BITS = 64, 96, 12, 8
COLOURS = ((200, 60, 50), (60, 180, 70), (50, 70, 200), (210, 190, 60), (60, 60, 60), (190, 190, 190))
CONTAINERS = ("mp4", "mov", "mkv", "webm", "avi", "ts", "mpg", "flv", "wmv", "3gp", "m2ts", "nut")
X265 = "log-level=none:pools=none:frame-threads=1"
# name: encoder, its options, pixel format; a GOP of 12 frames unless the name says otherwise
CODECS = {
    "h264": ("libx264", {"g": "12", "bf": "0"}, "yuv420p"),
    "h264_b": ("libx264", {"g": "12", "bf": "3", "flags": "+cgop"}, "yuv420p"),
    "h264_open": ("libx264", {"g": "12", "x264-params": "open-gop=1:bframes=3:log=-1", "keyint_min": "1"}, "yuv420p"),
    "h264_long": ("libx264", {"g": "250", "bf": "2"}, "yuv420p"),
    "h264_intra": ("libx264", {"g": "1"}, "yuv420p"),
    "h264_refresh": ("libx264", {"g": "12", "bf": "0", "intra-refresh": "1"}, "yuv420p"),
    "hevc": ("libx265", {"g": "12", "x265-params": f"{X265}:keyint=12:min-keyint=1"}, "yuv420p"),
    "hevc_closed": ("libx265", {"x265-params": f"{X265}:keyint=12:min-keyint=12:open-gop=0"}, "yuv420p"),
    "hevc_plain": ("libx265", {"x265-params": f"{X265}:keyint=12:bframes=0:open-gop=0"}, "yuv420p"),
    "mpeg4": ("mpeg4", {"g": "12", "bf": "0", "b": "3M", "qmin": "1", "qmax": "3"}, "yuv420p"),
    "mpeg4_b": ("mpeg4", {"g": "12", "bf": "2", "b": "3M", "qmin": "1", "qmax": "3"}, "yuv420p"),
    "mpeg1": ("mpeg1video", {"g": "12", "bf": "2", "b": "3M", "qmin": "1", "qmax": "3"}, "yuv420p"),
    "mpeg2": ("mpeg2video", {"g": "12", "bf": "0", "b": "3M", "qmin": "1", "qmax": "3"}, "yuv420p"),
    "mpeg2_b": ("mpeg2video", {"g": "12", "bf": "2", "b": "3M", "qmin": "1", "qmax": "3"}, "yuv420p"),
    "vp8": (
        "libvpx",
        {"g": "12", "b": "3M", "qmin": "1", "qmax": "3", "auto-alt-ref": "1", "lag-in-frames": "10"},
        "yuv420p",
    ),
    "vp9": ("libvpx-vp9", {"g": "12", "crf": "8", "b": "0", "row-mt": "0", "cpu-used": "8"}, "yuv420p"),
    "av1": ("libsvtav1", {"g": "12", "preset": "8", "crf": "18", "svtav1-params": "lp=1"}, "yuv420p"),
    "mjpeg": ("mjpeg", {"qmin": "1", "qmax": "2", "b": "9M"}, "yuvj420p"),
    "ffv1": ("ffv1", {"g": "1"}, "yuv420p"),
    "wmv2": ("wmv2", {"g": "12", "b": "3M", "qmin": "1", "qmax": "3"}, "yuv420p"),
    "flv1": ("flv", {"g": "12", "b": "3M", "qmin": "1", "qmax": "3"}, "yuv420p"),
}
FORMATS = {"mpg": "mpeg", "wmv": "asf", "ts": "mpegts", "m2ts": "mpegts", "mkv": "matroska"}


def painted(frames):
    """Frame i shows i as bright and dark blocks, over colour patches and a moving bar.  -> uint8 (T, H, W, 3)"""
    clip = np.full((frames, HEIGHT, WIDTH, 3), 100, np.uint8)
    for i, frame in enumerate(clip):
        for bit in range(BITS):
            frame[4 : 4 + BLOCK, BLOCK * bit : BLOCK * (bit + 1)] = 230 if i >> bit & 1 else 25
        for k, colour in enumerate(COLOURS):
            frame[24:44, 16 * k : 16 * (k + 1)] = colour
        frame[50:60, (3 * i) % (WIDTH - 8) :][:, :8] = 240
    return clip


def read_numbers(frames):
    """The numbers painted into frames (T, H, W, 3) of any size, or of their upper part.  -> int (T,)"""
    height, width = frames.shape[1:3]
    row = frames[:, round(10 * height / HEIGHT)].astype(int).mean(-1)
    columns = [round((BLOCK * bit + BLOCK / 2) * width / WIDTH) for bit in range(BITS)]
    return ((row[:, columns] > 128) << np.arange(BITS)).sum(1)


def read_colours(frames):
    """The patches' mean colours.  -> float (T, len(COLOURS), 3)"""
    height, width = frames.shape[1:3]
    rows = frames[:, round(30 * height / HEIGHT) : round(38 * height / HEIGHT)]
    return np.stack(
        [
            rows[:, :, round((16 * k + 5) * width / WIDTH) : round((16 * k + 11) * width / WIDTH)].mean((1, 2))
            for k in range(len(COLOURS))
        ],
        1,
    )


def write_zoo_file(path, clip, codec, rate=25):
    """Encode a clip; raises av.FFmpegError or ValueError where this container does not take this codec."""
    encoder, options, pixels = CODECS[codec]
    suffix = path.suffix[1:]
    with av.open(str(path), "w", format=FORMATS.get(suffix, suffix)) as container:
        stream = container.add_stream(encoder, rate=rate, options=dict(options))
        stream.height, stream.width, stream.pix_fmt = *clip.shape[1:3], pixels
        stream.codec_context.thread_count = 1
        for picture in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def write_zoo(folder, frames, containers=CONTAINERS, codecs=CODECS):
    """Every pair that the muxers take.  -> sorted file names"""
    folder.mkdir(parents=True, exist_ok=True)
    clip, names = painted(frames), []
    for suffix, codec in product(containers, codecs):
        path = folder / f"{codec}.{suffix}"
        try:
            write_zoo_file(path, clip, codec)
        except (av.FFmpegError, ValueError):
            path.unlink(missing_ok=True)
        else:
            names.append(path.name)
    return sorted(names)


def write_tagged(path, pixels, space, extent):
    """A video of flat patches that is converted to, and tagged with, a matrix and a range."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"bf": "0", "qp": "4"})
        stream.height, stream.width, stream.pix_fmt = 64, 96, pixels
        stream.codec_context.colorspace, stream.codec_context.color_range = space, extent
        for image in painted(3):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(format=pixels, dst_colorspace=space, dst_color_range=extent)
            frame.colorspace, frame.color_range = space, extent
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
