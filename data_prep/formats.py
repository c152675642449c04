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
from functools import partial
from pathlib import Path

from data_prep.labels import Listing, read_classes, read_json, read_lines
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
    listing = Listing(classes)
    columns = _columns(form)
    # a path, then integers; blanks, tabs and commas separate them
    line = re.compile(r"(\S.*?)" + r"[\s,]+(-?\d+)" * len(columns))
    for split, file in files.items():
        for place, text in read_lines(file, listing.problems):
            match = line.fullmatch(text)
            if not match:
                listing.problems.append(f"{place}: {text!r} must be: path, {', '.join(columns)}")
                continue
            values = dict(zip(columns, map(int, match.groups()[1:]), strict=True))
            listing.add(place, match[1], values.pop("label") - first_label, split, **values)
    return listing


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
        if None in values or (re.search(r"\s", entry.key) and form not in PATHS_WITH_BLANKS):
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
        rows = read_json(file, listing.problems)
        if not isinstance(rows, list):
            raise ValueError(f"{file} must be a list of videos")
        for number, row in enumerate(rows, start=1):
            place = f"{Path(file).name}, video {number}"
            labels = row.get("label")
            labels = labels if isinstance(labels, list) else [labels]
            path = row.get("frame_dir", row.get("filename"))
            if path is None or len(labels) != 1 or labels[0] is None:
                listing.problems.append(f"{place}: {row} must have frame_dir or filename, and one label")
            else:
                listing.add(place, path, labels[0], split, frames=row.get("total_frames"))
    return listing


def read_database(file, *, classes=None, subsets=SUBSETS):
    """The JSON of Efficient-3DCNNs, flat or nested by subset, or of ActivityNet, with segments.  -> Listing

    classes  None: the file's "labels", or else all labels in it, sorted
    subsets  the file's name of a subset -> split
    """
    problems = []
    content = read_json(file, problems)
    if not isinstance(content, dict) or not isinstance(content.get("database"), dict):
        raise ValueError(f'{file}: "database" is missing; it must be {{"labels": [...], "database": {{...}}}}')
    videos = content["database"]
    if videos and set(videos) <= set(SUBSETS):
        videos = {key: video for subset in videos.values() for key, video in subset.items()}
    if classes is None:
        annotations = [one for video in videos.values() for one in _annotations(video)]
        classes = content.get("labels") or sorted({one["label"] for one in annotations if "label" in one})
    listing, name = Listing(classes, problems), Path(file).name
    for key, video in videos.items():
        place = f"{name}, {key!r}"
        if not isinstance(video, dict) or video.get("subset") not in subsets:
            listing.problems.append(f"{place}: subset must be {' or '.join(subsets)}")
        elif not _annotations(video) and video["subset"] != "testing":  # ActivityNet keeps those to itself
            listing.problems.append(f"{place}: it has no annotations")
        for annotation in _annotations(video) if isinstance(video, dict) and video.get("subset") in subsets else []:
            _add_annotation(listing, place, key, subsets[video["subset"]], annotation, video.get("n_frames") or None)
    return listing


def _annotations(video):
    found = video.get("annotations") if isinstance(video, dict) else None
    return [found] if isinstance(found, dict) else found or []


def _add_annotation(listing, place, key, split, annotation, frames):
    try:
        start, end = map(float, annotation["segment"]) if "segment" in annotation else (None, None)
        label = annotation["label"]
    except (KeyError, TypeError, ValueError):
        listing.problems.append(
            f"{place}: {annotation} must have a label, and perhaps a segment [start, end] in seconds"
        )
    else:
        listing.add(place, key, label, split, start=start, end=end, frames=frames)


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
    listing = Listing(sorted(read_classes(files["classes"])))
    for split in ("train", "val"):
        for place, text in read_lines(files[split], listing.problems):
            key, semicolon, label = text.partition(";")
            if semicolon:
                listing.add(place, key, label.strip(), split)
            else:
                listing.problems.append(f"{place}: {text!r} must be: id;label")
    return listing
