"""Something-Something v2: 174 interactions, videos or frames.

WebM videos, or folders of their frames.

Videos   20bn-something-something-v2/<id>.webm, or folders <id>/000001.jpg, ..., anywhere under the root
Labels   one of  *labels.json, *train.json, *validation.json    as published
                 train_videofolder.txt (CAKES: train_video_folder.txt), val_..., category.txt    TSM, RubiksNet

A video's class is its template without the square brackets, numbered by labels.json. A mirror image exchanges left and
right.  Source: Goyal et al., ICCV 2017, arXiv:1706.04261; version 2 of 2018.
"""

from pathlib import Path

from data_prep import listings as dataset
from data_prep.formats import LIST_LAYOUTS
from data_prep.labels import Listing, find_files, read_json, read_rows, short

EXAMPLE = (
    "python -m data_prep something_v2 --root /data/ssv2/20bn-something-something-v2 --labels /data/ssv2 --out data/ssv2"
)
PUBLISHED = {"train": 168913, "val": 24777}


def read_templates(files):
    """{"Approaching something with your camera": "0", ...} and [{"id": ..., "template": ...}, ...].  -> Listing"""
    problems = []
    numbers = read_json(files["classes"], problems)
    if not isinstance(numbers, dict) or sorted(map(_digits, numbers.values())) != sorted(map(str, range(len(numbers)))):
        raise ValueError(f"{files['classes']} must give every class a number, from 0 on")
    if problems:
        raise ValueError(problems[0])
    listing = Listing(sorted(numbers, key=lambda name: int(numbers[name])), file=files["classes"])
    for split in ("train", "val"):
        for number, row in enumerate(read_rows(files[split], listing.problems), start=1):
            place = f"{Path(files[split]).name}, video {number}"
            if not isinstance(row, dict) or not _digits(row.get("id")) or not isinstance(row.get("template"), str):
                listing.problems.append(f"{place}: {short(row)} must have an id and a template")
            else:
                label = row["template"].replace("[", "").replace("]", "")
                listing.add(place, _digits(row["id"]), label, split)
    return listing


def _digits(number):
    """A number as its text; some write these files again with numbers that are none.  -> str, "" of all else"""
    return number if isinstance(number, str) else str(number) if type(number) is int and abs(number) < 10**15 else ""


LAYOUTS = [
    ({"classes": "*labels.json", "train": "*train.json", "val": "*validation.json"}, read_templates),
    *LIST_LAYOUTS,
]


def prepare(out, *, root, labels=None, **options):
    """Write the manifest to `out`.  -> {"": Manifest}; options as for `data_prep.listings.prepare_listings`"""
    files, read = find_files(labels or root, LAYOUTS)
    listings, published = {"": read(files)}, {"": PUBLISHED}
    return dataset.prepare_listings(out, listings, name="something_v2", root=root, published=published, **options)


add_arguments = dataset.add_arguments
