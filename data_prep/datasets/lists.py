"""Any dataset of which you have lists, in the formats of others.

Those of TSN, TSM, RubiksNet, CAKES, optplan, mmaction2, or Efficient-3DCNNs' JSON.

Videos   anywhere under the root, under the names of the lists; files, folders of frames, or LMDB environments
Labels   --train, --val, --test: a list each; --classes: class names, one per line

    tsn, optplan         <path> <number of frames> <label>       mmaction_videos      <path> <label>
    mmaction_rawframes   <path> <number of frames> <label>       mmaction_offset      <path> <first> <frames> <label>
    mmaction_json        [{"filename": ..., "label": [0]}]       efficient3dcnns      one JSON as --train; no --classes
"""

from data_prep import listings as dataset
from data_prep.class_names import read_classes
from data_prep.formats import LISTS, read_database, read_lists, read_mmaction_json

EXAMPLE = """python -m data_prep lists --format optplan --root /data/k400 --out data/k400 \\
             --train train.txt --val val.txt --classes classes.txt"""
FORMATS = (*LISTS, "mmaction_json", "efficient3dcnns")


def prepare(
    out, *, root, format, train=None, val=None, test=None, classes=None, name="lists", first_label=None, **options
):
    """Write the manifest to `out`.  -> {"": Manifest}; options as for `data_prep.listings.prepare_listings`

    first_label  what lists with numbers call the first class, 0 or 1; None: 0, and an error if it looks like 1
    """
    files = {split: file for split, file in {"train": train, "val": val, "test": test}.items() if file}
    if format not in FORMATS:
        raise ValueError(f"no format {format!r}; there are {', '.join(FORMATS)}")
    if not files or (classes is None and format != "efficient3dcnns"):
        raise ValueError(f"format {format} needs --train, --val or --test, and --classes")
    if format == "efficient3dcnns":
        listing = read_database(next(iter(files.values())))
    elif format == "mmaction_json":
        listing = read_mmaction_json(files, read_classes(classes))
    else:
        listing = read_lists(files, read_classes(classes), format, first_label=first_label or 0)
    known = {"name": name, "root": root, "labels_known": first_label is not None}
    return dataset.prepare_listings(out, {"": listing}, **known, **options)


def add_arguments(parser):
    """The shared options, and the lists."""
    dataset.add_arguments(parser, labels=False)
    parser.add_argument("--format", required=True, choices=FORMATS)
    for split in ("train", "val", "test"):
        parser.add_argument(f"--{split}", metavar="FILE", help=f"list of the {split} videos")
    parser.add_argument("--classes", metavar="FILE", help="class names, one per line")
    first = "what the lists call the first class (default: 0, unless it looks like 1)"
    parser.add_argument("--first-label", type=int, choices=(0, 1), help=first)
    parser.add_argument("--name", default="lists", help="what the dataset is called (default: %(default)s)")
