"""Scores in files: what is written is read, crops are merged, and the result is never chosen on test labels."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles import undeal

from lib import create_model
from lib.data import Pixels, read_manifest
from lib.evaluate.scores import Scores, evaluate_scores, extract_scores, merge_scores, read_scores, write_scores
from lib.search.schedule import stage_clips

GOLDEN = Path(__file__).parents[2] / "golden" / "optplan" / "merge_scores.golden.json"
STAGE = {"num_segments": 1, "clip_length": 4, "num_steps": 1}


def drawn(case):
    """The golden's scores (crops, videos * clips, classes) and labels, by its recipe."""
    draws = np.random.RandomState(case["seed"])
    labels = draws.randint(0, case["num_classes"], case["videos"])
    scores = draws.standard_normal((case["crops"], case["videos"] * case["clips"], case["num_classes"]))
    scores[:, np.arange(len(scores[0])), np.repeat(labels, case["clips"])] += 0.8
    return scores, labels


def test_golden_dealt_to_processes_and_merged_over_crops(tmp_path):
    case = json.loads(GOLDEN.read_text())
    scores, labels = drawn(case)
    paths = np.array([f"{i}.mp4" for i in range(case["videos"])])
    for crop, items in enumerate(scores):
        padded = np.concatenate([items, items[: -len(items) % case["gpus"]]])
        parts = [padded[rank :: case["gpus"]] for rank in range(case["gpus"])]
        again = undeal(parts, len(items))
        assert np.array_equal(again, items)
        of_crop = again.reshape(case["videos"], 1, case["clips"], -1).astype(np.float32)
        write_scores(tmp_path / f"{crop}.npz", Scores(of_crop, labels, paths))
    found = evaluate_scores(*merge_scores(sorted(tmp_path.glob("*.npz"))))
    printed = found["as_the_reference_prints"]
    wanted = {int(k): 100 * top1 for k, top1 in case["top1_of_mean_of_k_largest"].items()}
    assert printed["top1_of_k"] == pytest.approx(wanted) and printed["best_k"] == case["best_k"]
    assert found["all_clips"]["top1"] == pytest.approx(100 * case["all_clip_mean_top1"])
    assert [printed[f"top{k}"] for k in (1, 3, 5)] == pytest.approx(
        [100 * t for t in case["best_top1_top3_top5"]], abs=5e-3
    )


def test_the_result_is_the_mean_of_all_clips_though_another_k_is_better():
    scores = np.array(
        [[[3.0, 0], [0, 2], [0, 2]], [[0, 3.0], [1, 0], [1, 0]]]
    )  # the best clip is right, the mean wrong
    found = evaluate_scores(scores, np.array([0, 1]))
    assert found["as_the_reference_prints"]["best_k"] == 1 and found["as_the_reference_prints"]["top1"] == 100
    assert found["all_clips"]["top1"] == 50


def test_files_that_do_not_belong_together_say_so(tmp_path):
    scores, labels, paths = np.zeros((2, 1, 3, 4), np.float32), np.array([0, 1]), np.array(["a", "b"])
    write_scores(tmp_path / "a.npz", Scores(scores, labels, paths))
    for name, other in {
        "other videos": Scores(scores, labels, paths[::-1]),
        "clips and classes": Scores(scores[:, :, :2], labels, paths),
    }.items():
        write_scores(tmp_path / "b.npz", other)
        with pytest.raises(ValueError, match=f"b.npz .*{name}"):
            merge_scores([tmp_path / "a.npz", tmp_path / "b.npz"])
    np.savez(tmp_path / "c.npz", scores=scores)
    with pytest.raises(ValueError, match="c.npz holds no scores: labels, paths missing"):
        read_scores(tmp_path / "c.npz")
    with pytest.raises(ValueError, match="not 9 items dealt in turn"):
        undeal([np.zeros((3, 2)), np.zeros((2, 2))], 9)


def test_every_view_is_extracted_in_its_place(tiny_shapes, tmp_path):
    options = {"size": 16, "short_side": 24, "crop": "three_corners", "pixels": Pixels([0.5] * 3, [0.2] * 3)}
    dataset = stage_clips("test", STAGE, views=2, manifest=read_manifest(tiny_shapes / "shape"), **options)
    torch.manual_seed(0)
    net = create_model("c2d_nano", num_classes=8)
    found = extract_scores(tmp_path / "s.npz", net, dataset)
    there = read_scores(tmp_path / "s.npz")
    assert there.scores.shape == (10, 3, 2, 8) and all(map(np.array_equal, there, found))
    clip, label, _ = dataset[0, 6 * 4 + 2 * 2 + 1]  # video 4, crop 2, clip 1
    with torch.no_grad():
        alone = net((clip[None] / 255 - 0.5) / 0.2)[0]
    torch.testing.assert_close(torch.tensor(there.scores[4, 2, 1]), alone, rtol=1e-4, atol=1e-4)
    assert there.labels[4] == label and there.paths[4] == dataset.videos[4].path


def kept(folder, **changes):
    arrays = {"scores": np.ones((2, 1, 1, 3), np.float32), "labels": np.array([0, 2]), "paths": np.array(["a", "b"])}
    np.savez(folder / "s.npz", **{**arrays, **changes})
    return folder / "s.npz"


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"scores": np.full((2, 1, 1, 3), np.nan, np.float32)}, "s.npz: scores of 2 videos are not finite.*(a)"),
        ({"scores": np.array([[[[1.0, 0, 0]]], [[[0, np.inf, 0]]]])}, r"s.npz: scores of 1 videos .* \(b\)"),
        ({"scores": np.ones((2, 3))}, "s.npz: scores must be .videos, crops, clips, classes."),
        ({"scores": np.ones((2, 1, 1, 3), complex)}, "s.npz: scores must be numbers"),
        ({"scores": np.ones((2, 1, 1, 0))}, "s.npz: .* no classes"),
        ({"labels": np.array([0, 3])}, "s.npz: labels count from 0 to 2, but that of video 1 is 3"),
        ({"labels": np.array([[0], [1]])}, "s.npz: labels must be one per video"),
        ({"paths": np.array([b"a", b"b"])}, "s.npz: paths must be one text per video"),
        ({"paths": np.array([["a"], None], object)}, "s.npz cannot be read as .npz: paths.npy has no header that"),
        ({"protocol": "[" * 5000}, "s.npz: its protocol or average"),
        ({"average": "best"}, "s.npz: its protocol or average"),
    ],
)
def test_files_that_hold_no_scores(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        read_scores(kept(tmp_path, **changes))


@pytest.mark.parametrize("how", ["cut", "bit", "text", "declared", "compressed"])
def test_damaged_and_hostile_files(tmp_path, how):
    path = kept(tmp_path)
    content = bytearray(path.read_bytes())
    if how == "cut":
        content = content[: len(content) // 2]
    if how == "bit":
        content[content.index(np.float32(1).tobytes() * 3) + 2] ^= 1
    if how == "text":
        content = b"no scores"
    path.write_bytes(content)
    if how == "declared":  # 10^15 numbers in a file of some hundred bytes
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**15,)})
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("scores.npy", header.getvalue())
    if how == "compressed":
        np.savez_compressed(path, scores=np.zeros((10**6,)))
    with pytest.raises(ValueError, match="s.npz cannot be read as .npz: "):
        read_scores(path)


def test_no_view_counts_twice(tmp_path):
    kept(tmp_path).rename(tmp_path / "first.npz")
    with pytest.raises(ValueError, match="s.npz holds the very views of .*first.npz"):
        merge_scores([tmp_path / "first.npz", kept(tmp_path)])


def test_one_crop_of_several_counts_once(tmp_path):
    """A file of two crops, one of them in another file: by its content, or by its protocol's name of it."""
    rng = np.random.default_rng(0)
    left, centre = (rng.standard_normal((2, 1, 1, 3)).astype(np.float32) for _ in range(2))
    kept(tmp_path, scores=np.concatenate([left, centre], 1)).rename(tmp_path / "both.npz")
    with pytest.raises(ValueError, match="s.npz holds the very views of .*both.npz"):
        merge_scores([tmp_path / "both.npz", kept(tmp_path, scores=centre)])
    kept(tmp_path, scores=left, protocol='{"crop": "centre"}').rename(tmp_path / "gpu.npz")
    with pytest.raises(ValueError, match="s.npz holds the very views of .*gpu.npz, crop centre"):
        merge_scores([tmp_path / "gpu.npz", kept(tmp_path, scores=left + 1e-6, protocol='{"crop": "centre"}')])


def test_a_video_counts_once(tmp_path):
    """Two parts of a video have one path and scores of their own; a row that stands twice is a mistake."""
    assert len(read_scores(kept(tmp_path, paths=np.array(["a", "a"]), scores=np.eye(3)[:2, None, None])).labels) == 2
    with pytest.raises(ValueError, match="s.npz: rows 0 and 1 are both a, with the same scores"):
        read_scores(kept(tmp_path, paths=np.array(["a", "a"])))


def test_equal_scores_of_everything_are_no_proof(tmp_path):
    """A net that says the same of everything made no copies; one row twice among others that differ is one."""
    four, parts = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]][:, None, None], {"labels": np.zeros(4, int)}
    names = np.array(["still", "still", "b", "b"])
    assert len(read_scores(kept(tmp_path, paths=names, scores=four * 0, **parts)).labels) == 4
    for scores in (four, four[[0, 0, 2, 2]]):  # b's two parts differ, or do not
        with pytest.raises(ValueError, match="rows 0 and 1 are both still.*of two parts of a video that shows one"):
            read_scores(kept(tmp_path, paths=names, scores=scores, **parts))
    same = np.ones((2, 1, 1, 3), np.float32)
    for crop in ("left", "right"):
        kept(tmp_path, scores=same, protocol=f'{{"crop": "{crop}"}}').rename(tmp_path / f"{crop}.npz")
    assert merge_scores([tmp_path / "left.npz", tmp_path / "right.npz"])[0].shape == (2, 1, 3)


def test_probabilities_are_not_made_probabilities_again(tmp_path):
    shares = np.array([[[[0.7, 0.2, 0.1]]], [[[0.0, 0.5, 0.5]]]], np.float32)
    assert read_scores(kept(tmp_path, scores=shares, average="score")).average == "score"
    with pytest.raises(ValueError, match="s.npz: its scores are probabilities already"):
        read_scores(kept(tmp_path, scores=shares, average="prob"))


def test_two_arrays_of_one_name(tmp_path):
    path = kept(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels", archive.read("labels.npy"))
    with pytest.raises(ValueError, match="s.npz cannot be read as .npz: two of its arrays have one name"):
        read_scores(path)
