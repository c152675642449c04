"""One video at a time: is it whole, and how long, fast and large is it? The expensive step, so its results are kept.

Files are decoded strictly by PyAV, and asked for their frames by number through decord, which training uses: in many
containers it gives others. Images are all decoded. Whatever is wrong becomes a status; `reencode` in it is a remedy.
"""

import io
import json
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from data_prep.tree import shape
from data_prep.workers import survive
from lib.data.content import check_is_file, files_of, fingerprint
from lib.data.images import IMAGE_SUFFIXES
from lib.files import open_journal

RULES = 3  # what a scan looks at: results of other rules are not taken from a journal
REMEDY = ": reencode it"
NEEDS = {"video": ("av", "decord"), "frames": ("PIL",), "lmdb": ("PIL", "lmdb")}


@dataclass(frozen=True)
class Found:
    """What a scan found out about a video."""

    frames: int = 0
    fps: float = 0.0  # 0 = not known
    width: int = 0
    height: int = 0
    drift: float = 0.0  # seconds between a frame's time and i / fps; large: a variable frame rate
    status: str = "ok"
    note: str = ""  # what a user should know of a usable video


def scan(paths, root, source, *, pattern=None, first_index=None, fps=0.0, journal, workers=None, progress=True):
    """Scan every video, or take what `journal`, a file that grows with each one, already knows.  -> {path: Found}

    A file that has changed since is scanned again. Nothing is read before the bar shows: who scans a video stamps it.
    pattern, first_index, fps  of frame folders and databases, see `data_prep.tree.frame_pattern`
    """
    from tqdm.auto import tqdm

    for package in NEEDS[source]:  # if one is missing, that is no video's fault
        import_module(package)
    known = _read_journal(journal)
    options, found = [RULES, source, pattern, first_index, fps], {}
    examine = partial(_examine, root=str(root), source=source, pattern=pattern, first_index=first_index, fps=fps)
    with open_journal(journal) as file, tqdm(total=len(paths), desc="scan", unit="video", disable=not progress) as bar:
        for path in filter(known.get, paths):
            if known[path][0] == [*options, *_stamp(Path(root) / path)]:
                found[path] = known[path][1]
                bar.update()
        for path, result, reason in survive(examine, [path for path in paths if path not in found], workers):
            stamp, found[path] = result or (None, Found(status=reason))
            if result:  # who died or hung may have been killed: the next run tries again
                file.write(json.dumps([path, [*options, *stamp], asdict(found[path])]) + "\n")
                file.flush()
            bar.update()
    return found


def _examine(path, *, root, **how):
    """-> stamp, Found; the stamp first: a video that changes while it is decoded is scanned again by the next run"""
    return _stamp(Path(root) / path), scan_one(path, root=root, **how)


def _read_journal(file):
    known = {}
    for line in Path(file).read_bytes().splitlines() if Path(file).is_file() else []:
        try:
            path, stamp, result = json.loads(line)
            known[path] = stamp, Found(**result)
        except (ValueError, TypeError, RecursionError):  # the line at which a process was killed
            continue
    return known


def _stamp(path):
    """What a video was when it was scanned: its content, and its date, for what changes between the bytes looked at."""
    try:
        return [fingerprint(path), max(file.stat().st_mtime_ns for file in files_of(path))]
    except (OSError, ValueError):
        return ["", 0]


def scan_one(path, *, root, source, pattern=None, first_index=None, fps=0.0):
    """Decode a video whole.  -> Found; nothing that is wrong with the video raises"""
    try:
        if source == "video":
            return _scan_file(Path(root) / path)
        return _scan_images(Path(root) / path, IMAGES[source], pattern, first_index, fps)
    except (ValueError, OSError) as error:
        return Found(status=_reason(error, f"{root}/{path}"))


def _reason(error, path):
    """One short line without the machine's paths."""
    text = str(error).replace(path, "it").removeprefix("it ")
    text = re.sub(r"\[(Errno )?[\d:]+\] |: 'it'$|/\S+/src/\S+: | <_io[^>]*>", "", " ".join(text.split()))
    return text[:160] or type(error).__name__


def _scan_file(path):
    from lib.data.seeks import find_disagreement
    from lib.data.verify import verify_video

    check_is_file(path)
    if not path.stat().st_size:
        return Found(status="empty file")
    whole = verify_video(path)
    try:
        wrong = find_disagreement(whole)
    except ValueError as error:  # PyAV has just read it
        wrong = _reason(error, str(path))
    if wrong:
        return Found(status=wrong + REMEDY)
    size = len(whole), round(whole.fps, 6), whole.width, whole.height
    return Found(*size, round(whole.drift, 6), note=whole.note)


@contextmanager
def _open_folder(path):
    yield [file.name for file in files_of(path)], lambda name: open(path / name, "rb")


@contextmanager
def _open_environment(path):
    from lib.data.readers import open_database

    with open_database(path) as images:
        names = [bytes(key).decode("utf-8", "replace") for key in images.cursor().iternext(values=False)]
        yield names, lambda name: io.BytesIO(images.get(name.encode()))


IMAGES = {"frames": _open_folder, "lmdb": _open_environment}


def _scan_images(path, opened, pattern, first_index, fps):
    try:
        with opened(path) as (names, open_file):
            names, reason, note = _in_order(names, pattern, first_index)
            size, broken = _decode_all(names, open_file)
    except Exception as error:  # lmdb and Pillow have errors of their own
        return Found(status=_reason(error, str(path)))
    return Found(status=reason or broken) if reason or broken else Found(len(names), fps, *size, note=note)


def _in_order(names, pattern, first_index):
    """The names of the frames that there should be, given those that there are.  -> names, what is wrong, a note"""
    before, after = shape(pattern)
    suffixes = "|".join(map(re.escape, sorted({after, *IMAGE_SUFFIXES})))
    numbered = re.compile(rf"{re.escape(before)}(\d+)(?i:{suffixes})")
    numbers = {name: int(match[1]) for name in names if (match := numbered.fullmatch(name))}
    called = sorted(number for name, number in numbers.items() if name == pattern.format(number))
    there = [number for number in called if number >= first_index]
    if not there:
        return [], f"no image is called {pattern.format(first_index)} or the like", ""
    known = set(called)
    if others := sorted(name for name, number in numbers.items() if number not in known):
        return [], f"{others[0]} has the number of a frame, and another name than {pattern.format(there[0])}", ""
    for number, wanted in zip(there, range(first_index, first_index + len(there)), strict=True):
        if number != wanted:
            return [], f"{pattern.format(wanted)} is missing ({len(there)} images, up to number {there[-1]})", ""
    early = pattern.format(called[0])
    note = "" if called == there else f"{early} is not used: frames begin at {pattern.format(first_index)}"
    return [pattern.format(number) for number in there], None, note


def _decode_all(names, open_file):
    """-> (width, height) of all images, what is wrong with the first that is wrong"""
    from lib.data.images import read_image

    size = None
    for name in names:
        try:
            with open_file(name) as file:
                found = read_image(file).shape[1::-1]
        except Exception as error:
            return size, f"{name} cannot be read: {_reason(error, name)}"
        if size is not None and found != size:
            return size, "{} is {}x{}, the images before it {}x{}".format(name, *found, *size)
        size = found
    return size, None
