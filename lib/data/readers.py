"""Read a video's frames by their number: from a file through decord or PyAV, from images in a folder or in LMDB.

tests/lib/data/test_data_readers.py holds decord and PyAV equal. A reader is opened where it is used, in the worker, and
closed after its clip: decord keeps decoding ahead and is known to hang when it is carried over into another process.
"""

import contextlib
import io
from pathlib import Path

import numpy as np


class VideoReader:
    """One open video: `len(video)` frames, `.fps`, `.width`, `.height` in pixels, `read(indices)`.

    A source is a subclass with `_open()`, which sets `frames`, `fps`, `width`, `height`, and `_decode(indices)`.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.exists():
            raise FileNotFoundError(f"{path}: no such video")
        self._guard(self._open)

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
        wanted, place = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
        if wanted.size and not 0 <= wanted[0] <= wanted[-1] < len(self):
            raise ValueError(f"{self.path} has frames 0..{len(self) - 1}; asked for {wanted[0]}..{wanted[-1]}")
        frames = (
            self._guard(self._decode, wanted) if wanted.size else np.empty((0, self.height, self.width, 3), np.uint8)
        )
        if len(frames) != len(wanted):
            raise ValueError(f"{self.path}: only {len(frames)} of {len(wanted)} frames could be decoded; it is damaged")
        return frames if len(place) == len(wanted) and (place == np.arange(len(place))).all() else frames[place]

    def _guard(self, step, *args):
        """Run a step of the decoder and turn whatever it raises into one error that names the file."""
        try:
            return step(*args)
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise ValueError(f"{self.path} cannot be read by {type(self).__name__}: {reason}") from error


class DecordReader(VideoReader):
    """decord, one thread: workers are the parallelism."""

    def _open(self):
        import decord

        self._video = decord.VideoReader(str(self.path), ctx=decord.cpu(0), num_threads=1)
        self.frames, self.fps = len(self._video), float(self._video.get_avg_fps())
        self.height, self.width, self._channels = self._video[0].shape

    def _decode(self, indices):
        if self._channels == 3:
            return self._video.get_batch(indices.tolist()).asnumpy()
        # decord 0.6 takes the padding after each row of a few narrow videos (48 or 72 pixels wide) for more channels
        rows = np.stack([self._video[i].asnumpy() for i in indices.tolist()]).reshape(len(indices), self.height, -1)
        return rows[:, :, : 3 * self.width].reshape(len(indices), self.height, self.width, 3)

    def close(self):
        self._video = None


class PyAVReader(VideoReader):
    """PyAV, from the first frame on: no seeking, so nothing to get wrong; decord is checked against it."""

    def _open(self):
        import av

        with av.open(str(self.path)) as container:
            stream = video_stream(container)
            self.fps = float(stream.average_rate)
            self.height, self.width = upright(next(container.decode(stream))).shape[:2]
        with av.open(str(self.path)) as container:  # again from the start; packets are counted, not decoded
            packets = container.demux(video_stream(container))
            self.frames = sum(packet.size > 0 and not packet.is_discard for packet in packets)

    def _decode(self, indices):
        import av

        frames, wanted = [], set(indices.tolist())
        with av.open(str(self.path)) as container:
            stream = video_stream(container)
            stream.thread_count = 1
            for number, frame in enumerate(container.decode(stream)):
                if number in wanted:
                    frames.append(upright(frame))
                if number == indices[-1]:
                    break
        return np.stack(frames)


def video_stream(container):
    """The first video stream of an open PyAV container; a ValueError if it has sound alone, or no frame rate."""
    if not container.streams.video:
        raise ValueError("it has no video stream")
    stream = container.streams.video[0]
    if not stream.average_rate:
        raise ValueError("its frame rate is not known")
    return stream


def upright(frame):
    """A PyAV frame as uint8 (H, W, 3) RGB, turned as its file asks players to do; decord turns it by itself."""
    return np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))


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
        from PIL import Image

        images = []
        for file in self._files([self.pattern.format(self.first_index + i) for i in indices]):
            with Image.open(file) as image:
                images.append(np.asarray(image.convert("RGB")))
        return np.stack(images)

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


@contextlib.contextmanager
def open_database(path):
    """Read an LMDB environment, a folder or a file.  -> its transaction: .get(key), .cursor()"""
    import lmdb

    # Neither locks nor a lock file: many workers read, nobody writes, and the disk may be read-only.
    with lmdb.open(str(path), subdir=Path(path).is_dir(), readonly=True, lock=False, readahead=False) as environment:
        with environment.begin() as transaction:
            yield transaction


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
    return source
