"""UCF-101: 101 actions, three splits over the same videos.

A split is a manifest of its own.

Videos   <class>/v_<class>_g01_c01.avi, or folders of frames of these names
Labels   classInd.txt, trainlist01.txt, testlist01.txt, and 02, 03    `1 ApplyEyeMakeup`, `ApplyEyeMakeup/v_....avi 1`
         or  ucf101_01.json, ...    Efficient-3DCNNs

There are train and test lists only; so that nothing is chosen on test, a tenth of each class's groups (videos cut from
one recording) becomes val. `--hold-out 0` leaves the published training set whole.
Source: Soomro et al., UCF101, arXiv:1212.0402.
"""

import re

from data_prep import listings as dataset
from data_prep.class_names import read_classes
from data_prep.formats import SUBSETS, read_database
from data_prep.labels import INTEGER, Listing, find_files, read_lines, short

EXAMPLE = "python -m data_prep ucf101 --root /data/UCF-101 --labels /data/ucfTrainTestlist --out data/ucf101"
PUBLISHED = {
    1: {"train": 9537, "test": 3783},
    2: {"train": 9586, "test": 3734},
    3: {"train": 9624, "test": 3696},
}


def read_official(files):
    """classInd.txt, trainlist0N.txt, whose classes count from 1, and testlist0N.txt, whose folders name them."""
    listing = Listing(read_classes(files["classes"], numbered=True), file=files["classes"])
    numbered = dict(enumerate(listing.classes))
    for split in ("train", "test"):
        for place, text in read_lines(files[split], listing.problems):
            key, *number = text.replace("\\", "/").split()  # as written under Windows
            if "/" not in key or len(number) > 1 or (split == "train" and not number):
                rule = "class/video" + " and a class number" * (split == "train")
                listing.problems.append(f"{place}: {short(text)} must be: {rule}")
                continue
            counted = number and INTEGER.fullmatch(number[0])  # from 1
            folder = key.rsplit("/", 1)[0].rsplit("/", 1)[-1]
            label = int(number[0]) - 1 if counted else number[0] if number else folder
            if counted and folder in listing.classes and folder != numbered.get(label, folder):
                listing.problems.append(f"{place}: {short(text)} gives {folder} another number than classInd.txt")
                continue
            listing.add(place, key, label, split)
    return listing


def read_converted(files):
    """The JSON of Efficient-3DCNNs, which calls the test list validation."""
    return read_database(files["json"], subsets=SUBSETS | {"validation": "test"})


def layouts(split):
    """The label files of split 1, 2 or 3."""
    lists = {"train": f"trainlist0{split}.txt", "test": f"testlist0{split}.txt"}
    return [({"classes": "classInd.txt", **lists}, read_official), ({"json": f"ucf101_0{split}.json"}, read_converted)]


def recording(key):
    """`ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi` -> `v_ApplyEyeMakeup_g08`"""
    return re.sub(r"_c\d+(\.\w+)?$", "", key.rsplit("/", 1)[-1])


def prepare(out, *, root, labels=None, splits=(1, 2, 3), hold_out=0.1, **options):
    """Write a manifest per split to `out`/split1, ...  -> {"split1": Manifest, ...}

    splits   which of the three; other options as for `data_prep.listings.prepare_listings`
    """
    listings = {}
    for split in splits:
        files, read = find_files(labels or root, layouts(split))
        listings[f"split{split}"] = read(files)
    published = {f"split{split}": counts for split, counts in PUBLISHED.items()}
    known = {"name": "ucf101", "root": root, "group": recording, "published": published, "hold_out": hold_out}
    return dataset.prepare_listings(out, listings, **known, **options)


def add_arguments(parser):
    """The shared options, and --splits."""
    dataset.add_arguments(parser, hold_out=0.1)
    parser.add_argument(
        "--splits", type=int, nargs="+", choices=(1, 2, 3), default=(1, 2, 3), help="default: all three"
    )
