"""Kinetics-400, -600 or -700: actions in videos of 10 seconds.

From the crawler's CSV files, mmaction2's or TSN's lists, or the JSON of Efficient-3DCNNs.

Videos   <class>/<youtube id>_<start, 6 digits>_<end, 6 digits>.mp4, or <class>/<youtube id>.mp4, or folders of frames
         of these names, anywhere
Labels   one of  *train*.csv, *val*.csv, *test*.csv    label,youtube_id,time_start,time_end,split
                 *train_list_videos.txt, *val_list_videos.txt, *label_map*.txt, or ..._rawframes.txt    mmaction2
                 train_videofolder.txt, val_videofolder.txt, category.txt    TSN, TSM, RubiksNet
                 kinetics*.json    Efficient-3DCNNs

Classes of the CSV files are the training file's, sorted with blanks as underscores, as in mmaction2 (0 is abseiling).
Sources: Kay et al., arXiv:1705.06950, and what followed it.
"""

import re

from data_prep import listings as dataset
from data_prep.formats import LIST_LAYOUTS, read_database
from data_prep.labels import Listing, find_files, read_table, short
from data_prep.tree import SPLIT_FOLDERS

EXAMPLE = "python -m data_prep kinetics --root /data/k400/videos --labels /data/k400/annotations --out data/k400"
ID_LENGTH = 11  # of YouTube's ids
# what the releases' column `split` says, which need not be there
SPLITS = {
    split: {f"{before}{name}" for before in ("", "holdout_") for name in names}
    for split, names in SPLIT_FOLDERS.items()
}
SPLITS["val"].add("validate")
COLUMNS = ("label", "youtube_id", "time_start", "time_end")


def read_crawler(files):
    """The crawler's CSV files, {split: path}.  -> Listing"""
    problems, rows = [], []
    for split, file in files.items():
        try:
            rows += [(place, split, row) for place, row in read_table(file, COLUMNS, problems)]
        except ValueError as error:  # the test labels of some releases are not public
            if split != "test" or "column label is missing" not in str(error):
                raise
            problems.append(f"{error}: these videos are left out")
    names = {_name(row) for _, split, row in rows if split == "train"}
    listing = Listing(sorted(names, key=_folder), problems, file=files["train"])
    for place, split, row in rows:
        try:
            times = [int(float(row[column])) for column in ("time_start", "time_end")]
            if not all(0 <= time < 10**6 for time in times):
                raise ValueError(times)
        except (ValueError, OverflowError):
            told = f"{short(row['time_start'])}, {short(row['time_end'])}"
            listing.problems.append(f"{place}: {told} must be seconds")
            continue
        if told := _other_split(row, split):
            listing.problems.append(f"{place}: it is of split {short(told)}, in the file of {split}")
            continue
        key = "{}/{}_{:06d}_{:06d}".format(_folder(_name(row)), row["youtube_id"].strip(), *times)
        listing.add(place, key, _name(row), split)
    return listing


def _other_split(row, split):
    """What a row says of its split, if that is another one than its file's."""
    told = row.get("split", "").strip()
    return told if any(told.lower() in names for other, names in SPLITS.items() if other != split) else ""


def _name(row):
    return row["label"].replace('"', "").strip()


def _folder(name):
    return name.replace(" ", "_")


LAYOUTS = [
    ({"train": "*train*.csv", "val?": "*val*.csv", "test?": "*test*.csv"}, read_crawler),
    *LIST_LAYOUTS,
    ({"json": "kinetics*.json"}, lambda files: read_database(files["json"])),
]


def without_times(key):
    """`zumba/abc_000038_000048` -> `zumba/abc`: some keep their clips by the id alone"""
    return re.sub(r"_\d{6}_\d{6}(\.\w+)?$", "", key)


def youtube_id(key):
    """`<folder>/<youtube id>_000038_000048.mp4` -> `<youtube id>`: clips of one video stay in one split"""
    name = without_times(key).rsplit("/", 1)[-1]
    return name if len(name) == ID_LENGTH else name.split(".")[0]


def prepare(out, *, root, labels=None, **options):
    """Write the manifest to `out`.  -> {"": Manifest}; options as for `data_prep.listings.prepare_listings`"""
    files, read = find_files(labels or root, LAYOUTS)
    known = {"name": "kinetics", "root": root, "group": youtube_id}
    return dataset.prepare_listings(
        out, {"": read(files)}, **known, names=lambda key: (key, without_times(key)), **options
    )


add_arguments = dataset.add_arguments
