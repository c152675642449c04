"""What label files say, collected: classes, entries, and a clear line for everything that cannot be used.

A dataset's file reads its label files into a Listing. A line that is wrong is left out and recorded as a problem; a
file that cannot be understood at all is a ValueError.
"""

import csv
import json
import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lib.data.manifest_rows import SPLITS

INTEGER = re.compile(r"-?[0-9]{1,15}")
MOST_FRAMES = 10**9  # of one video; more is a mistake in a label file


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
    claims: bool = False  # does the file say of a segment that the video is so long?


class Listing:
    """The classes and entries of a dataset's label files, and the problems found in them.

    file  what to call the place of the classes' names in an error
    """

    def __init__(self, classes, problems=(), *, file="the label files"):
        self.classes, self.entries, self.problems = tuple(classes), [], list(problems)
        strange = [name for name in self.classes if not isinstance(name, str) or not name.strip() or controls(name)]
        if strange:
            raise ValueError(f"{file}: a class must have a name, one line of text, not {short(strange[0])}")
        self._label = {name: label for label, name in enumerate(self.classes)}
        self._places, self._numbers = {}, {}
        if not self.classes or len(self._label) != len(self.classes):
            twice = [name for name, count in Counter(self.classes).items() if count > 1]
            told = ", ".join(twice[:10]) or "none"
            raise ValueError(f"{file}: classes must be there, and each once; twice: {told}")

    def add(self, place, key, label, split, **more):
        """Keep an entry, or record why it cannot be used. `label` is an index (int or digits) or a class's name."""
        more = {
            name: int(n) if isinstance(n, float) and name == "frames" and n.is_integer() else n
            for name, n in more.items()
        }
        try:
            _check_key(key)
            entry = Entry(key, self._index(label, place), split, place, **more)
            self._check(entry)
        except ValueError as error:
            self.problems.append(f"{place}: {error}")
        else:
            self._places[self._identity(entry)] = place
            self.entries.append(entry)

    def check_first_label(self):
        """ValueError: the labels seem to count from 1, so that each names its neighbour's class."""
        count = len(self.classes)
        if count in self._numbers and not {0, -1} & set(self._numbers):
            raise ValueError(
                f"{self._numbers[count]}: class {count} of {count} classes, and class 0 never occurs: do labels count "
                "from 1? Then use `data_prep lists` with --first-label 1; if not, with --first-label 0"
            )

    def _index(self, label, place):
        if isinstance(label, str) and label in self._label:
            return self._label[label]
        if type(label) not in (int, str) or not INTEGER.fullmatch(short(label).strip("'")):
            raise ValueError(f"there is no class {short(label)} among the {len(self.classes)}")
        self._numbers.setdefault(int(label), place)
        if not 0 <= int(label) < len(self.classes):
            raise ValueError(f"class {label} is out of range 0..{len(self.classes) - 1}")
        return int(label)

    @staticmethod
    def _identity(entry):
        return entry.key, entry.split, entry.start, entry.end, entry.offset

    def _check(self, entry):
        if entry.split not in SPLITS:
            raise ValueError(f"split {short(entry.split)} of {entry.key!r} must be {', '.join(SPLITS)}")
        if entry.start is not None and not 0 <= entry.start < entry.end < float("inf"):
            raise ValueError(f"the segment {entry.start}..{entry.end} s of {entry.key!r} is empty")
        for number in (entry.frames, entry.offset):
            if number is not None and (type(number) is not int or not 0 <= number <= MOST_FRAMES):
                raise ValueError(f"{short(number)} of {entry.key!r} is no number of frames")
        if entry.offset is not None and not entry.frames:
            raise ValueError(f"the part of {entry.key!r} from frame {entry.offset} on has no frames")
        earlier = self._places.get(self._identity(entry))
        if earlier is not None:
            raise ValueError(f"{entry.key!r} is listed twice; {earlier} counts")


def controls(name):
    """What of a name moves a cursor, ends a line, or is a byte order mark; a tab may stand in one."""
    wrong = ("Cc", "Zl", "Zp")
    return [
        letter for letter in name if letter == "\ufeff" or (unicodedata.category(letter) in wrong and letter != "\t")
    ]


def _check_key(key):
    if not isinstance(key, str) or not key or "\ufffd" in key or any(ord(letter) < 32 for letter in key):
        raise ValueError(f"{short(key)} is not the name of a video")
    try:
        too_long = len(key.encode()) > 4000
    except UnicodeEncodeError:
        too_long = True
    if too_long:
        raise ValueError(f"{short(key)} is not the name of a video")
    if os.path.normpath(key).split("/")[0] == "..":
        raise ValueError(f"{key!r} leads out of the dataset's root")


def short(value):
    """A value as it is shown in a message: its repr, cut."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a list of thousands of levels
        return f"a {type(value).__name__} that is too long"
    return text if len(text) <= 100 else f"{text[:97]}..."


def read_lines(file, problems):
    """The lines of a text file that are not blank.  -> iterator of ("name, line 3", text)

    CRLF, a missing last newline and byte order marks, of files that were joined, change nothing; a line that is not
    UTF-8 is a problem.
    """
    file = Path(file)
    for number, line in enumerate(file.read_bytes().split(b"\n"), start=1):
        place = f"{file.name}, line {number}"
        try:
            text = line.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            problems.append(f"{place}: {short(line)} is not UTF-8")
            continue
        if text:
            yield place, text


def read_table(file, columns, problems, *, delimiter=","):
    """A table with a header that names at least `columns`.  -> iterator of (place, {column: text})

    ValueError: a column is missing in the header, or there twice. A row that is too short, or not whole, is a problem.
    """
    lines = read_lines(file, problems)
    place, text = next(lines, (f"{Path(file).name}, line 1", ""))
    header = [name.strip() for name in _cells(text, delimiter)]
    missing = [column for column in columns if column not in header]
    if missing:
        raise ValueError(
            f"{file}, line 1: column {', '.join(missing)} is missing; there are {short(', '.join(header))}"
        )
    if twice := [column for column in columns if header.count(column) > 1]:
        raise ValueError(f"{file}, line 1: column {', '.join(twice)} is there twice")
    for place, text in lines:
        cells = _cells(text, delimiter)
        if text.count('"') % 2:
            problems.append(f"{place}: {short(text)} has a quotation mark without its other; a row is one line")
        elif [cell.strip() for cell in cells] == header:
            problems.append(f"{place}: {short(text)} is the header again")
        elif len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
            problems.append(f"{place}: {short(text)} has {len(cells)} columns instead of {len(header)}")
        else:
            yield place, dict(zip(header, cells, strict=False))


def _cells(line, delimiter):
    """The cells of a line, none of one that is no table's."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def read_json(file, problems):
    """A JSON file. Of two equal keys the first counts; the second, and bytes that are not UTF-8, are problems."""
    file = Path(file)

    def keep_first(pairs):
        result = {}
        for key, value in pairs:
            if key in result:
                problems.append(f"{file.name}: {short(key)} is listed twice; the first counts")
            else:
                result[key] = value
        return result

    text = file.read_bytes().decode("utf-8-sig", errors="replace")
    broken = text.count("\ufffd")
    problems += [f"{file.name}: {broken} characters are not UTF-8"] if broken else []
    try:
        return json.loads(text, object_pairs_hook=keep_first)
    except (ValueError, RecursionError) as error:  # also of numbers and nesting that are too long
        raise ValueError(f"{file} is not JSON: {error}") from None


def read_rows(file, problems):
    """A JSON file that is a list; else a ValueError.  -> list"""
    rows = read_json(file, problems)
    if not isinstance(rows, list):
        raise ValueError(f"{file} must be a list of videos")
    return rows


def visible(files):
    """Sorted, without hidden ones: archives of macOS hold a ._train.csv beside each train.csv.  -> list of Path"""
    return sorted(file for file in files if not file.name.startswith("."))


def find_files(folder, layouts):
    """The first of `layouts`, each ({role: file name pattern}, reader), whose files are all in `folder`.

    A role that ends in "?" may be absent. Two files for one role, or no layout at all, are a ValueError.
    -> {role without "?": Path}, reader
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder of label files")
    for roles, reader in layouts:
        found = {role: visible(folder.glob(pattern)) for role, pattern in roles.items()}
        if not all(files or role.endswith("?") for role, files in found.items()):
            continue
        for role, files in found.items():
            if len(files) > 1:
                names = ", ".join(file.name for file in files)
                raise ValueError(f"{folder}: which one is {roles[role]}? {names}; keep one there")
        return {role.rstrip("?"): files[0] for role, files in found.items() if files}, reader
    choices = "; or ".join(", ".join(roles.values()) for roles, _ in layouts)
    raise ValueError(f"{folder} holds no label files that are known: {choices}")
