"""Is a packet missing that later frames are predicted from? In H.264 the stream itself tells.

Every picture has a number, frame_num, one more than that of the reference picture before it, modulo a power of two; an
IDR picture starts at 0. FFmpeg fills a gap with copies of an older picture, and says nothing: a file without one of its
key packets decodes with wrong pixels and no error.

Source  ITU-T H.264: 7.3.2.1.1 (sequence parameter set), 7.3.3 (slice header), 7.4.3 (frame_num), 7.3.1 (units)
"""

SLICE, IDR, PARAMETERS = 1, 5, 7  # types of units, table 7-1
# profiles whose parameter sets say more, 7.3.2.1.1
HIGH = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)


class FrameNumbers:
    """.gap  number of the first packet that is predicted from what is missing; None: nothing is

    extra    the stream's own bytes: avcC, or units after 0 0 1
    """

    def __init__(self, extra):
        self.gap, self._width, self._parameters, self._packets = None, 0, None, 0
        self._before = None  # the number of the reference picture before
        if extra[:1] == b"\1" and len(extra) > 8:
            self._width = (extra[4] & 3) + 1
            self._learn(extra[8 : 8 + int.from_bytes(extra[6:8])])
        else:
            for unit in _units(extra, 0):
                if unit[0] & 31 == PARAMETERS:
                    self._learn(unit)

    def packet(self, content, is_key):
        """Look at a packet's bytes; after a key packet that is no IDR, as of streams that were cut, it counts anew."""
        for unit in _units(content, self._width):
            kind = unit[0] & 31
            if kind == PARAMETERS:
                self._learn(unit)
            elif kind in (SLICE, IDR) and self._parameters:
                self._count(unit, kind, is_key)
                break
        self._packets += 1

    def _learn(self, unit):
        try:
            self._parameters = _parameters(_Bits(unit[1:]))
        except IndexError:
            self._parameters = None

    def _count(self, unit, kind, is_key):
        bits, planes, (length, gaps_allowed, separate) = _Bits(unit[1:64]), 0, self._parameters
        try:
            bits.golomb(), bits.golomb(), bits.golomb()  # first macroblock, type, picture parameter set
            planes += bits.read(2 if separate else 0)
            number = bits.read(length)
        except IndexError:
            return
        expected = (self._before, ((self._before or 0) + 1) % 2**length)
        known = self._before is not None and kind != IDR and not is_key and not gaps_allowed
        if known and number not in expected and self.gap is None:
            self.gap = self._packets
        if unit[0] >> 5 & 3:  # others are predicted from it
            self._before = number


class _Bits:
    """Bits of a unit, the bytes that only keep 0 0 1 from appearing taken out."""

    def __init__(self, content):
        self._bytes, self._place = bytes(content).replace(b"\0\0\3", b"\0\0"), 0

    def read(self, count):
        value = 0
        for place in range(self._place, self._place + count):
            value = value << 1 | self._bytes[place >> 3] >> (7 - (place & 7)) & 1
        self._place += count
        return value

    def golomb(self):
        """An unsigned number of Exp-Golomb's code, 9.1."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def signed(self):
        code = self.golomb()
        return (code + 1) // 2 * (1 if code & 1 else -1)


def _parameters(bits):
    """-> bits of a frame_num, whether gaps are allowed, whether colour planes are pictures of their own"""
    profile, separate = bits.read(8), 0
    bits.read(16), bits.golomb()  # constraints, level; its own number
    if profile in HIGH:
        chroma = bits.golomb()
        separate = bits.read(1) if chroma == 3 else 0
        bits.golomb(), bits.golomb(), bits.read(1)  # depths, bypass
        if bits.read(1):
            for place in range(8 if chroma != 3 else 12):
                _skip_scaling(bits, 16 if place < 6 else 64)
    length, order = bits.golomb() + 4, bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.read(1), bits.signed(), bits.signed()
        for _ in range(bits.golomb()):
            bits.signed()
    bits.golomb()  # reference frames
    return length, bool(bits.read(1)), bool(separate)


def _skip_scaling(bits, size):
    """7.3.2.1.1.1"""
    if not bits.read(1):
        return
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _units(content, width):
    """The units in a packet, each after its length of `width` bytes, or (0) after 0 0 1."""
    if not width:
        yield from (unit for unit in bytes(content).split(b"\0\0\1")[1:] if unit)
        return
    place = 0
    while place + width < len(content):
        length = int.from_bytes(content[place : place + width])
        yield content[place + width : place + width + max(length, 1)]
        place += width + length
