"""The files of a decoded cache, damaged in any way: they hold what was decoded, or are refused, and built again.

A few examples here, 1,000 in `make test-long`.
"""

import numpy as np
import pytest
from damage import damaged, examples_of, write
from video_files import write_dataset

from lib.data import DecodedCache, build_cache


def try_damaged_caches(home, examples):
    manifest = write_dataset(home, videos=3, frames=4, size=(16, 20))
    folder = build_cache(manifest, home / "cache", 16, progress=False).folder
    contents = {file.name: file.read_bytes() for file in folder.iterdir() if file.stat().st_size}
    decoded = {path: np.array(DecodedCache.open(folder)[path]) for path in (video.path for video in manifest.videos)}
    assert set(contents) >= {"frames.u8", "index.json", "sums.jsonl", "checked.json"}

    def assert_whole(cache):
        for path, frames in decoded.items():
            assert (cache[path] == frames).all() and cache.short_side == 16 and cache.resampling == "pillow"

    @examples_of(damaged(contents), examples)
    def check(wrong):
        write(folder, wrong)
        try:
            cache = DecodedCache.open(folder)
            assert_whole(cache)
        except (ValueError, KeyError) as error:
            assert type(error) is ValueError and str(folder) in str(error) and len(str(error)) < 1000, repr(error)
        assert_whole(build_cache(manifest, home / "cache", 16, progress=False))

    check()


def test_damaged_caches(tmp_path):
    try_damaged_caches(tmp_path, 30)


@pytest.mark.long
def test_damaged_caches_long(tmp_path):
    try_damaged_caches(tmp_path, 1000)


@pytest.mark.parametrize(
    "before, after", [(": 16,", ": 24,"), ("16, 20, 3]", "20, 16, 3]"), ('"pillow"', '"opencv"'), ("0.mp4", "7.mp4")]
)
def test_an_index_that_says_something_else_is_written_again(tmp_path, before, after):
    manifest = write_dataset(tmp_path, videos=3, frames=4, size=(16, 20))
    whole = build_cache(manifest, tmp_path / "cache", 16, progress=False)
    index = whole.folder / "index.json"
    said = index.read_text()
    assert before in said
    index.write_text(said.replace(before, after))
    with pytest.raises(ValueError, match="holds no complete cache; build_cache makes it"):
        DecodedCache.open(whole.folder)
    again = build_cache(manifest, tmp_path / "cache", 16, progress=False)
    assert index.read_text() == said and (again["videos/1.mp4"] == whole["videos/1.mp4"]).all()
