"""Diving48: 48 competition dives that differ in motion only.

Videos   rgb/<name>.mp4, or folders of frames of these names
Labels   Diving48_vocab.json, Diving48_V2_train.json, Diving48_V2_test.json, or Diving48_train.json, Diving48_test.json

A class is its four stages, "Back, 15som, 05Twis, FREE". They are the same in a mirror image. There are train and test
lists only; so that nothing is chosen on test, a tenth of each class's recordings becomes val. `--hold-out 0` leaves the
published training set whole.  Source: Li, Li, Vasconcelos, RESOUND, ECCV 2018.
"""

from pathlib import Path

from data_prep import listings as dataset
from data_prep.labels import Listing, find_files, read_rows, short

PUBLISHED = {"train": 15027, "test": 1970}  # of V2; V1 has other labels for more videos
EXAMPLE = "python -m data_prep diving48 --root /data/diving48/rgb --labels /data/diving48 --out data/diving48"


def read_dives(files):
    """The vocabulary, [["Back", "15som", "05Twis", "FREE"], ...], and [{"vid_name": ..., "label": 0}, ...]."""
    problems = []
    stages = read_rows(files["classes"], problems)
    if not all(isinstance(parts, list) and all(isinstance(part, str) for part in parts) for parts in stages):
        raise ValueError(f'{files["classes"]} must be a list of classes, each ["Back", "15som", "05Twis", "FREE"]')
    listing = Listing([", ".join(parts) for parts in stages], problems, file=files["classes"])
    for split in ("train", "test"):
        for number, row in enumerate(read_rows(files[split], listing.problems), start=1):
            place = f"{Path(files[split]).name}, video {number}"
            if not isinstance(row, dict) or not {"vid_name", "label"} <= set(row):
                listing.problems.append(f"{place}: {short(row)} must have a vid_name and a label")
            else:
                listing.add(place, row["vid_name"], row["label"], split, frames=row.get("end_frame"))
    return listing


LAYOUTS = [
    (
        {
            "classes": "Diving48_vocab.json",
            "train": f"Diving48{version}_train.json",
            "test": f"Diving48{version}_test.json",
        },
        read_dives,
    )
    for version in ("_V2", "")
]


def recording(key):
    """`6mCFrFoZXyQ_00001` -> `6mCFrFoZXyQ`: one competition's recording stays in one split"""
    return key.rsplit("/", 1)[-1].rsplit("_", 1)[0]


def prepare(out, *, root, labels=None, hold_out=0.1, **options):
    """Write the manifest to `out`.  -> {"": Manifest}; options as for `data_prep.listings.prepare_listings`"""
    files, read = find_files(labels or root, LAYOUTS)
    published = {"": PUBLISHED} if "_V2_" in files["train"].name else None
    known = {"name": "diving48", "root": root, "group": recording, "hold_out": hold_out, "published": published}
    return dataset.prepare_listings(out, {"": read(files)}, **known, **options)


def add_arguments(parser):
    """The shared options."""
    dataset.add_arguments(parser, hold_out=0.1)
