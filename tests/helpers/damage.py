"""Files that are wrong in any way, drawn by Hypothesis: bytes put in or taken out, values of JSON replaced."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ODD = (
    [None, True, False, -1, 0, 2, 10**20, 10**400, 1.5, -0.0, float("nan"), float("inf"), "", "\0", "a\nb", "../x",
     "/x", "\ud800", "١", "9" * 5000, "x" * 5000, [], [[]], {}, {"label": 1}, [None], ["a", 3], {"a": {"b": None}}]
)  # fmt: skip
BYTES = st.sampled_from(
    [b"", b"\0", b"\xff\xfe", b"\n", b"\r", b" " * 3000, b",", b";", b'"', b'"' * 9, b"-1", b"9" * 5000, b"[" * 3000,
     b"1e999", b"NaN", b"x" * 200_000, b"\xef\xbb\xbf", b"../", b"/", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"}", b"null"]
) | st.binary(max_size=12)  # fmt: skip


@st.composite
def damaged(draw, contents):
    """The files, one of them wrong: bytes put in or taken out, or a value of its JSON replaced."""
    name = draw(st.sampled_from(sorted(contents)))
    content = contents[name]
    for _ in range(draw(st.integers(1, 3))):
        replaced = draw(st.booleans()) and _with_odd_value(draw, content)
        if replaced:
            content = replaced
            continue
        start = draw(st.integers(0, len(content)))
        stop = draw(st.sampled_from([start, start + 1, start + 7, len(content)]))
        content = content[:start] + draw(BYTES) + content[stop:]
    return contents | {name: content}


def _with_odd_value(draw, content):
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return None
    places = _places(tree)
    if not places:
        return None
    parent, key = places[draw(st.integers(0, len(places) - 1))]
    odd = draw(st.sampled_from(ODD))
    if isinstance(parent, dict) and isinstance(odd, str) and draw(st.booleans()):
        parent[odd] = parent.pop(key)
    else:
        parent[key] = odd
    with_surrogates = json.dumps(tree, ensure_ascii=draw(st.booleans()))
    return with_surrogates.encode("utf-8", "surrogatepass")


def every_odd_value(content):
    """JSON with each of its values, or names, replaced by each of the odd ones.  -> iterator of bytes"""
    for place in range(len(_places(json.loads(content)))):
        for odd in ODD:
            tree = json.loads(content)
            parent, key = _places(tree)[place]
            parent[key] = odd
            yield json.dumps(tree).encode()
            if isinstance(parent, dict) and isinstance(odd, str):
                tree = json.loads(content)
                parent, key = _places(tree)[place]
                parent[odd] = parent.pop(key)
                yield json.dumps(tree).encode()


def _places(tree):
    """Where the values of a tree are.  -> [(dict or list, key), ...]"""
    places = [(tree, key) for key in _keys(tree)]
    for parent, key in places:  # grows while it is read
        places += [(parent[key], below) for below in _keys(parent[key])]
    return places


def _keys(value):
    return list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()


def write(folder, contents):
    for file in folder.iterdir():
        file.unlink()
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def examples_of(strategy, count):
    """Decorator: a function of one value that is called with `count` draws; a failure prints how to draw it again."""
    quiet = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
    return lambda check: settings(max_examples=count, print_blob=True, **quiet)(given(strategy)(check))
