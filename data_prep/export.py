"""Write the manifest as the label files of the five systems.

They feed those systems' own code.

    tsn                 OUT/train_videofolder.txt, val_..., test_..., category.txt         RubiksNet, TSM, CAKES
    optplan             OUT/<name>_train_list.txt, ..., classes.txt
    mmaction_videos     OUT/<name>_train_list_videos.txt, ..., label_map.txt; mmaction_rawframes likewise
    efficient3dcnns     OUT/<name>.json; efficient3dcnns_kinetics with its level more

Only usable videos are written. Paths are relative to the manifest's root; segments (ActivityNet) fit none of these.
"""

from pathlib import Path, PurePosixPath

from data_prep.formats import write_database, write_list
from data_prep.labels import Entry
from data_prep.tree import name_of
from lib.files import file_name, write_text

EXAMPLE = "python -m data_prep export data/ucf101/split1 --format tsn --out lists"
# format: name of a list, name of the file with the classes
LISTS = {
    "tsn": ("{split}_videofolder.txt", "category.txt"),
    "optplan": ("{name}_{split}_list.txt", "classes.txt"),
    "mmaction_videos": ("{name}_{split}_list_videos.txt", "label_map.txt"),
    "mmaction_rawframes": ("{name}_{split}_list_rawframes.txt", "label_map.txt"),
}
# format: by subset, with frame counts; how a path becomes the key of a video
DATABASES = {
    "efficient3dcnns": (False, name_of),
    "efficient3dcnns_kinetics": (True, lambda path: PurePosixPath(path).name),
}


def run(manifest, *, out, format):
    """Write the usable videos of the manifest in folder `manifest` to `out`."""
    from lib.data.manifest import read_manifest

    if format not in (*LISTS, *DATABASES):
        raise ValueError(f"no format {format!r}; there are {', '.join((*LISTS, *DATABASES))}")
    manifest, out = read_manifest(manifest), Path(out)
    name = file_name(manifest.name, f"{manifest.folder}: name")
    usable = [video for video in manifest.videos if video.status == "ok"]
    segments = [video.path for video in usable if (video.start, video.end) != (None, None)]
    if segments:
        raise ValueError(f"{manifest.name}: {segments[0]} is a segment; no format here has start and end")
    if format in DATABASES:
        nested, key = DATABASES[format]
        entries = [Entry(key(v.path), v.label, v.split, frames=v.frames) for v in usable]
        write_database(out / f"{name}.json", manifest.classes, entries, nested=nested)
        return
    pattern, classes = LISTS[format]
    if blanks := [name for name in manifest.classes if name != name.strip()]:
        raise ValueError(f"{manifest.folder}: class {blanks[0]!r} has blanks at an end; who reads {classes} drops them")
    write_text(out / classes, "".join(f"{one}\n" for one in manifest.classes))
    for split in manifest.found:
        entries = [Entry(v.path, v.label, split, frames=v.frames) for v in usable if v.split == split]
        write_list(out / pattern.format(name=name, split=split), entries, format)


def add_arguments(parser):
    """The options of `python -m data_prep export`."""
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where the files go")
    parser.add_argument("--format", required=True, choices=(*LISTS, *DATABASES))
