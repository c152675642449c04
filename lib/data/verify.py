"""Is a video file whole? What data_prep asks before it writes `ok`.

decord returns wrong pixels for flipped bytes and a shorter video for a file that was cut, without an error. So every
frame is decoded once, strictly, and counted against what the file claims: its frames, or else its duration.
"""

from lib.data.readers import PyAVReader, VideoReader, upright, video_stream


class StrictReader(PyAVReader):
    """Decodes everything when it is opened.

    .missing_share  of the file that is claimed but not there, 0 to 1
    .drift          largest distance in seconds between a frame's own time and i / fps; large: a variable frame rate
    """

    def _open(self):
        import av

        with av.open(str(self.path)) as container:
            stream = video_stream(container)
            stream.codec_context.options = {"err_detect": "explode"}
            self.fps = float(stream.average_rate)
            sizes, times, discarded = [], [], 0
            for packet in container.demux(stream):
                discarded += packet.size > 0 and packet.is_discard
                for frame in packet.decode():
                    times.append(frame.time)
                    if not sizes or (frame.width, frame.height) != sizes[-1]:
                        sizes.append((frame.width, frame.height))
                        self.height, self.width = upright(frame).shape[:2]
            if len(sizes) > 1:
                raise ValueError(f"its frames have several sizes: {' '.join(f'{w}x{h}' for w, h in sizes[:4])}")
            self.frames, seconds = len(times), _seconds(stream, container)
            claimed = stream.frames - discarded
        times = [time for time in times if time is not None] or [0.0]
        self.drift = max(abs(time - times[0] - i / self.fps) for i, time in enumerate(times))
        # A rate that varies makes nonsense of duration * rate; how far the frames reach in time stays true.
        reached = times[-1] - times[0] + 1 / self.fps
        self.missing_share = 1 - (self.frames / claimed if claimed > 0 else reached / seconds if seconds else 1)


def _seconds(stream, container):
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6


def verify_video(path, missing=0.05) -> VideoReader:
    """Decode all of a file.  -> its StrictReader: len(), .fps, .width, .height for the manifest, .drift

    missing  share of what the file's header claims that may be missing: rates and durations are rounded
    ValueError: it cannot be decoded to its end, or is shorter than it claims
    """
    video = StrictReader(path)
    if not len(video) or video.missing_share > missing:
        raise ValueError(f"{path} is cut short: it holds {len(video)} frames, {video.missing_share:.0%} are missing")
    return video
