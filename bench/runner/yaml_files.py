"""YAML as people mean it: one reading of every word, no key twice, no file that grows when it is read.

Numbers and words are those of YAML 1.2, so that 1e-5 is a number, and no, on and 1:30 are text.
"""

import re
from math import isfinite
from pathlib import Path

import yaml

LONGEST = 10**6  # bytes of a suite
MOST = 10**4  # values in it, every alias written out
DEEPEST = 20


def read_suite(path):
    """The mapping in a YAML file.

    ValueError: it is not YAML, no mapping, has a key twice, or more than a suite can need
    """
    path = Path(path)
    if path.stat().st_size > LONGEST:
        raise ValueError(f"{path.stat().st_size} bytes are no suite; at most {LONGEST}")
    try:
        spec = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split()) or "nested too deeply") from None
    if not isinstance(spec, dict):
        raise ValueError(f"a suite is a mapping of sections, not {str(spec)[:40]!r}")
    _count(spec, 0)
    return spec


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses a key that stands twice, also in what is merged, and keys that are no text."""

    def flatten_mapping(self, node):
        written = [key.value for key, _ in node.value]
        if twice := [key for key in written if written.count(key) > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]!r} stands twice", node.start_mark)
        super().flatten_mapping(node)
        # what is written here goes before what is merged, also where this mapping is merged in turn
        last = {key.value if isinstance(key, yaml.ScalarNode) else id(key): (key, value) for key, value in node.value}
        node.value = list(last.values())

    def construct_mapping(self, node, deep=False):
        found = super().construct_mapping(node, deep)
        if wrong := [key for key in found if not isinstance(key, str)]:
            problem = f"the key {wrong[0]!r} is no text; write it in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return found


WORDS = {
    "null": (r"~|null|Null|NULL|", "~nN"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+", "-+0123456789"),
    "float": (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    "merge": (r"<<", "<"),
}
_Loader.yaml_implicit_resolvers = {}
for _tag, (_words, _first) in WORDS.items():
    _pattern = re.compile(rf"^(?:{_words})$")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, [*_first, ""] if _tag == "null" else [*_first])
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))


def _count(value, depth, left=None):
    """Count the values below this one, every alias anew; ValueError: too many, too deep."""
    left = [MOST] if left is None else left
    left[0] -= 1
    if left[0] < 0 or depth > DEEPEST:
        raise ValueError(
            f"more than {MOST} values, or more than {DEEPEST} levels: aliases (&, *) that hold each other?"
        )
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("a number is too large for a float")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _count(each, depth + 1, left)
