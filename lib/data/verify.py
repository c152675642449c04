"""Is a video file whole? Every frame is decoded once, in order and strictly, and held against what the stream claims.

decord returns wrong pixels for flipped bytes and a shorter video for a file that was cut, without an error. On the way
the frames are noted by which `lib.data.seeks` then tells whether a reader names frames rightly.
"""

import numpy as np

from lib.data.gops import Gops
from lib.data.readers import PyAVReader, VideoReader
from lib.data.streams import Converter, decoded, frame_rate, open_container, rate_of_times, video_stream

HDR = (16, 18)  # FFmpeg's numbers of the transfers PQ and HLG
LATE_S = 0.25  # by which a picture may begin after the sound; players show seconds from the first of both on
GUESSED = ("mpeg", "mpegts", "h264", "hevc", "m4v", "mpegvideo")  # containers that say no length: FFmpeg guesses it


class StrictReader(PyAVReader):
    """Decodes everything when it is opened; any error of the decoder raises.

    .gops           of lib.data.gops, a list: the frames by which a reader's seeks are told
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
            seen, ends, first = Gops(stream), {}, None
            for packet in container.demux():
                index, pts = packet.stream.index, packet.pts
                if pts is not None:
                    ends[index] = max(ends.get(index, 0), pts + (packet.duration or 0))
                if index == stream.index:
                    seen.packet(packet)
                    for frame in packet.decode():
                        first = first or frame
                        seen.frame(frame)
            seen.end()
            reach = max((float(end * container.streams[index].time_base) for index, end in ends.items()), default=0.0)
            if len(seen.sizes) > 1:
                sizes = " ".join(f"{w}x{h}" for w, h in list(seen.sizes)[:4])
                raise ValueError(f"its frames have several sizes: {sizes}")
            if seen.gap is not None:
                raise ValueError(f"a packet is missing before number {seen.gap + 1}, from which others are predicted")
            self.note = _note(container, stream, first)
            self.frames, self.gops, (self.height, self.width) = len(seen.times), seen.found, seen.upright
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


def _drift(times, fps):
    return float(np.abs(np.asarray(times) - times[0] - np.arange(len(times)) / fps).max())


def _in_order(times):
    return None not in times and bool((np.diff(times) > 0).all())


def _note(container, stream, frame):
    """What of a usable video a reader does not show, or a user may not expect; frame: its first."""
    if frame is None:
        return ""
    streams, pixel, begins = len(container.streams.video), stream.sample_aspect_ratio, container.start_time
    late = frame.time - begins / 1e6 if None not in (frame.time, begins) else 0.0
    facts = {
        f"it has {streams} video streams; number {stream.index}, the default, is read": streams > 1,
        f"its pixels are {pixel}, as wide as high they are shown": pixel not in (None, 0, 1),
        "it is interlaced, and both fields are shown as one frame": frame.interlaced_frame,
        "it is HDR, and shown as if it were not": frame.color_trc in HDR,
        f"it asks to be turned by {frame.rotation} degrees, and is shown by quarter turns alone": frame.rotation % 90,
        f"its picture begins {late:.2f} s after its sound; seconds are counted from the picture on": late > LATE_S,
    }
    return "; ".join(fact for fact, true in facts.items() if true)


def _missing(container, stream, times, frames, fps, reach):
    """The share that is missing of what this stream claims: by its frames, unless their times reach its end.

    reach  seconds to which any stream's packets come: only that tells whether the container's own duration is kept
    """
    if container.format.name in GUESSED:
        return 0.0
    last, shares = max(max(times) + 1 / fps, min(times) + frames / fps), []
    if stream.frames:
        shares.append(1 - frames / stream.frames)
    if stream.duration:  # some count it from the first frame, fragments of MP4 from 0, where B-frames begin later
        begins = min(times) if not 0 < min(times) <= LATE_S else 0.0
        shares.append(1 - (last - begins) / float(stream.duration * stream.time_base))
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
