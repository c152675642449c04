"""Is a class's line the class's number? A list of names may itself say, by numbers, that it is not."""

import re

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
