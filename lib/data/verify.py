"""Is a video file whole, and does a number name the same frame however it is asked for? Else no video becomes `ok`.

decord returns wrong pixels for flipped bytes and a shorter video for a file that was cut, and its random access names
other frames in many containers, all without an error. So every frame is decoded once, in order and strictly, and held
against what the stream claims; then the reader that training uses is asked for both ends of every GOP.
"""

import zlib
from collections import deque

import numpy as np

from lib.data.readers import PyAVReader, VideoReader, open_video
from lib.data.streams import Converter, decoded, frame_rate, open_container, rate_of_times, video_stream

ROUNDING = 4  # grey levels by which two builds' conversions of one frame may differ
EIGHT = 8  # frames of a clip that are asked for at once
INSIDE = 12  # of a long GOP, this frame is asked for as well
GUESSED = ("mpeg", "mpegts", "h264", "hevc", "m4v", "mpegvideo")  # containers that say no length: FFmpeg guesses it


class StrictReader(PyAVReader):
    """Decodes everything when it is opened; any error of the decoder raises.

    .gops           per GOP, {number: checksum of its pixels}: its first and last frame, one between; if frames are out
                    of order in the file, the last three
    .missing_share  of the stream that it claims but that is not there, 0 to 1
    .drift          largest distance in seconds between a frame's own time and i / fps; large: a variable frame rate
    .ordered        has every frame a time, and do they rise?
    .note           what a user should know of a usable file, "" if nothing
    """

    def _open(self):
        with open_container(self.path) as container:
            stream = video_stream(container)
            stream.codec_context.options = {"err_detect": "explode"}
            self.fps = frame_rate(stream)
            self.note = _choice(container, stream)
            seen, reach = _Seen(), 0.0
            for packet in container.demux():
                if packet.pts is not None:
                    reach = max(reach, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.stream.index == stream.index:
                    seen.packet(packet)
                    for frame in packet.decode():
                        seen.frame(frame)
            seen.end()
            if len(seen.sizes) > 1:
                sizes = " ".join(f"{w}x{h}" for w, h in list(seen.sizes)[:4])
                raise ValueError(f"its frames have several sizes: {sizes}")
            self.frames, self.gops, (self.height, self.width) = len(seen.times), seen.gops, seen.upright
            times = [time for time in seen.times if time is not None] or [0.0]
            self.ordered = _in_order(seen.times)
            self.missing_share = _missing(container, stream, times, self.frames + seen.discarded, self.fps, reach)
        self.drift = _drift(times, self.fps)


class LenientReader(PyAVReader):
    """Decodes all that can be decoded when it is opened, and passes over the rest.

    .errors   why something was passed over, one reason each
    .lost     what is not there, in words, "" if nothing is known to be missing
    .drift    as of a StrictReader, 0 if times are missing or not in order; a rate that the file does not say is taken
              from the frames' times
    """

    def _open(self):
        self.errors, times, sizes, corrupt = [], [], {}, 0
        with open_container(self.path) as container:
            stream = video_stream(container)
            for frame in decoded(container, stream, self.errors):
                times.append(frame.time)
                sizes.setdefault((frame.width, frame.height), frame)
                corrupt += frame.is_corrupt
            if not times:
                raise ValueError(f"nothing in it can be decoded: {(self.errors or ['it is empty'])[0]}")
            self.frames, claimed, rate = len(times), stream.frames, stream.average_rate
            real = rate_of_times(times) if _in_order(times) else None
            rate = None if real and rate and rate > 10 * real else rate  # a clock's ticks, not frames
            self.fps = float(rate or real or 25)
            self.height, self.width = Converter()(next(iter(sizes.values()))).shape[:2]
            known = [time for time in times if time is not None] or [0.0]
            missing = _missing(container, stream, known, self.frames, self.fps, float("inf"))
        self.drift = _drift(known, self.fps) if _in_order(times) else 0.0
        facts = {
            f"{len(self.errors)} packets could not be decoded": self.errors,
            f"{corrupt} frames are damaged": corrupt,
            f"{self.frames} of {claimed} frames are there": claimed and missing > 0.05,
            f"it ends {missing:.0%} early": not claimed and missing > 0.05,
            f"frames of {len(sizes)} sizes became one": len(sizes) > 1,
            f"its frame rate was not known: {self.fps:g} from its frames' times": not rate,
        }
        self.lost = ", ".join(fact for fact, true in facts.items() if true)


class _Seen:
    """What is noted of packets and frames as they pass: times, sizes, and checksums at both ends of every GOP."""

    def __init__(self):
        self.times, self.sizes, self.gops, self.upright, self.discarded = [], {}, [], (0, 0), 0
        self._packets, self._keys, self._inside, self._last = 0, set(), INSIDE, deque(maxlen=1)
        self._convert = Converter()

    def packet(self, packet):
        self.discarded += packet.size > 0 and packet.is_discard
        if packet.is_keyframe:  # by its place in the file: there decord starts
            self._keys.add(self._packets)
        self._packets += packet.size > 0
        if packet.pts != packet.dts and self._last.maxlen == 1:  # frames out of order: the end is where readers slip
            self._last = deque(self._last, maxlen=3)

    def frame(self, frame):
        number = len(self.times)
        self.times.append(frame.time)
        self.sizes[frame.width, frame.height] = True
        if number in self._keys or frame.key_frame or not number:
            if self._last:
                self._print(*self._last[-1])
            self.gops.append({})
            self._inside = number + INSIDE
            self._print(number, frame)
        elif number == self._inside:
            self._print(number, frame)
        self._last.append((number, frame))

    def end(self):
        for waiting in self._last:
            self._print(*waiting)

    def _print(self, number, frame):
        if not any(number in gop for gop in self.gops[-3:]):
            pixels = self._convert(frame)
            self.gops[-1][number], self.upright = _checksum(pixels), pixels.shape[:2]


def _checksum(pixels):
    return zlib.crc32(np.ascontiguousarray(pixels))


def _drift(times, fps):
    return float(np.abs(np.asarray(times) - times[0] - np.arange(len(times)) / fps).max())


def _in_order(times):
    return None not in times and bool((np.diff(times) > 0).all())


def _choice(container, stream):
    count = len(container.streams.video)
    return f"it has {count} video streams; number {stream.index}, the default, is read" if count > 1 else ""


def _missing(container, stream, times, frames, fps, reach):
    """The share that is missing of what this stream claims: by its frames, unless their times reach its end.

    reach  seconds to which any stream's packets come: only that tells whether the container's own duration is kept
    """
    if container.format.name in GUESSED:
        return 0.0
    last, shares = max(max(times) + 1 / fps, min(times) + frames / fps), []
    if stream.frames:
        shares.append(1 - frames / stream.frames)
    if stream.duration:
        shares.append(1 - (last - min(times)) / float(stream.duration * stream.time_base))
    elif tag := _tagged_seconds(stream):
        shares.append(1 - last / tag)
    elif container.duration and not shares:
        shares.append(1 - max(reach, last) / (container.duration / 1e6))
    return min(shares, default=0.0)


def _tagged_seconds(stream):
    """Matroska's own tag of a stream, "00:00:02.600000000": the time at which it ends.  -> seconds, None"""
    try:
        hours, minutes, seconds = map(float, stream.metadata["DURATION"].split(":"))
    except (KeyError, ValueError):
        return None
    return 3600 * hours + 60 * minutes + seconds


def verify_video(path, missing=0.05) -> VideoReader:
    """Decode all of a file.  -> its StrictReader: len(), .fps, .width, .height for the manifest, .drift, .prints

    missing  share of what the stream claims that may be missing: rates and durations are rounded
    ValueError: it cannot be decoded to its end, or is shorter than it claims
    """
    video = StrictReader(path)
    if not len(video) or video.missing_share > missing:
        raise ValueError(f"{path} is cut short: it holds {len(video)} frames, {video.missing_share:.0%} are missing")
    return video


def find_disagreement(whole, reader="decord"):
    """Does `reader` give the frames that sequential decoding gives, asked one by one, backwards, eight at once?

    whole  a StrictReader of the file  -> None, or what is wrong, in words
    """
    with open_video(whole.path, reader) as video:
        shapes = [(len(v), v.width, v.height) for v in (whole, video)]
        if shapes[0] != shapes[1]:
            return "PyAV reads {} frames of {}x{}, {reader} {} frames of {}x{}".format(
                *shapes[0], *shapes[1], reader=reader
            )
        if not whole.ordered:
            return "its frames' times are missing, or not in order"
        prints = _ask(video, [sorted(gop) for gop in whole.gops])
    expected = {number: print_ for gop in whole.gops for number, print_ in gop.items()}
    wrong = [number for number in sorted(expected) if prints[number] != expected[number]]
    return _explain(whole, reader, prints, wrong) if wrong else None


def _ask(video, gops):
    """Every second GOP's numbers eight at once, the others' one by one, from the last GOP on.  -> {number: checksum}

    So each GOP is sought, and decoded once.
    """
    prints, at_once = {}, [number for gop in gops[::2] for number in gop]
    for k in range(0, len(at_once), EIGHT):
        frames = video.read(at_once[k : k + EIGHT])
        prints |= {number: _checksum(frame) for number, frame in zip(at_once[k:], frames, strict=False)}
    for gop in reversed(gops[1::2]):
        prints |= {number: _checksum(video.read([number])[0]) for number in gop}
    if len(gops) == 1:  # nothing was sought yet
        prints |= {number: _checksum(video.read([number])[0]) for number in reversed(gops[0][:2])}
    return prints


def _explain(whole, reader, prints, wrong):
    """Are the pixels others, or only the numbers? Both readers in order, side by side.  -> None: mere rounding"""
    with open_container(whole.path) as container, open_video(whole.path, reader) as video:
        convert = Converter()
        for number, frame in enumerate(decoded(container, video_stream(container))):
            if number % EIGHT == 0:
                theirs = video.read(range(number, min(number + EIGHT, len(video))))
            apart = np.abs(convert(frame).astype(np.int16) - theirs[number % EIGHT]).max()
            if apart > ROUNDING:
                return f"{reader} shows other pixels than PyAV, in frame {number} by {apart} levels"
            if number in wrong and _checksum(theirs[number % EIGHT]) == prints[number]:
                wrong.remove(number)
    tried = len(prints)
    return f"{reader} names other frames, {len(wrong)} of {tried} tried, {wrong[0]} first" if wrong else None
