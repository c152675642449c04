"""Hashes of every byte: what `check --full` holds a video against, from its first time on.

A manifest's own fingerprints are of head, middle and tail, so that they cost nothing; bytes between can rot unseen, and
a decoder may make pixels of them. MANIFEST_FOLDER/full.json keeps {path: [fingerprint, hash of the whole]}.
"""

from dataclasses import replace

from lib.data.content import whole_hash
from lib.files import read_json, write_json

CHANGED = "bytes in it are others than when it was first checked --full: get it again, or prepare it again"


def compare(folder, videos, root, progress=True):
    """Hash what usable videos are made of, and hold it against full.json, where what is new is noted.  -> videos

    A video that was prepared again, so that its fingerprint is another one, is new. ValueError: a damaged full.json
    """
    from tqdm.auto import tqdm

    file = folder / "full.json"
    known = _known(file)
    usable, told = {video.path: video.content for video in videos if video.status == "ok"}, {}
    for path, prepared in tqdm(usable.items(), "every byte", unit="video", disable=not progress):
        told[path] = [prepared, whole_hash(root / path)]
    changed = {path for path, now in told.items() if path in known and known[path][0] == now[0] and known[path] != now}
    write_json(file, {**known, **{path: now for path, now in told.items() if path not in changed}})
    return [replace(video, status=CHANGED) if video.path in changed else video for video in videos]


def _known(file):
    known = read_json(file) if file.exists() else {}
    rows = known.values() if isinstance(known, dict) else [None]
    if not all(isinstance(row, list) and len(row) == 2 and all(isinstance(v, str) for v in row) for row in rows):
        raise ValueError(f"{file} is damaged: it should map a path to two texts; delete it, and check --full again")
    return known
