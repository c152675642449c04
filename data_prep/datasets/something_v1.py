"""Something-Something v1: 174 interactions, folders of frames.

Videos   20bn-something-something-v1/<id>/00001.jpg, ..., anywhere under the root
Labels   one of  something-something-v1-labels.csv, -train.csv, -validation.csv    <id>;<label>
                 train_videofolder.txt, val_videofolder.txt, category.txt    TRN, TSM, RubiksNet, CAKES: `100218 48 53`

Classes are in alphabetical order, as TRN made category.txt. A mirror image exchanges left and right.
Source: Goyal et al., The "something something" video database, ICCV 2017, arXiv:1706.04261.
"""

from data_prep import listings as dataset
from data_prep.formats import LIST_LAYOUTS, read_20bn
from data_prep.labels import find_files

EXAMPLE = (
    "python -m data_prep something_v1 --root /data/ssv1/20bn-something-something-v1 --labels /data/ssv1 --out data/ssv1"
)
PUBLISHED = {"train": 86017, "val": 11522}
NAME = "something-something-v1-{}.csv"
LAYOUTS = [
    (
        {"classes": NAME.format("labels"), "train": NAME.format("train"), "val": NAME.format("validation")},
        read_20bn,
    ),
    *LIST_LAYOUTS,
]


def prepare(out, *, root, labels=None, **options):
    """Write the manifest to `out`.  -> {"": Manifest}; options as for `data_prep.listings.prepare_listings`"""
    files, read = find_files(labels or root, LAYOUTS)
    listings, published = {"": read(files)}, {"": PUBLISHED}
    return dataset.prepare_listings(out, listings, name="something_v1", root=root, published=published, **options)


add_arguments = dataset.add_arguments
