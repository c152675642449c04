"""A video file as PyAV sees it: the stream that counts, its rate, its frames in order, their pixels.

FFmpeg opens whatever it recognises, also lists of other files; decord does so too and cannot be told otherwise. So
every reader passes a file through `check_container` before a demuxer sees it.
"""

import re
from fractions import Fraction

import numpy as np

# Text by which FFmpeg's demuxers (hls, concat, dash, sdp, asf) know a file that only names other files
NAMES_FILES = re.compile(rb"^\s*(#EXTM3U|ffconcat|v=0\s|\[(Reference|playlist)\]|<asx|<smil)|<MPD[\s>]", re.IGNORECASE)

UPRIGHT = (False, 1, 1)


def check_container(path):
    """ValueError: the file is a playlist, which would make a demuxer read other files."""
    with open(path, "rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf")
    if NAMES_FILES.search(head):
        raise ValueError("it is a playlist that names other files, not a video")


def open_container(path):
    """Open a file, never a playlist or a protocol, for reading.  -> PyAV container, a context manager"""
    import av

    check_container(path)
    return av.open(str(path.absolute()))


def video_stream(container):
    """The video stream that counts: the default one, else the first; a picture of the cover is none.

    ValueError: there is none
    """
    from av.stream import Disposition

    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise ValueError("it has no video stream")
    stream = next((s for s in streams if s.disposition & Disposition.default), streams[0])
    if stream.codec_context is None:
        raise ValueError("FFmpeg has no decoder for it")
    stream.thread_count = 1  # processes are the parallelism
    return stream


def frame_rate(stream):
    """Frames per second as the container says it; ValueError if it does not."""
    if not stream.average_rate:
        raise ValueError("its frame rate is not known: reencode it")
    return float(stream.average_rate)


def decoded(container, stream, errors=None):
    """The frames of a stream, in the order of display.

    errors  a list: what cannot be decoded is passed over, and its reason kept there; None: it raises
    """
    packets = container.demux(stream)
    while (packet := _next(packets, errors)) is not None:
        try:
            yield from packet.decode()
        except _errors() as error:
            if errors is None:
                raise
            errors.append(str(error))


def _next(packets, errors):
    try:
        return next(packets, None)
    except _errors() as error:
        if errors is None:
            raise
        errors.append(str(error))
        return None


def _errors():
    import av

    return av.FFmpegError


class Converter:
    """PyAV frames to uint8 (H, W, 3) RGB, upright as their file asks players to turn and mirror them.

    decord turns them by itself, and mirrors none. Colours follow the frame's own tags. One per video: a conversion that
    is set up anew for each frame costs more than the decoding.
    """

    def __init__(self):
        from av.video.reformatter import VideoReformatter

        self._reformat, self._turn, self._rotation = VideoReformatter().reformat, None, None

    def __call__(self, frame):
        pixels = self._reformat(frame, format="rgb24", threads=1).to_ndarray()  # threads cost more than a small frame
        if not self.turns(frame):
            return pixels
        swapped, down, right = self._turn
        return (pixels.swapaxes(0, 1) if swapped else pixels)[::down, ::right]

    def turns(self, frame):
        """Is this frame to be shown otherwise than it is stored?"""
        if frame.rotation != self._rotation:  # the first frame, or a file that was put together
            self._rotation, self._turn = frame.rotation, _display(frame)
        return self._turn not in (None, UPRIGHT)


def _display(frame):
    """How a frame is shown, by its display matrix.  -> rows and columns swapped?, step along rows, along columns"""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return UPRIGHT
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()  # x' = a x + c y, y' = b x + d y
    swapped = abs(b) + abs(c) > abs(a) + abs(d)
    down, right = (b, c) if swapped else (d, a)
    return swapped, -1 if down < 0 else 1, -1 if right < 0 else 1


def rate_of_times(times):
    """The rate that frames' own times, in seconds, come to: of n frames the n - 1 steps' mean.  -> Fraction or None"""
    times = [time for time in times if time is not None]
    if len(times) < 2 or times[-1] <= times[0]:
        return None
    return Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(1001)
