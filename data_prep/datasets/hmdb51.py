"""HMDB51: 51 actions, three splits over the same videos.

A split is a manifest of its own.

Videos   <class>/<video>.avi, or folders of frames of these names
Labels   <class>_test_split1.txt, ... for every class, and 2, 3    `<video>.avi 0|1|2`: not used, train, test
         or  hmdb51_1.json, ...    Hara's JSON, as of Efficient-3DCNNs

Classes are in alphabetical order. There are train and test lists only; so that nothing is chosen on test, a tenth of
each class's films becomes val. `--hold-out 0` leaves the published training set whole.
Source: Kuehne et al., HMDB, ICCV 2011.
"""

import re
from functools import partial
from pathlib import Path

from data_prep import listings as dataset
from data_prep.formats import SUBSETS, read_database
from data_prep.labels import Listing, read_lines, short, visible

EXAMPLE = "python -m data_prep hmdb51 --root /data/hmdb51 --labels /data/testTrainMulti_7030_splits --out data/hmdb51"
PUBLISHED = {"train": 3570, "test": 1530}  # 70 and 30 of each class, in every split
ROLES = {"0": None, "1": "train", "2": "test"}


def read_split(folder, split):
    """The label files of one split.  -> Listing"""
    files = {file.name.split("_test_split")[0]: file for file in visible(Path(folder).glob(f"*_test_split{split}.txt"))}
    converted = Path(folder) / f"hmdb51_{split}.json"
    if not files and converted.is_file():
        return read_database(converted, subsets=SUBSETS | {"validation": "test"})
    if not files:
        raise ValueError(f"{folder} holds neither <class>_test_split{split}.txt nor {converted.name}")
    listing = Listing(sorted(files))
    for name, file in files.items():
        for place, text in read_lines(file, listing.problems):
            video, *role = text.rsplit(None, 1)
            if role not in ([known] for known in ROLES):
                listing.problems.append(f"{place}: {short(text)} must be: video, then 0, 1 or 2")
            elif ROLES[role[0]]:
                listing.add(place, f"{name}/{video}", name, ROLES[role[0]])
    return listing


ATTRIBUTES = re.compile(r"_[fhlu]_(?:cm|nm)_np\d+_[a-z]{2}_[a-z]{3}_\d+(?:\.\w+)?$")
PART = re.compile(r"(?:[\W_]*(?:part|pt|cd|disc)?[\W_]*\d+)+$", re.IGNORECASE)


def film(key, classes):
    """`brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi` -> `april`: what it was cut from, of whichever class

    Parts of one film are numbered, `Return_of_the_King_1` and `RETURN_OF_THE_KING_7`; they stay in one split.
    """
    title = ATTRIBUTES.sub("", key.rsplit("/", 1)[-1])
    title = next((title.removesuffix(f"_{name}") for name in classes if title.endswith(f"_{name}")), title)
    return PART.sub("", title).strip("_- ").lower() or title


def prepare(out, *, root, labels=None, splits=(1, 2, 3), hold_out=0.1, **options):
    """Write a manifest per split to `out`/split1, ...  -> {"split1": Manifest, ...}

    splits   which of the three; other options as for `data_prep.listings.prepare_listings`
    """
    listings = {f"split{split}": read_split(labels or root, split) for split in splits}
    classes = {name for listing in listings.values() for name in listing.classes}
    group = partial(film, classes=sorted(classes, key=len, reverse=True))
    known = {"name": "hmdb51", "root": root, "group": group, "published": dict.fromkeys(listings, PUBLISHED)}
    return dataset.prepare_listings(out, listings, **known, hold_out=hold_out, **options)


def add_arguments(parser):
    """The shared options, and --splits."""
    dataset.add_arguments(parser, hold_out=0.1)
    parser.add_argument(
        "--splits", type=int, nargs="+", choices=(1, 2, 3), default=(1, 2, 3), help="default: all three"
    )
