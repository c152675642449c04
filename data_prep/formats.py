"""The label files of the five systems and of mmaction2, read and written.

Lists, one video per line, after its path: `LISTS`. The path may contain blanks where the format's own reader allows it.

    tsn                  12345 48 17                       RubiksNet, TSM, CAKES (GST: with tabs), labels from 0
    optplan              my videos/clip one.mp4 128 17
    mmaction_videos      zumba/AAAAAAAAAAA_000005_000015.mp4 1
    mmaction_rawframes   zumba/AAAAAAAAAAA_000005_000015 3 1
    mmaction_offset      some/long_video 12 163 3          first frame, number of frames, label

The JSON of Efficient-3DCNNs, {"labels": [...], "database": {key: {"subset": ..., "annotations": ...}}}, is that of
ActivityNet with one annotation per video; for Kinetics it has one level more.
"""

import json
import re
from collections import Counter
from functools import partial
from pathlib import Path

from data_prep.class_names import read_classes
from data_prep.labels import INTEGER, Listing, read_json, read_lines, read_rows, short
from lib.files import write_text

LISTS = {
    "tsn": ("frames", "label"),
    "optplan": ("frames", "label"),
    "mmaction_videos": ("label",),
    "mmaction_rawframes": ("frames", "label"),
    "mmaction_offset": ("offset", "frames", "label"),
}
PATHS_WITH_BLANKS = ("optplan",)
SUBSETS = {"training": "train", "validation": "val", "testing": "test"}


def read_lists(files, classes, form, *, first_label=0):
    """Lists of one of the formats of LISTS.  -> Listing

    files        {split: path}
    first_label  what the format calls the first class: 0, or 1 as in UCF-101
    """
    listing, numbers = Listing(classes), set()
    columns = _columns(form)
    for split, file in files.items():
        for place, text in read_lines(file, listing.problems):
            path, values = _split_line(text, len(columns))
            if path is None:
                listing.problems.append(f"{place}: {short(text)} must be: path, {', '.join(columns)}")
                continue
            values = dict(zip(columns, values, strict=True))
            numbers.add(values["label"])
            listing.add(place, path, values.pop("label") - first_label, split, **values)
    if first_label and numbers == set(range(len(listing.classes))):
        raise ValueError(f"{file}: class 0 occurs, and never {len(numbers)}: do labels count from 0?")
    return listing


def _split_line(text, count):
    """A path, then `count` integers; blanks, tabs and commas separate them.  -> path or None, integers"""
    head, *values = text.replace(",", " ").rsplit(None, count) or [""]
    if len(values) != count or not all(map(INTEGER.fullmatch, values)):
        return None, []
    return text[: len(head)], [int(value) for value in values]


def read_list_files(files, form):
    """Lists, and their class names in files["classes"], one per line; as `find_files` finds them.  -> Listing"""
    files = dict(files)
    return read_lists(files, read_classes(files.pop("classes")), form)


# What the lists are called where people have them, see data_prep.labels.find_files
LIST_LAYOUTS = [
    ({"train": "train_video*folder.txt", "val": "val_video*folder.txt", "classes": "category.txt"}, "tsn"),
    (
        {"train": "*train_list_videos.txt", "val": "*val_list_videos.txt", "classes": "*label_map*.txt"},
        "mmaction_videos",
    ),
    (
        {"train": "*train_list_rawframes.txt", "val": "*val_list_rawframes.txt", "classes": "*label_map*.txt"},
        "mmaction_rawframes",
    ),
]
LIST_LAYOUTS = [(roles, partial(read_list_files, form=form)) for roles, form in LIST_LAYOUTS]


def write_list(file, entries, form):
    """Write entries as a list of one of the formats of LISTS; a path or number it cannot hold is a ValueError."""
    rows, columns = [], _columns(form)
    for entry in entries:
        values = [getattr(entry, column) for column in columns]
        blanks = re.search(r"[^\S ]|[\x00-\x1f\x7f\x85\u2028\u2029]" if form in PATHS_WITH_BLANKS else r"\s", entry.key)
        if None in values or blanks or entry.key != entry.key.strip():
            raise ValueError(f"{entry.key!r} {values} cannot be a line of {form}: path, {', '.join(columns)}")
        rows.append(" ".join(map(str, (entry.key, *values))))
    write_text(file, "".join(f"{row}\n" for row in rows))


def _columns(form):
    if form not in LISTS:
        raise ValueError(f"no list format {form!r}; there are {', '.join(LISTS)}")
    return LISTS[form]


def read_mmaction_json(files, classes):
    """mmaction2's JSON: [{"frame_dir" or "filename": path, "total_frames": n, "label": [k]}, ...].  -> Listing

    files  {split: path}; a video of several labels is a problem: a manifest has one
    """
    listing = Listing(classes)
    for split, file in files.items():
        for number, row in enumerate(read_rows(file, listing.problems), start=1):
            place = f"{Path(file).name}, video {number}"
            row = row if isinstance(row, dict) else {}
            labels = row.get("label")
            labels = labels if isinstance(labels, list) else [labels]
            path = row.get("frame_dir", row.get("filename"))
            if path is None or len(labels) != 1 or labels[0] is None:
                listing.problems.append(f"{place}: {short(row)} must have frame_dir or filename, and one label")
            else:
                listing.add(place, path, labels[0], split, frames=row.get("total_frames"))
    return listing


def read_database(file, *, classes=None, subsets=SUBSETS, unit="frames"):
    """The JSON of Efficient-3DCNNs, flat or nested by subset, or of ActivityNet, with segments.  -> Listing

    classes  None: the file's "labels", or else all labels in it, sorted
    subsets  the file's name of a subset -> split
    unit     of segments: "frames", [first, last + 1] counted from 1, as 3D-ResNets' scripts write them; or "seconds"
    """
    problems, name = [], Path(file).name
    content = read_json(file, problems)
    if not isinstance(content, dict) or not isinstance(content.get("database"), dict):
        raise ValueError(f'{file}: "database" is missing; it must be {{"labels": [...], "database": {{...}}}}')
    videos, homes = content["database"], {}
    if videos and set(videos) <= set(SUBSETS) and all(isinstance(video, dict) for video in videos.values()):
        homes = {key: subset for subset, those in videos.items() for key in those}
        videos = {key: video for subset in videos.values() for key, video in subset.items()}
    if classes is None:
        classes = _classes(content.get("labels"), videos, file)
    listing, unlabelled = Listing(classes, problems, file=file), Counter()
    for key, video in videos.items():
        place = f"{name}, {short(key)}"
        if not isinstance(video, dict) or video.get("subset") not in list(subsets):
            listing.problems.append(f"{place}: subset must be {' or '.join(subsets)}")
            continue
        if homes.get(key, video["subset"]) != video["subset"]:
            listing.problems.append(f"{place}: it stands under {homes[key]}, and says {video['subset']}")
            continue
        labelled = [one for one in _annotations(video) if not isinstance(one, dict) or "label" in one]
        if not labelled and video["subset"] == "testing":  # these are kept back
            unlabelled[video["subset"]] += 1
        elif not labelled:
            listing.problems.append(f"{place}: it has no annotations")
        for annotation in labelled:
            _add_annotation(listing, place, key, subsets[video["subset"]], annotation, unit, video.get("n_frames"))
    for subset, count in unlabelled.items():
        listing.problems.append(f"{name}: {count} videos of subset {subset} have no label; they are left out")
    return listing


def _classes(labels, videos, file):
    if not isinstance(labels, list | None):
        raise ValueError(f'{file}: "labels" must be a list of names, the first being class 0, not {short(labels)}')
    if labels:
        return labels
    found = [one for video in videos.values() for one in _annotations(video) if isinstance(one, dict)]
    return sorted({one["label"] for one in found if isinstance(one.get("label"), str)})


def _annotations(video):
    found = video.get("annotations") if isinstance(video, dict) else None
    return [found] if isinstance(found, dict) else found if isinstance(found, list) else []


def _add_annotation(listing, place, key, split, annotation, unit, frames):
    try:
        part = UNITS[unit](*_ends(annotation["segment"])) if "segment" in annotation else {"frames": frames or None}
        label = annotation["label"]
    except (KeyError, TypeError, ValueError, OverflowError):
        rule = "[first, last + 1] in whole frames from 1" if unit == "frames" else "[start, end] in seconds"
        listing.problems.append(f"{place}: {short(annotation)} must have a label, and perhaps a segment {rule}")
    else:
        listing.add(place, key, label, split, **part)


def _ends(segment):
    if not isinstance(segment, list) or any(isinstance(end, bool) for end in segment):
        raise TypeError("no pair of numbers")
    return segment


def _in_seconds(start, end):
    return {"start": float(start), "end": float(end), "claims": True}


def _in_frames(first, stop):
    if first != int(first) or stop != int(stop) or not 1 <= first < stop:
        raise ValueError("no frames")
    return {"offset": int(first) - 1, "frames": int(stop) - int(first), "claims": True}


UNITS = {"seconds": _in_seconds, "frames": _in_frames}


def write_database(file, classes, entries, *, nested=False):
    """Write the JSON of Efficient-3DCNNs.

    nested  as for Kinetics: by subset, with n_frames, the keys being file names with an extension
    """
    names = {split: subset for subset, split in SUBSETS.items()}
    database = {names[entry.split]: {} for entry in entries} if nested else {}
    for entry in entries:
        row = {"subset": names[entry.split], "annotations": {"label": classes[entry.label]}}
        row |= {"n_frames": entry.frames or 0} if nested else {}
        home = database[row["subset"]] if nested else database
        if entry.key in home:
            raise ValueError(f"{entry.key!r} stands twice: this format has one label per video")
        home[entry.key] = row
    write_text(file, json.dumps({"labels": list(classes), "database": database}))


def read_20bn(files):
    """Something-Something v1 and Jester as published: `<id>;<label>` lines, class names one per line, sorted here.

    files  {"classes": path, split: path}  -> Listing
    """
    listing = Listing(sorted(read_classes(files["classes"])), file=files["classes"])
    for split in ("train", "val"):
        for place, text in read_lines(files[split], listing.problems):
            key, semicolon, label = text.partition(";")
            if semicolon:
                listing.add(place, key.strip(), label.strip(), split)
            else:
                listing.problems.append(f"{place}: {short(text)} must be: id;label")
    return listing
