"""Read a video's frames by their number: from a file through decord or PyAV, from images in a folder or in LMDB.

tests/lib/data/test_data_readers.py holds decord and PyAV equal. A reader is opened where it is used, in the worker, and
closed after its clip: decord keeps decoding ahead and is known to hang when it is carried over into another process.
"""

import io
from pathlib import Path

import numpy as np

from lib.data.content import check_is_file, fingerprint
from lib.data.images import open_database, read_image
from lib.data.streams import Converter, check_container, decoded, frame_rate, open_container, video_stream


class VideoReader:
    """One open video: `len(video)` frames, `.fps`, `.width`, `.height` in pixels, `read(indices)`.

    A source is a subclass with `_open()`, which sets `frames`, `fps`, `width`, `height`, and `_decode(indices)`.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.exists():
            raise FileNotFoundError(f"{path}: no such video")
        if not self.path.is_dir():
            check_is_file(self.path)
        try:
            self._guard(self._open)
        except ValueError:
            self.close()
            raise

    def __len__(self):
        return self.frames

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Let go of the decoder."""

    def read(self, indices):
        """The frames with these numbers (0-based, in any order, repeats allowed).  -> uint8 (len(indices), H, W, 3) RGB

        Every frame is decoded once. A number outside 0..len-1 or a frame that cannot be decoded is a ValueError.
        """
        wanted, place = np.asarray(indices, dtype=np.int64).reshape(-1), None
        if (np.diff(wanted) <= 0).any():
            wanted, place = np.unique(wanted, return_inverse=True)
        if wanted.size and not 0 <= wanted[0] <= wanted[-1] < len(self):
            raise ValueError(f"{self.path} has frames 0..{len(self) - 1}; asked for {wanted[0]}..{wanted[-1]}")
        frames = (
            self._guard(self._decode, wanted) if wanted.size else np.empty((0, self.height, self.width, 3), np.uint8)
        )
        if len(frames) != len(wanted):
            raise ValueError(f"{self.path}: only {len(frames)} of {len(wanted)} frames could be decoded; it is damaged")
        return frames if place is None else frames[place]

    def _guard(self, step, *args):
        """Run a step of the decoder and turn whatever it raises into one error that names the file."""
        try:
            return step(*args)
        except Exception as error:
            said = str(error).replace(str(self.path.absolute()), "it").replace(str(self.path), "it")
            reason = (said.strip() or type(error).__name__).splitlines()[0][:200]
            raise ValueError(f"{self.path} cannot be read by {type(self).__name__}: {reason}") from error


class DecordReader(VideoReader):
    """decord, one thread: workers are the parallelism."""

    def _open(self):
        import decord

        check_container(self.path)
        self._video = decord.VideoReader(str(self.path.absolute()), ctx=decord.cpu(0), num_threads=1)
        self.frames, self.fps = len(self._video), float(self._video.get_avg_fps())
        self._first = self._video[0].asnumpy()  # kept: decord stands behind it now, and need not seek to go on
        self.height, self.width = self._first.shape[:2]

    def _decode(self, indices):
        first, rest = self._first[None][: int(indices[0] == 0)], indices[int(indices[0] == 0) :].tolist()
        if self._first.shape[2] == 3:
            rest = self._video.get_batch(rest).asnumpy() if rest else first[:0]
            return np.concatenate([first, rest]) if len(first) else rest
        # decord 0.6 takes the padding after each row of a few narrow videos (48 or 72 pixels wide) for more channels
        rows = np.stack([*first, *(self._video[i].asnumpy() for i in rest)]).reshape(len(indices), self.height, -1)
        return rows[:, :, : 3 * self.width].reshape(len(indices), self.height, self.width, 3)

    def close(self):
        self._video = self._first = None


class PyAVReader(VideoReader):
    """PyAV, from the first frame on: no seeking, so nothing to get wrong; decord is checked against it."""

    def _open(self):
        self.frames, first = 0, None
        with open_container(self.path) as container:
            stream = video_stream(container)
            self.fps = frame_rate(stream)
            for packet in container.demux(stream):  # decoded up to the first frame, then only counted
                self.frames += packet.size > 0 and not packet.is_discard
                first = first or next(iter(packet.decode()), None)
        if first is None:
            raise ValueError("it holds no frame")
        self.height, self.width = Converter()(first).shape[:2]

    def _decode(self, indices):
        frames, wanted, convert = [], set(indices.tolist()), Converter()
        with open_container(self.path) as container:
            for number, frame in enumerate(decoded(container, video_stream(container))):
                if number in wanted:
                    frames.append(convert(frame))
                if number == indices[-1]:
                    break
        return np.stack(frames)


class FrameFolder(VideoReader):
    """A folder of images, one per frame, as ffmpeg extracts them: pattern.format(first_index), and so on.

    The number of frames and their rate are what the manifest says; the size is the first image's.
    """

    def __init__(self, path, pattern, first_index, frames, fps):
        self.pattern, self.first_index, self.frames, self.fps = pattern, first_index, frames, fps
        super().__init__(path)

    def _open(self):
        self.height, self.width = self._decode([0]).shape[1:3]

    def _decode(self, indices):
        files = self._files([self.pattern.format(self.first_index + i) for i in indices])
        return np.stack([read_image(file) for file in files])

    def _files(self, names):
        return [self.path / name for name in names]


class FrameDatabase(FrameFolder):
    """An LMDB environment of one video, as optplan keeps it: an image per frame, under its name in a FrameFolder."""

    def _files(self, names):
        with open_database(self.path) as images:
            contents = [images.get(name.encode()) for name in names]
        if None in contents:
            raise KeyError(f"no image {names[contents.index(None)]}")
        return [io.BytesIO(content) for content in contents]


READERS = {"decord": DecordReader, "pyav": PyAVReader}
SOURCES = {
    "video": lambda manifest, video, reader: open_video(manifest.root / video.path, reader),
    "frames": lambda manifest, video, _: _open_images(FrameFolder, manifest, video),
    "lmdb": lambda manifest, video, _: _open_images(FrameDatabase, manifest, video),
}


def _open_images(kind, manifest, video):
    path = manifest.root / video.path
    return kind(path, manifest.frame_pattern, manifest.first_index, video.frames, video.fps)


def open_video(path, reader="decord"):
    """Open a video file.  -> VideoReader; an unreadable file is a ValueError that names it"""
    if reader not in READERS:
        raise ValueError(f"no reader {reader!r}; there are {', '.join(READERS)}")
    return READERS[reader](path)


def open_listed(manifest, video, reader="decord"):
    """Open a manifest's video, be it a file, a folder of images or a database; it must be as long and large as its row.

    ValueError: it cannot be read, or has changed since the dataset was prepared
    """
    source = SOURCES[manifest.source](manifest, video, reader)
    found, said = (len(source), source.width, source.height), (video.frames, video.width, video.height)
    if found != said:
        raise ValueError(
            f"{source.path} has {found[0]} frames of {found[1]} x {found[2]} pixels, but its row in the manifest says "
            f"{said[0]} of {said[1]} x {said[2]}: prepare the dataset again"
        )
    if video.content and fingerprint(source.path) != video.content:
        raise ValueError(f"{source.path} has another content than when the dataset was prepared: prepare it again")
    return source
