"""What label files say, collected: classes, entries, and a clear line for everything that cannot be used.

A dataset's file reads its label files into a Listing. A line that is wrong is left out and recorded as a problem; a
file that cannot be understood at all is a ValueError.
"""

import csv
import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Entry:
    """One video, or a part of one, as a label file lists it."""

    key: str  # its path or name there, perhaps without folder or extension
    label: int  # index into the classes
    split: str  # train, val or test
    place: str = ""  # "trainlist.txt, line 3"
    start: float | None = None  # seconds
    end: float | None = None
    frames: int | None = None  # as listed: compared with what is counted, never believed
    offset: int | None = None  # number of the first frame that counts, `frames` of them do


class Listing:
    """The classes and entries of a dataset's label files, and the problems found in them."""

    def __init__(self, classes, problems=()):
        self.classes, self.entries, self.problems = tuple(classes), [], list(problems)
        self._label = {name: label for label, name in enumerate(self.classes)}
        self._places = {}
        if not self.classes or len(self._label) != len(self.classes):
            twice = [name for name, count in Counter(self.classes).items() if count > 1]
            raise ValueError(f"classes must be there, and each once; twice: {', '.join(twice) or 'none'}")

    def add(self, place, key, label, split, **more):
        """Keep an entry, or record why it cannot be used. `label` is an index (int or digits) or a class's name."""
        try:
            entry = Entry(key, self._index(label), split, place, **more)
            self._check(entry)
        except ValueError as error:
            self.problems.append(f"{place}: {error}")
        else:
            self._places[entry.key, entry.start, entry.end, entry.offset] = place
            self.entries.append(entry)

    def _index(self, label):
        if isinstance(label, str) and label in self._label:
            return self._label[label]
        if not re.fullmatch(r"-?\d+", str(label)):
            raise ValueError(f"there is no class {label!r} among the {len(self.classes)}")
        if not 0 <= int(label) < len(self.classes):
            raise ValueError(f"class {label} is out of range 0..{len(self.classes) - 1}")
        return int(label)

    def _check(self, entry):
        key = entry.key
        if not key or "\ufffd" in key or any(ord(letter) < 32 for letter in key):
            raise ValueError(f"{key!r} is not the name of a video")
        if PurePosixPath(key).is_absolute() or os.path.normpath(key).split("/")[0] == "..":
            raise ValueError(f"{key!r} leads out of the dataset's root")
        if entry.start is not None and not 0 <= entry.start < entry.end:
            raise ValueError(f"the segment {entry.start}..{entry.end} s of {key!r} is empty")
        earlier = self._places.get((key, entry.start, entry.end, entry.offset))
        if earlier is not None:
            raise ValueError(f"{key!r} is listed twice; {earlier} counts")


def read_lines(file, problems):
    """The lines of a text file that are not blank.  -> iterator of ("name, line 3", text)

    A byte order mark, CRLF and a missing last newline change nothing; a line that is not UTF-8 is a problem.
    """
    file = Path(file)
    content = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    for number, line in enumerate(content.split(b"\n"), start=1):
        place = f"{file.name}, line {number}"
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError:
            problems.append(f"{place}: {line!r} is not UTF-8")
            continue
        if text:
            yield place, text


def read_table(file, columns, problems, *, delimiter=","):
    """A table with a header that names at least `columns`.  -> iterator of (place, {column: text})

    ValueError: a column is missing in the header. A row that is too short is a problem.
    """
    lines = read_lines(file, problems)
    _, text = next(lines, (None, ""))
    header = [name.strip() for name in next(csv.reader([text], delimiter=delimiter), [])]
    missing = [column for column in columns if column not in header]
    if missing:
        raise ValueError(f"{file}, line 1: column {', '.join(missing)} is missing; there are {', '.join(header)}")
    for place, text in lines:
        cells = next(csv.reader([text], delimiter=delimiter))
        if len(cells) < len(header):
            problems.append(f"{place}: {text!r} has {len(cells)} columns instead of {len(header)}")
        else:
            yield place, dict(zip(header, cells, strict=False))


def read_classes(file, *, numbered=False):
    """Class names, one per line, or `1 name` lines with numbers from 1, in any order.  -> tuple; strict

    A class file that is not whole would shift every label, so everything wrong in it is a ValueError.
    """
    problems, names = [], {}
    for number, (place, text) in enumerate(read_lines(file, problems), start=1):
        if numbered and not re.fullmatch(r"\d+\s+\S.*", text):
            raise ValueError(f"{place}: {text!r} must be a number and a class name")
        index, name = text.split(None, 1) if numbered else (number, text)
        if int(index) in names or name in names.values():
            raise ValueError(f"{place}: class {text!r} stands twice")
        names[int(index)] = name
    if problems:
        raise ValueError(problems[0])
    missing = set(range(1, len(names) + 1)) - set(names)
    if missing or not names:
        raise ValueError(f"{file}: class {min(missing, default=1)} is missing")
    return tuple(names[number] for number in sorted(names))


def read_json(file, problems):
    """A JSON file. Of two equal keys the first counts; the second, and bytes that are not UTF-8, are problems."""
    file = Path(file)

    def keep_first(pairs):
        result = {}
        for key, value in pairs:
            if key in result:
                problems.append(f"{file.name}: {key!r} is listed twice; the first counts")
            else:
                result[key] = value
        return result

    text = file.read_bytes().decode("utf-8-sig", errors="replace")
    broken = text.count("\ufffd")
    problems += [f"{file.name}: {broken} characters are not UTF-8"] if broken else []
    try:
        return json.loads(text, object_pairs_hook=keep_first)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} is not JSON: {error}") from None


def find_files(folder, layouts):
    """The first of `layouts`, each ({role: file name pattern}, reader), whose files are all in `folder`.

    A role that ends in "?" may be absent. Two files for one role, or no layout at all, are a ValueError.
    -> {role without "?": Path}, reader
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder of label files")
    for roles, reader in layouts:
        found = {role: sorted(folder.glob(pattern)) for role, pattern in roles.items()}
        if not all(files or role.endswith("?") for role, files in found.items()):
            continue
        for role, files in found.items():
            if len(files) > 1:
                names = ", ".join(file.name for file in files)
                raise ValueError(f"{folder}: which one is {roles[role]}? {names}; keep one there")
        return {role.rstrip("?"): files[0] for role, files in found.items() if files}, reader
    choices = "; or ".join(", ".join(roles.values()) for roles, _ in layouts)
    raise ValueError(f"{folder} holds no label files that are known: {choices}")
