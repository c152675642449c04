"""Jester: 27 hand gestures, as folders of frames.

Videos   <id>/00001.jpg, ..., anywhere under the root
Labels   one of  jester-v1-labels.csv, jester-v1-train.csv, jester-v1-validation.csv    <id>;<label>
                 classInd.txt, trainlist.txt, vallist.txt    Efficient-3DCNNs: `1 Doing_other_things`, `34870 2`
                 jester*.json    Efficient-3DCNNs
                 Train.csv, Validation.csv    `video_id,label,...` of a mirror, frames in Train/<id> and Validation/<id>
                 train_videofolder.txt, val_videofolder.txt, category.txt    TSM

Classes are in alphabetical order, but for TSM's lists. A mirror image exchanges Left and Right, Clockwise and
Counterclockwise. Who makes the gesture is not published: a hold-out of one's own may show the same person in both.
Source: Materzynska et al., The Jester Dataset, ICCVW 2019.
"""

from data_prep import listings as dataset
from data_prep.class_names import read_classes
from data_prep.formats import LIST_LAYOUTS, read_20bn, read_database, read_lists
from data_prep.labels import Listing, find_files, read_table

EXAMPLE = "python -m data_prep jester --root /data/jester/20bn-jester-v1 --labels /data/jester --out data/jester"
PUBLISHED = {"train": 118562, "val": 14787}


def read_one_based(files):
    """The three text files of Efficient-3DCNNs.  -> Listing"""
    lists = {split: files[split] for split in ("train", "val")}
    return read_lists(lists, read_classes(files["classes"], numbered=True), "mmaction_videos", first_label=1)


def read_mirror(files):
    """Tables with a header; their label_id, which counts from 1 and has gaps where classes are missing, is not used."""
    problems = []
    tables = {split: list(read_table(files[split], ("video_id", "label"), problems)) for split in ("train", "val")}
    names = {row["label"].strip() for rows in tables.values() for _, row in rows}
    listing = Listing(sorted(names), problems, file=files["train"])
    for split, rows in tables.items():
        for place, row in rows:
            listing.add(place, row["video_id"].strip(), row["label"].strip(), split)
    return listing


LAYOUTS = [
    (
        {"classes": "jester-v1-labels.csv", "train": "jester-v1-train.csv", "val": "jester-v1-validation.csv"},
        read_20bn,
    ),
    ({"classes": "classInd.txt", "train": "trainlist.txt", "val": "vallist.txt"}, read_one_based),
    ({"json": "jester*.json"}, lambda files: read_database(files["json"])),
    ({"train": "Train.csv", "val": "Validation.csv"}, read_mirror),
    *LIST_LAYOUTS,
]


def prepare(out, *, root, labels=None, **options):
    """Write the manifest to `out`.  -> {"": Manifest}; options as for `data_prep.listings.prepare_listings`"""
    files, read = find_files(labels or root, LAYOUTS)
    listings, published = {"": read(files)}, {"": PUBLISHED}
    return dataset.prepare_listings(out, listings, name="jester", root=root, published=published, **options)


add_arguments = dataset.add_arguments
