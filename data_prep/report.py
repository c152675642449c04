"""What a preparation tells: counts per split, what is wrong with how many videos, what label files could not give."""

from collections import Counter

from lib.files import printable


def print_summary(manifest):
    """Counts per split, and what is wrong with how many videos."""
    listed = Counter(video.split for video in manifest.videos)
    print(f"{manifest.folder}: {manifest.name}, {len(manifest.classes)} classes, source {manifest.source}")
    for split in [split for split in ("train", "val", "test") if listed[split] or manifest.expected.get(split)]:
        expected, usable = manifest.expected.get(split, 0), manifest.found.get(split, 0)
        print(f"  {split:5}  expected {expected}, listed {listed[split]}, usable {usable}")
    for status, count in Counter(video.status for video in manifest.videos if video.status != "ok").most_common(10):
        print(f"  {count} x {status}")


def print_remarks(remarks, file, what="remarks on label files and videos"):
    """The first ten of them, and where the others are."""
    if remarks:
        print(f"{len(remarks)} {what}; {file} has them all:")
    for line in remarks[:10]:
        print(f"  {printable(line)}")


def notes(told):
    """{path: note}, each note of more than three videos in one line.  -> list of lines"""
    count, lines = Counter(told.values()), {}
    for path, note in told.items():
        many = count[note] > 3
        lines.setdefault(note if many else path, f"{path}: {note}" + f" (and {count[note] - 1} more videos)" * many)
    return list(lines.values())


def print_dry_run(name, out, parts, tree, remarks):
    """What a dry run would have done."""
    for home, part in parts.items():
        listed = dict(Counter(entry.split for entry, _ in part.rows))
        there = dict(Counter(entry.split for entry, path in part.rows if path))
        print(f"{out / home}: {name}, {len(part.classes)} classes")
        print(f"  expected {part.expected}, listed {listed}, there {there}")
    paths = {path for part in parts.values() for _, path in part.rows if path}
    print(f"{len(paths)} of {len(tree.paths)} videos under {tree.root} (source {tree.source}) would be scanned")
    print_remarks(remarks, "problems.txt")


def nothing_fits(parts, tree, remarks):
    """Why no manifest can be written: words that show how names differ."""
    listed = [entry.key for part in parts.values() for entry, _ in part.rows[:1]]
    first = f"; the first remark is: {remarks[0]}" if remarks else ""
    return (
        f"no listed video is under {tree.root}: listed are {', '.join(listed) or 'none'}, ..., "
        f"there are {', '.join(tree.paths[:2])}, ...{first}"
    )
