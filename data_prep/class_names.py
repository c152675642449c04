"""Files of class names, a class a line, as others write them. A slip in one would shift every label, in silence.

A manifest's own classes.txt is read letter by letter, by `lib.data.manifest.read_class_names`.
"""

import json
import re

from data_prep.labels import controls, read_lines, short

HEADERS = {"class", "classes", "class_name", "name", "names", "label", "labels", "category", "categories"}
NUMBERED = re.compile(r"([0-9]{1,9})[\s,;:]+\S")


def check_order(file, lines):
    """ValueError: a line is blank, or the numbers before the names are not those of the lines.

    lines  [("name, line 3", text), ...], those that are not blank
    """
    for number, (place, _) in enumerate(lines, start=1):
        if not place.endswith(f" line {number}"):
            raise ValueError(f"{file}, line {number} is blank: is it a class? Every line after it would be another's")
    numbers = [int(match[1]) if (match := NUMBERED.match(text)) else None for _, text in lines]
    said = [(number, line) for line, number in enumerate(numbers) if number is not None]
    if 2 * len(said) > len(lines) and (None in numbers or len({number - line for number, line in said}) > 1):
        raise ValueError(
            f"{file}: its lines have numbers, but are not in their order: a class a line, from the first on; where the "
            f"numbers belong to the names, number all lines from 0 on, the first as {'0 ' + lines[0][1][:40]!r}"
        )
    if said and len(said) == len(lines) and said[0][0] not in (0, 1):
        raise ValueError(f"{file}: its lines are numbered from {said[0][0]} on: are the classes before missing?")


def read_classes(file, *, numbered=False):
    """Class names, one per line, or `1 name` lines with numbers from 1, in any order.  -> tuple; strict

    A class file that is not whole would shift every label, so everything wrong in it is a ValueError.
    """
    problems, names, twice = [], {}, set()
    lines = list(read_lines(file, problems))
    _check_form(file, [text for _, text in lines])
    if not numbered and not problems:
        check_order(file, lines)
    for number, (place, text) in enumerate(lines, start=1):
        if numbered and not re.fullmatch(r"[0-9]{1,9}\s+\S.*", text):
            raise ValueError(f"{place}: {short(text)} must be a number and a class name")
        index, name = text.split(None, 1) if numbered else (number, text)
        if int(index) in names or name in twice:
            raise ValueError(f"{place}: class {short(text)} stands twice")
        names[int(index)] = name
        twice.add(name)
    if problems:
        raise ValueError(problems[0])
    if strange := [name for name in names.values() if controls(name)]:
        raise ValueError(f"{file}: a class must have a name, one line of text, not {short(strange[0])}")
    missing = set(range(1, len(names) + 1)) - set(names)
    if missing or not names:
        raise ValueError(f"{file}: class {min(missing, default=1)} is missing")
    return tuple(names[number] for number in sorted(names))


def _check_form(file, lines):
    """ValueError: JSON, a table's header, or all names in one line."""
    try:
        is_json = isinstance(json.loads("\n".join(lines)), dict | list)
    except (ValueError, RecursionError):
        is_json = False
    if is_json:
        raise ValueError(f"{file} is JSON; it must be text, a class a line, the first being class 0")
    if len(lines) > 1 and lines[0].lower() in HEADERS:
        raise ValueError(f"{file}, line 1: {lines[0]!r} looks like a header, and would be class 0; remove that line")
    if len(lines) == 1 and re.search(r"[,;\t|]", lines[0]):
        raise ValueError(f"{file}: {short(lines[0])} is its only line; it must be a class a line")
