"""ActivityNet: 200 activities in long videos, cut to segments.

A row of the manifest is one segment, from start to end.

Videos   v_<id>.mp4 or <id>.mp4, with any extension, or folders of frames of these names (with --fps)
Labels   activity_net*.json
         {"database": {id: {"subset": "training", "annotations": [{"segment": [0.5, 9], "label": ...}]}}}

Classes are in alphabetical order. A segment past its video's end, or in a video of variable frame rate, gets a status.
Source: Caba Heilbron et al., ActivityNet, CVPR 2015; version 1.3 of 2016.
"""

from data_prep import listings as dataset
from data_prep.formats import read_database
from data_prep.labels import find_files

EXAMPLE = "python -m data_prep activitynet --root /data/anet/videos --labels /data/anet --out data/activitynet"
PUBLISHED = {"train": 15410, "val": 7654}  # segments of version 1.3, in 10024 and 4926 videos
LAYOUTS = [({"json": "activity_net*.json"}, lambda files: read_database(files["json"], unit="seconds"))]


def file_names(key):
    """What a video may be called on disk."""
    return f"v_{key}", key


def prepare(out, *, root, labels=None, **options):
    """Write the manifest to `out`.  -> {"": Manifest}; options as for `data_prep.listings.prepare_listings`"""
    files, read = find_files(labels or root, LAYOUTS)
    known = {"name": "activitynet", "root": root, "names": file_names, "published": {"": PUBLISHED}}
    return dataset.prepare_listings(out, {"": read(files)}, **known, **options)


add_arguments = dataset.add_arguments
