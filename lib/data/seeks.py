"""Does a number name the same frame however it is asked for? Else no video becomes `ok`.

decord's random access names other frames in many containers, without an error. Decoding in order is right in all of
them. So the reader that training uses is asked for both ends of every GOP, and for frames between where most changes.
Every GOP is sought: a reader that stands there already only goes on, and proves nothing. Where a GOP's first frame
shows that it was found, and the others follow from that one, most GOPs are asked for that frame only.
"""

from collections import Counter

import numpy as np

from lib.data.gops import checksum
from lib.data.readers import open_video
from lib.data.streams import Converter, decoded, open_container, video_stream

ROUNDING = 4  # grey levels by which two builds' conversions of one frame may differ
EIGHT = 8  # frames of a clip that are asked for at once
WHOLLY = 8  # one of so many GOPs is asked for all its noted frames


def find_disagreement(whole, reader="decord"):
    """Does `reader` give the frames that sequential decoding gives, asked one by one, backwards, eight at once?

    whole  a StrictReader of the file  -> None, or what is wrong, in words
    """
    numbers = list(_numbers(whole.gops))
    with open_video(whole.path, reader) as video:
        shapes = [(len(v), v.width, v.height) for v in (whole, video)]
        if shapes[0] != shapes[1]:
            return "PyAV reads {} frames of {}x{}, {reader} {} frames of {}x{}".format(
                *shapes[0], *shapes[1], reader=reader
            )
        if not whole.ordered:
            return "its frames' times are missing, or not in order"
        prints = _ask(video, numbers)
    wrong = [n for gop in whole.gops for n, print_ in sorted(gop.prints.items()) if prints.get(n, print_) != print_]
    return _explain(whole, reader, prints, wrong) if wrong else None


def _numbers(gops):
    """Per GOP, the numbers to ask for."""
    prints = [gop.prints[min(gop.prints)] for gop in gops]
    alike = Counter(prints)
    for k, (gop, print_) in enumerate(zip(gops, prints, strict=True)):
        numbers = sorted(gop.prints)
        surely = gop.closed and alike[print_] == 1 and (k + 1) % WHOLLY
        yield numbers[: 2 if k == 0 else 1] if surely else numbers


def _ask(video, gops):
    """Every second GOP's numbers eight at once, the others' one by one, from the last GOP on.  -> {number: checksum}

    Single numbers go eight at once as well: a reader decodes ahead until it is asked again. Each GOP is sought once.
    """
    others = gops[1::2]
    runs = [(_flat(gop for gop in others if len(gop) == 1), EIGHT), (_flat(gops[::2]), EIGHT)]
    runs += [(gop, 1) for gop in reversed(others) if len(gop) > 1]
    prints, stands = {0: checksum(video.read([0])[0])}, 1
    for numbers, at_once in runs:
        if numbers[:1] == [stands]:  # it would only go on
            video.read(numbers[-1:])
        for k in range(0, len(numbers), at_once):
            frames = video.read(numbers[k : k + at_once])
            prints |= {number: checksum(frame) for number, frame in zip(numbers[k:], frames, strict=False)}
        stands = numbers[-1] + 1 if numbers else stands
    return prints


def _flat(gops):
    return [number for gop in gops for number in gop if number]  # a reader keeps frame 0


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
            if number in wrong and checksum(theirs[number % EIGHT]) == prints[number]:
                wrong.remove(number)
    tried = len(prints)
    return f"{reader} names other frames, {len(wrong)} of {tried} tried, {wrong[0]} first" if wrong else None
