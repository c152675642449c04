"""Is a video file whole? What data_prep asks before it writes `ok`.

decord returns wrong pixels for flipped bytes and a shorter video for a file that was cut, without an error. So every
frame is decoded once, strictly, and counted against the duration that the file claims.
"""

from lib.data.readers import PyAVReader, VideoReader


class _StrictReader(PyAVReader):
    def _open(self):
        import av

        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.options = {"err_detect": "explode"}
            self.fps, self.width, self.height = float(stream.average_rate), stream.width, stream.height
            seconds = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
            self.frames, self.claimed = sum(1 for _ in container.decode(stream)), stream.frames or seconds * self.fps


def verify_video(path, missing=0.05) -> VideoReader:
    """Decode all of a file.  -> its reader: len(), .fps, .width, .height for the manifest

    missing  share of the frames claimed by the file's header that may be missing: rates and durations are rounded
    ValueError: it cannot be decoded to its end, or is shorter than it claims
    """
    video = _StrictReader(path)
    if len(video) < (1 - missing) * video.claimed or not len(video):
        raise ValueError(f"{path} holds {len(video)} of about {video.claimed:.0f} frames: it is cut short")
    return video
