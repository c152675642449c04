"""What lies on disk: the video files, frame folders or databases under a root, found by the names of label files."""

import os
import re
import unicodedata
from collections import Counter
from itertools import takewhile
from pathlib import Path, PurePosixPath

from lib.data.images import IMAGE_SUFFIXES

VIDEO_SUFFIXES = set(
    ".mp4 .m4v .mov .qt .3gp .3g2 .f4v .avi .divx .webm .mkv .mpg .mpeg .mpe .mpv .m1v .m2v .vob .ts .mts .m2ts .m2t "
    ".wmv .asf .flv .ogv .ogm .ogg .gif .mjpg .mjpeg .y4m .rm .rmvb .dv .mxf .nut .ivf .amv .h264 .264 .hevc .265 .wtv"
    "".split()
)
DATABASE = "data.mdb"  # a folder with this file is an LMDB environment
SOURCES = ("video", "frames", "lmdb")
FRAME_NAME = re.compile(r"(?!flow)(.*?)(\d+)(\.\w+)", re.IGNORECASE)
KNOWN_PREFIXES = ("img_", "image_", "frame_", "")  # of frames; others may be optical flow
SPLIT_FOLDERS = {"train": {"train", "training"}, "val": {"val", "valid", "validation"}, "test": {"test", "testing"}}


class Tree:
    """The videos of one source under `root`: .paths relative to it, sorted; .find(key); .problems."""

    def __init__(self, root, source, paths):
        self.root, self.source, self.paths, self.problems = Path(root), source, sorted(paths), []
        self._by_name, self._composed = {}, {}
        for path in self.paths:
            for name in _names(path)[: None if source == "video" else 1]:
                self._by_name.setdefault(name, []).append(path)
                if not name.isascii():
                    self._composed.setdefault(unicodedata.normalize("NFC", name), []).append(path)
        self._backslashes = any("\\" in path for path in self.paths)

    def inside(self, key):
        """A label file's path, absolute or not, as one relative to the root; None: it lies elsewhere.

        One that was written under Windows gets the slashes of here, unless there are names with backslashes.
        """
        key = key if self._backslashes else key.replace("\\", "/")
        if os.path.normpath(key).split("/")[0] == "..":
            return None
        if not os.path.isabs(key):
            return key
        for root in (os.path.abspath(self.root), os.path.realpath(self.root)):
            if os.path.commonpath([root, os.path.normpath(key)]) == root:
                return os.path.relpath(key, root)
        return None

    def find(self, key, split=None, by=()):
        """The video that a label file calls `key`: this path, or by its name, with any extension, in any folder.

        Of several, the one with the most folders of `key` before its name, then one in a folder of its split; if that
        does not decide it, the first, and a problem is recorded.  -> path or None
        by  what a name alone does not tell apart: "folder", it must lie in the key's, or both in the split's;
            "split", not in another split's
        """
        key = os.path.normpath(key)
        if self._exists(key):
            return key
        found = next(filter(None, map(self._by_name.get, _names(key))), []) or self._otherwise_composed(key)
        found = [path for path in found if all(TELLS[what](path, key, split) for what in by)]
        if len(found) > 1:
            shared = [_shared_folders(path, key) for path in found]
            found = [path for path, folders in zip(found, shared, strict=True) if folders == max(shared)]
        if len(found) > 1 and split:
            found = [path for path in found if _lies_in(path, split)] or found
        if len(found) > 1:
            self.problems.append(f"{key}: it is there {len(found)} times, {', '.join(found[:3])}: the first counts")
        return found[0] if found else None

    def _otherwise_composed(self, key):
        """Paths of this name whose accents are letters of their own, as of macOS, or are none there and are here."""
        names = (unicodedata.normalize("NFC", name) for name in _names(key) if not name.isascii())
        return next(filter(None, map(self._composed.get, names)), [])

    def _exists(self, key):
        """A listed path that exists counts, whatever its suffix."""
        if key in self._by_name.get(key.rsplit("/", 1)[-1], ()):
            return True
        return self.source == "video" and (self.root / key).is_file()


def _names(path):
    """A file's name, and without the suffixes of videos, one after another: `a.mp4.mkv`, `a.mp4`, `a`."""
    names = [path.rsplit("/", 1)[-1]]
    while os.path.splitext(names[-1])[1].lower() in VIDEO_SUFFIXES:
        names.append(os.path.splitext(names[-1])[0])
    return names


def _lies_in(path, split):
    """Is one of its folders called after the split: `train`, `Validation`, `videos_val`?"""
    words = {word.lower() for folder in path.split("/")[:-1] for word in re.split(r"[\W_]+", folder)}
    return bool(words & SPLIT_FOLDERS[split])


def _both_lie_in(path, key, split):
    """`train/1` is `train_videos/1`."""
    return bool(split) and _lies_in(path, split) and _lies_in(key, split)


def _may_be_of(path, split):
    return _lies_in(path, split) or not any(_lies_in(path, other) for other in SPLIT_FOLDERS)


def _shared_folders(path, key):
    """How many folders before the name are the same in both, counted from the name."""
    pairs = zip(reversed(path.split("/")[:-1]), reversed(key.split("/")[:-1]), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


TELLS = {
    "folder": lambda path, key, split: _shared_folders(path, key) > 0 or _both_lie_in(path, key, split),
    "split": lambda path, _, split: _may_be_of(path, split),
}


def name_of(key):
    """What a key calls the video itself: no folders, no suffixes."""
    return _names(os.path.normpath(key))[-1]


def find_videos(root, source="auto"):
    """Search `root` and all folders below it, links followed.  -> Tree

    source  video, frames (a folder of images without folders in it is a video), lmdb, or auto: whichever is there
    """
    root = Path(root)
    if source not in ("auto", *SOURCES):
        raise ValueError(f"no source {source!r}; there are auto, {', '.join(SOURCES)}")
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder of videos")
    found, problems = {kind: [] for kind in SOURCES}, []
    _search(root, found, problems)
    counts = {kind: len(paths) for kind, paths in found.items() if paths}
    if source == "auto":
        if len(counts) != 1:
            there = ", ".join(f"{count} of source {kind}" for kind, count in counts.items()) or "no videos at all"
            raise ValueError(f"{root} holds {there}; choose one with --source, or another --root")
        (source,) = counts
    tree = Tree(root, source, found[source])
    tree.problems += problems
    return tree


def _search(root, found, problems):
    waiting, seen = [""], set()
    while waiting:
        folder = waiting.pop()
        identity = os.stat(root / folder)
        if (identity.st_dev, identity.st_ino) in seen:  # a link that leads back up
            continue
        seen.add((identity.st_dev, identity.st_ino))
        folders, videos, images, database = [], [], False, False
        with os.scandir(root / folder) as entries:
            for entry in entries:
                suffix = os.path.splitext(entry.name)[1].lower()
                if entry.name.startswith("."):
                    continue
                path = f"{folder}/{entry.name}".lstrip("/")
                try:
                    is_folder = entry.is_dir()
                except OSError as error:  # a link that leads to itself
                    problems.append(f"{path!r}: {error.strerror}")
                    continue
                if suffix in VIDEO_SUFFIXES and not is_folder:
                    videos.append(path)
                elif suffix in IMAGE_SUFFIXES:
                    images = True
                elif entry.name == DATABASE:
                    database = True
                elif is_folder:
                    folders.append(path)
        videos = [path for path in videos if _writable(path, problems)]
        waiting += [path for path in folders if _writable(path, problems)]
        found["video"] += videos
        found["lmdb"] += [folder] if database and folder else []
        found["frames"] += [folder] if images and folder and not (folders or videos) else []


def _writable(path, problems):
    try:
        path.encode("utf-8")
        return True
    except UnicodeEncodeError:
        problems.append(f"{path!r}: its name is not UTF-8")
        return False


def frame_pattern(root, folders, pattern=None):
    """How the images in frame folders are named, from up to 20 folders.  -> pattern, first number: "img_{:05d}.jpg", 1

    Optical flow beside the frames (flow_x_00001.jpg) is passed over, and prefixes that are not known where one is.
    pattern  what the user says they are called, None: find out
    ValueError: nothing is numbered, or several names are used equally often
    """
    votes, firsts, given = Counter(), {}, pattern and shape(pattern)
    for folder in folders[:: max(1, len(folders) // 20)]:
        names = [FRAME_NAME.fullmatch(name) for name in sorted(os.listdir(Path(root) / folder))]
        names = [name for name in names if name and name[3].lower() in IMAGE_SUFFIXES]
        for prefix, suffix in sorted({(name[1], name[3]) for name in names}):
            digits = [name[2] for name in names if (name[1], name[3]) == (prefix, suffix)]
            votes[prefix, suffix, min(map(len, digits))] += len(digits)
            firsts.setdefault((prefix, suffix), Counter())[min(map(int, digits))] += 1
    if given:
        return pattern, _usual(firsts.get(given, Counter({1: 1})))
    if not votes:
        raise ValueError(f"{root}: its images do not end in numbers, as 00001.jpg does; say it with --frame-pattern")
    known = {name: count for name, count in votes.items() if name[0].lower() in KNOWN_PREFIXES} or votes
    best = sorted(name for name, count in known.items() if count == max(known.values()))
    if len({name[:2] for name in best}) > 1:
        names = ", ".join(_pattern(*name) for name in best)
        raise ValueError(f"{root}: which images are the frames, {names}? Say it with --frame-pattern")
    prefix, suffix, width = best[0]
    return _pattern(prefix, suffix, width), _usual(firsts[prefix, suffix])


def _usual(numbers):
    """The number that most folders begin with, of several the least: where it is missing, that is told."""
    return min(number for number, count in numbers.items() if count == max(numbers.values()))


def _pattern(prefix, suffix, width):
    return "{}{{:0{}d}}{}".format(prefix.replace("{", "{{").replace("}", "}}"), width, suffix)


def shape(pattern):
    """A pattern's prefix and suffix."""
    before, _, after = pattern.partition("{:")
    return tuple(part.replace("{{", "{").replace("}}", "}") for part in (before, after.partition("}")[2]))


def relative(root, folder):
    """`root` as dataset.json says it: relative to the manifest's folder, so that both can move together."""
    return PurePosixPath(os.path.relpath(Path(root).resolve(), Path(folder).resolve()))
