"""What lies on disk: the video files, frame folders or databases under a root, found by the names of label files."""

import os
import re
from collections import Counter
from itertools import takewhile
from pathlib import Path, PurePosixPath

VIDEO_SUFFIXES = {".mp4", ".avi", ".webm", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ts"}
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}
DATABASE = "data.mdb"  # a folder with this file is an LMDB environment
SOURCES = ("video", "frames", "lmdb")
FRAME_NAME = re.compile(r"(?!flow)(.*?)(\d+)(\.\w+)", re.IGNORECASE)


class Tree:
    """The videos of one source under `root`: .paths relative to it, sorted; .find(key); .problems."""

    def __init__(self, root, source, paths):
        self.root, self.source, self.paths, self.problems = Path(root), source, sorted(paths), []
        self._by_name = {}
        for path in self.paths:
            name = path.rsplit("/", 1)[-1]
            for known in {name, self._stem(name)}:
                self._by_name.setdefault(known, []).append(path)

    def _stem(self, name):
        return os.path.splitext(name)[0] if self.source == "video" else name

    def find(self, key):
        """The video that a label file calls `key`: by its name, with any extension, in any folder.  -> path or None

        Of several, the one with the most folders of `key` before its name; if that does not decide it, the first, and a
        problem is recorded.
        """
        key = os.path.normpath(key)
        name = key.rsplit("/", 1)[-1]
        found = self._by_name.get(name) or self._by_name.get(os.path.splitext(name)[0]) or []
        if len(found) > 1:
            shared = [_shared_folders(path, key) for path in found]
            found = [path for path, folders in zip(found, shared, strict=True) if folders == max(shared)]
        if len(found) > 1:
            self.problems.append(f"{key}: it is there {len(found)} times, {', '.join(found[:3])}: the first counts")
        return found[0] if found else None


def _shared_folders(path, key):
    """How many folders before the name are the same in both, counted from the name."""
    pairs = zip(reversed(path.split("/")[:-1]), reversed(key.split("/")[:-1]), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


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
                if suffix in VIDEO_SUFFIXES and not entry.is_dir():
                    videos.append(path)
                elif suffix in IMAGE_SUFFIXES:
                    images = True
                elif entry.name == DATABASE:
                    database = True
                elif entry.is_dir():
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


def frame_pattern(root, folders):
    """How the images in frame folders are named, from up to 20 folders.  -> pattern, first number: "img_{:05d}.jpg", 1

    Optical flow beside the frames (flow_x_00001.jpg) is passed over. ValueError: nothing is numbered
    """
    votes, firsts = Counter(), {}
    for folder in folders[:: max(1, len(folders) // 20)]:
        names = [FRAME_NAME.fullmatch(name) for name in os.listdir(Path(root) / folder)]
        names = [name for name in names if name and name[3].lower() in IMAGE_SUFFIXES]
        for prefix, suffix in {(name[1], name[3]) for name in names}:
            digits = [name[2] for name in names if (name[1], name[3]) == (prefix, suffix)]
            votes[prefix, suffix, min(map(len, digits))] += len(digits)
            firsts.setdefault((prefix, suffix), Counter())[min(map(int, digits))] += 1
    if not votes:
        raise ValueError(f"{root}: its images have no numbers, as 00001.jpg has")
    (prefix, suffix, width), _ = votes.most_common(1)[0]
    first = firsts[prefix, suffix].most_common(1)[0][0]
    prefix = prefix.replace("{", "{{").replace("}", "}}")
    return f"{prefix}{{:0{width}d}}{suffix}", first


def relative(root, folder):
    """`root` as dataset.json says it: relative to the manifest's folder, so that both can move together."""
    return PurePosixPath(os.path.relpath(Path(root).resolve(), Path(folder).resolve()))
