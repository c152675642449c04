"""Files of scores, damaged in any way, also with checksums that are right: they are refused by name, or can be used.

A few examples here, 1,000 in `make test-long`.
"""

import io
import zipfile

import numpy as np
import pytest
from damage import damaged, examples_of

from lib.evaluate.scores import Scores, evaluate_scores, merge_scores, read_scores, write_scores

SCORES = Scores(
    np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4), np.array([3, 0]), np.array(["a.mp4", "b/c.mp4"]), "prob",
    '{"name": "own", "frames": 8, "crop": "centre"}',
)  # fmt: skip


def members(file):
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(contents):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return file.getvalue()


def assert_clear(file):
    try:
        scores, labels = merge_scores([file])
        found = read_scores(file)
    except ValueError as error:
        assert type(error) is ValueError and str(file) in str(error), repr(error)
        assert len(str(error)) < 1000 and "\n" not in str(error), error
        return
    assert np.isfinite(scores).all() and scores.shape == (len(labels), *found.scores.shape[2:])
    assert ((labels >= 0) & (labels < scores.shape[-1])).all() and found.paths.shape == labels.shape
    assert 0 <= evaluate_scores(scores, labels)["all_clips"]["top1"] <= 100


def try_damaged_scores(folder, examples):
    file = folder / "s.npz"
    write_scores(file, SCORES)
    whole = file.read_bytes()
    parts = members(file)
    assert_clear(file)

    @examples_of(damaged({"s.npz": whole}), examples)
    def check_bytes(wrong):
        file.write_bytes(wrong["s.npz"])
        assert_clear(file)

    @examples_of(damaged(parts), examples)
    def check_members(wrong):
        file.write_bytes(zipped(wrong))
        assert_clear(file)

    check_bytes()
    check_members()


def test_damaged_scores(tmp_path):
    try_damaged_scores(tmp_path, 40)


@pytest.mark.long
def test_damaged_scores_long(tmp_path):
    try_damaged_scores(tmp_path, 1000)
