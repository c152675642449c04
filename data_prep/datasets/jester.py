"""Jester: 27 hand gestures, as folders of frames.

Videos   <id>/00001.jpg, ..., anywhere under the root
Labels   one of  jester-v1-labels.csv, jester-v1-train.csv, jester-v1-validation.csv    <id>;<label>
                 classInd.txt, trainlist.txt, vallist.txt    Efficient-3DCNNs: `1 Doing_other_things`, `34870 2`
                 jester*.json    Efficient-3DCNNs

Classes are in alphabetical order in all three. A mirror image exchanges Left and Right, Clockwise and Counterclockwise.
Source: Materzynska et al., The Jester Dataset, ICCVW 2019.
"""

from data_prep import listings as dataset
from data_prep.formats import read_20bn, read_database, read_lists
from data_prep.labels import find_files, read_classes

EXAMPLE = "python -m data_prep jester --root /data/jester/20bn-jester-v1 --labels /data/jester --out data/jester"
PUBLISHED = {"train": 118562, "val": 14787}


def read_one_based(files):
    """The three text files of Efficient-3DCNNs.  -> Listing"""
    lists = {split: files[split] for split in ("train", "val")}
    return read_lists(lists, read_classes(files["classes"], numbered=True), "mmaction_videos", first_label=1)


LAYOUTS = [
    (
        {"classes": "jester-v1-labels.csv", "train": "jester-v1-train.csv", "val": "jester-v1-validation.csv"},
        read_20bn,
    ),
    ({"classes": "classInd.txt", "train": "trainlist.txt", "val": "vallist.txt"}, read_one_based),
    ({"json": "jester*.json"}, lambda files: read_database(files["json"])),
]


def prepare(out, *, root, labels=None, **options):
    """Write the manifest to `out`.  -> {"": Manifest}; options as for `data_prep.listings.prepare_listings`"""
    files, read = find_files(labels or root, LAYOUTS)
    listings, published = {"": read(files)}, {"": PUBLISHED}
    return dataset.prepare_listings(out, listings, name="jester", root=root, published=published, **options)


add_arguments = dataset.add_arguments
