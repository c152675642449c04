"""A video's groups of pictures (GOPs), and a few of their frames by which a reader's seeks can be told.

A frame tells much where the picture changes: where nothing moves, a wrong number shows the same one.
"""

import zlib
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from lib.data.frame_numbers import FrameNumbers
from lib.data.streams import Converter

STRETCH = 24  # of so many frames inside a GOP, the one that changes most is noted, and the one before
# Codecs whose frames, if they stand in the file as they are shown, never look back past a key frame. In H.264 they may,
# unless it is an IDR picture.
CLOSED = ("h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vp8", "vp9", "av1", "mjpeg", "ffv1")
IDR = 5  # H.264's type of unit, table 7-1 of the standard


@dataclass
class Gop:
    """.prints  {number: checksum of its pixels}: its first and last frame, and of each stretch between the one that
    changes most, by the size of its packet, with the one before; of the video the second, and the last three

    .closed  does its key frame stand for itself, and is all that follows decoded in the order of display?
    """

    prints: dict = field(default_factory=dict)
    closed: bool = False


class Gops:
    """What is noted of a stream's packets and frames as they pass: .times in seconds, .sizes, .found: [Gop, ...]."""

    def __init__(self, stream):
        self.times, self.sizes, self.found, self.upright, self.discarded = [], {}, [], (0, 0), 0
        self._codec, self._extra = stream.codec_context.name, stream.codec_context.extradata or b""
        self._packets, self._keys, self._bytes, self._in_order = 0, {}, {}, True
        self._last, self._stretch_ends, self._most, self._moving = deque(maxlen=3), 0, 0, ()
        self._convert = Converter()
        self._numbers = FrameNumbers(self._extra) if self._codec == "h264" else None

    def packet(self, packet):
        size, pts = packet.size, packet.pts
        self.discarded += size > 0 and packet.is_discard
        if packet.is_keyframe:  # by its place in the file: there decord starts
            self._keys[self._packets] = self._stands_for_itself(packet)
        if self._numbers and size:
            self._numbers.packet(memoryview(packet), packet.is_keyframe)
        self._packets += size > 0
        self._bytes[pts] = size
        self._in_order &= pts == packet.dts

    def frame(self, frame):
        number, change = len(self.times), self._bytes.pop(frame.pts, 0)
        self.times.append(frame.time)
        self.sizes[frame.width, frame.height] = True
        if number in self._keys or frame.key_frame or not number:
            self._end_stretch(number)
            if self._last:
                self._print(*self._last[-1])
            self.found.append(Gop(closed=frame.key_frame and self._keys.get(number, False)))
            self._print(number, frame)
        elif change > self._most:
            self._most, self._moving = change, (self._last[-1], (number, frame))
        self._last.append((number, frame))
        if number == 1:  # the first shows no seek: a reader stands there when it opens the file
            self._print(number, frame)
        if number == self._stretch_ends:
            self._end_stretch(number)

    def end(self):
        self._end_stretch(len(self.times))
        for waiting in self._last:
            self._print(*waiting)
        if not self._in_order or self._packets != len(self.times):
            for gop in self.found:
                gop.closed = False

    @property
    def gap(self):
        """The first packet, in the file's order, that is predicted from one that is missing; None: nothing tells."""
        return self._numbers.gap if self._numbers else None

    def _stands_for_itself(self, packet):
        return self._codec in CLOSED and (self._codec != "h264" or IDR in h264_units(bytes(packet), self._extra))

    def _end_stretch(self, number):
        for waiting in self._moving:
            self._print(*waiting)
        self._stretch_ends, self._most, self._moving = number + STRETCH, 0, ()

    def _print(self, number, frame):
        if not any(number in gop.prints for gop in self.found[-3:]):
            pixels = self._convert(frame)
            self.found[-1].prints[number], self.upright = checksum(pixels), pixels.shape[:2]


def h264_units(content, extra):
    """The types of the units in a packet's bytes, each after its length or after 0 0 1.  -> set of int"""
    if extra[:1] != b"\1":
        return {unit[0] & 31 for unit in content.split(b"\0\0\1")[1:] if unit}
    units, place, width = set(), 0, (extra[4] & 3) + 1
    while place + width < len(content):
        units.add(content[place + width] & 31)
        place += width + int.from_bytes(content[place : place + width])
    return units


def checksum(pixels):
    """One number for the pixels of a frame, the same for the same pixels."""
    return zlib.crc32(np.ascontiguousarray(pixels))
