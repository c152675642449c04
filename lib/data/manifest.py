"""The manifest: which videos a dataset has, with their labels and splits. Written by data_prep, read by lib.data.

A folder holds manifest.csv (one row per video), classes.txt (one class per line) and dataset.json (what they describe).
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from lib.data.content import fingerprint
from lib.data.dataset_json import check_dataset
from lib.data.manifest_rows import SPLITS, Video, check_no_leak, parse_videos, render_videos
from lib.files import read_json, write_json, write_text


@dataclass(frozen=True)
class Manifest:
    """A dataset as read by `read_manifest`."""

    folder: Path
    name: str
    source: str  # video, frames or lmdb
    root: Path  # every video's path lies under it
    classes: tuple[str, ...]
    videos: tuple[Video, ...]
    mirror_pairs: tuple[tuple[int, int], ...] | None  # labels a mirror image exchanges; () = none; None = never mirror
    frame_pattern: str | None  # sources "frames", "lmdb": a frame's file name or key, e.g. "img_{:05d}.jpg"
    first_index: int | None  # number of the first frame in that pattern
    expected: dict[str, int]  # videos per split that the dataset's authors list
    hash: str  # SHA-256 of manifest.csv and classes.txt
    unmirrored: tuple[int, ...] = ()  # labels whose clips are never mirrored: their mirror image is no class

    @property
    def frame_names(self):
        """Where frames are images: of which source, and how they are called; [] of video files."""
        return [] if self.source == "video" else [self.source, self.frame_pattern, self.first_index]

    @property
    def found(self):
        """Usable videos per split."""
        return dict(Counter(video.split for video in self.videos if video.status == "ok"))

    def split(self, name):
        """The usable videos of one split, in the file's order.  -> list of Video"""
        if name not in SPLITS:
            raise ValueError(f"no split {name!r}; there are {', '.join(SPLITS)}")
        return [video for video in self.videos if video.split == name and video.status == "ok"]


def read_manifest(folder):
    """Read and check the dataset in `folder`; ValueError names the file, line and column that is wrong.  -> Manifest"""
    folder = Path(folder)
    for file in ("manifest.csv", "classes.txt", "dataset.json"):
        if not (folder / file).is_file():
            raise FileNotFoundError(f"{folder / file} is missing: prepare the dataset with data_prep")
    dataset = check_dataset(read_json(folder / "dataset.json"), folder / "dataset.json")
    return _check(folder, dataset, _read(folder / "manifest.csv"), _read(folder / "classes.txt"))


def read_class_names(file):
    """The names of a manifest's classes.txt, letter by letter; of others' lists: data_prep.class_names.  -> tuple"""
    return parse_classes(_read(Path(file)), file)


def write_manifest(folder, *, contents=True, **content):
    """Check a dataset and write its three files, dataset.json last.  -> Manifest

    contents  keep the fingerprint of every usable video's file, if that is there: identity is content. False: of a
              dataset whose files an encoder makes, here these bytes and there others
    content   as for `make_manifest`
    """
    root = (Path(folder) / content.get("root", ".")).resolve()
    videos = [replace(video, content=_content(root, video) if contents else "") for video in content["videos"]]
    manifest = make_manifest(folder=folder, **{**content, "videos": videos})
    write_text(manifest.folder / "manifest.csv", render_videos(manifest.videos))
    write_text(manifest.folder / "classes.txt", _render_classes(manifest.classes))
    dataset = {
        "name": manifest.name,
        "source": manifest.source,
        "root": str(content.get("root", ".")),
        "frame_pattern": manifest.frame_pattern,
        "first_index": manifest.first_index,
        "expected": manifest.expected,
        "found": manifest.found,
        "mirror_pairs": manifest.mirror_pairs,
        "unmirrored": manifest.unmirrored,
        "hash": manifest.hash,
    }
    write_json(manifest.folder / "dataset.json", dataset)
    return manifest


def make_manifest(
    *,
    name,
    classes,
    videos,
    mirror_pairs,
    source="video",
    root=".",
    folder=".",
    frame_pattern=None,
    first_index=None,
    expected=None,
    unmirrored=(),
):
    """Check a dataset without writing it, say for videos that are arrays in memory.  -> Manifest

    root          relative to `folder`, or absolute
    mirror_pairs  pairs of label indices that a mirror image exchanges; () = mirroring leaves every label as it is;
                  None = never mirror
    unmirrored    labels whose clips are never mirrored
    expected      videos per split that the dataset's authors list; None = as many as `videos` has
    """
    folder, videos = Path(folder), list(videos)
    dataset = {
        "name": name,
        "source": source,
        "root": root,
        "frame_pattern": frame_pattern,
        "first_index": first_index,
        "expected": dict(Counter(video.split for video in videos) if expected is None else expected),
        "mirror_pairs": mirror_pairs,
        "unmirrored": list(unmirrored),
    }
    dataset, names = check_dataset(dataset, folder / "dataset.json"), _render_classes(classes)
    manifest = _check(folder, dataset, render_videos(videos), names)
    return _check(folder, dataset, render_videos(manifest.videos), names)  # the hash of 30.0 fps, if 30 was given


def _content(root, video):
    try:
        return fingerprint(root / video.path) if video.status == "ok" else video.content  # what it was, while it was
    except OSError:
        return ""


def _read(file):
    try:
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8: {error}") from None


def _check(folder, dataset, rows, names):
    """Build the Manifest from dataset.json's dict and the two texts, refusing whatever does not fit together."""
    classes = parse_classes(names, folder / "classes.txt")
    videos = tuple(parse_videos(rows, folder / "manifest.csv", len(classes)))
    check_no_leak(videos, folder / "manifest.csv")
    if dataset["source"] != "video" and not (dataset.get("frame_pattern") and dataset.get("first_index") is not None):
        raise ValueError(f"{folder / 'dataset.json'}: source {dataset['source']} needs frame_pattern and first_index")
    found_hash = hashlib.sha256(f"{rows.rstrip()}\n{names.rstrip()}\n".encode()).hexdigest()
    if dataset.get("hash", found_hash) != found_hash:
        raise ValueError(
            f"{folder}: manifest.csv or classes.txt is not the one that dataset.json describes (hash differs); "
            "prepare the dataset again, or, if you mean the edit, remove hash from dataset.json"
        )
    return Manifest(
        folder=folder,
        name=dataset["name"],
        source=dataset["source"],
        root=(folder / dataset["root"]).resolve(),
        classes=classes,
        videos=videos,
        mirror_pairs=_parse_pairs(dataset["mirror_pairs"], folder / "dataset.json", len(classes)),
        frame_pattern=dataset.get("frame_pattern"),
        first_index=dataset.get("first_index"),
        expected=dataset.get("expected", {}),
        hash=found_hash,
        unmirrored=_parse_labels(dataset.get("unmirrored", []), folder / "dataset.json", len(classes)),
    )


def parse_classes(text, file):
    """The names of a classes.txt.  -> tuple; ValueError, naming file and line: one is empty, or stands twice"""
    classes = tuple(text.rstrip("\n").split("\n"))
    seen = set()
    for line, name in enumerate(classes, start=1):
        if not name.strip() or name in seen or set(name) & {"\r", "\ufeff"}:  # the mark would be no letter when read
            raise ValueError(f"{file}, line {line}: {name[:100]!r} is empty, stands twice or is several lines")
        seen.add(name)
    return classes


def _parse_pairs(pairs, file, classes):
    if pairs is None:
        return None
    labels = _parse_labels([label for pair in pairs for label in pair], file, classes, "mirror_pairs")
    if any(len(pair) != 2 for pair in pairs) or len(set(labels)) != len(labels):
        raise ValueError(f"{file}: mirror_pairs {pairs} must be pairs of labels, each label in one pair at most")
    return tuple((first, second) for first, second in pairs)


def _parse_labels(labels, file, classes, what="unmirrored"):
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise ValueError(f"{file}: {what} {str(labels)[:100]} names a label outside 0..{classes - 1}")
    return tuple(labels)


def _render_classes(classes):
    return "".join(f"{name}\n" for name in classes)
