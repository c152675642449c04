"""What is suspicious about a dataset though each of its lines is right. It is said and not mended."""

import unicodedata
from collections import defaultdict
from itertools import combinations

from data_prep.labels import short
from data_prep.report import print_remarks
from lib.files import write_text


def write_doubts(manifest, progress):
    """MANIFEST_FOLDER/doubts.txt; the first of them are shown, if there is `progress`."""
    lines, file = list(doubts(manifest)), manifest.folder / "doubts.txt"
    write_text(file, "".join(f"{line}\n" for line in lines))
    if progress:
        print_remarks(lines, file, "doubts")


def doubts(manifest):
    """Lines on classes that look like one, that only tests know, and on one video under two names.  -> list of str"""
    videos = [video for video in manifest.videos if video.status == "ok"]
    lines = [*_twins(manifest.classes), *_never_shown(manifest), *_never_trained(manifest, videos)]
    return [*lines, *_doubles(manifest, videos)]


def _twins(classes):
    """Names that differ by case, blanks or the way of writing an accent: in one dataset mostly a slip of the pen."""
    alike = defaultdict(list)
    for name in classes:
        alike["".join(unicodedata.normalize("NFKC", name).casefold().split())].append(name)
    return [f"classes {' and '.join(map(short, names))}: are they one?" for names in alike.values() if len(names) > 1]


def _never_shown(manifest):
    """Names of classes too many, a copy of a label file among others: each moves the numbers of those after it."""
    missing = sorted(set(range(len(manifest.classes))) - {video.label for video in manifest.videos})
    return [f"no video is listed of class {_some(manifest, missing)}"] if missing else []


def _never_trained(manifest, videos):
    trained = {video.label for video in videos if video.split == "train"}
    missing = sorted({video.label for video in videos} - trained) if trained else []
    return [f"no training video, but others: of class {_some(manifest, missing)}"] if missing else []


def _some(manifest, labels):
    more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
    return ", ".join(short(manifest.classes[label]) for label in labels[:5]) + more


def _doubles(manifest, videos):
    """One content under two names, in two splits or of two classes."""
    same = defaultdict(dict)
    for video in videos:
        if video.content:
            same[video.content].setdefault(video.path, video)
    for alike in same.values():
        for first, second in combinations(list(alike.values())[:4], 2):
            if (first.split, first.label) != (second.split, second.label):
                told = (f"{short(v.path)} ({v.split}, {short(manifest.classes[v.label])})" for v in (first, second))
                yield f"one video under two names: {' and '.join(told)}"
