"""Files and manifests of the embedded dataset: complete, resumable, the same whichever way they come about."""

import signal
import subprocess
import sys
import time
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from data_prep.__main__ import main
from data_prep.moving_shapes.dataset import prepare, render, split_counts, write_mp4
from data_prep.moving_shapes.drawing import render_scene
from data_prep.moving_shapes.motion import ASPECTS, DIFFICULTIES, FPS, MOTIONS, draw_format
from data_prep.moving_shapes.scene import draw_scene
from lib.data.manifest import read_manifest
from lib.data.readers import open_video
from lib.files import read_json, write_json

SMALL = {"videos": 36, "frames": 12, "size": 32}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "shapes"
    return out, prepare(out, **SMALL, workers=1, progress=False)


def test_manifests_describe_the_videos(dataset):
    out, manifests = dataset
    for name, manifest in manifests.items():
        assert manifest == read_manifest(out / name)
        assert manifest.found == manifest.expected == {"train": 24, "val": 4, "test": 8} == split_counts(36)
        for split in manifest.found:
            labels = [render(i, split, frames=12, size=32)[1][name] for i in range(manifest.found[split])]
            assert [video.label for video in manifest.split(split)] == labels
    assert Counter(video.label for video in manifests["shape"].split("train")) == dict.fromkeys(range(8), 3)
    assert manifests["shape"].mirror_pairs == ()
    names = [{manifests["motion"].classes[label] for label in pair} for pair in manifests["motion"].mirror_pairs]
    assert names == [{"move_left", "move_right"}, {"turn_clockwise", "turn_counterclockwise"}]


@pytest.mark.parametrize("reader", ["decord", "pyav"])
@pytest.mark.parametrize("place", [0, 25, 35])
def test_readers_find_what_was_rendered(dataset, place, reader):
    manifest = dataset[1]["motion"]
    video = manifest.videos[place]
    frames, _ = render(int(video.path[-9:-4]), video.split, frames=12, size=32)
    with open_video(manifest.root / video.path, reader) as file:
        decoded = file.read(range(len(file)))
        assert (len(file), file.fps, file.width, file.height) == (video.frames, video.fps, video.width, video.height)
    assert decoded.shape == frames.shape
    apart = [[np.abs(seen.astype(int) - drawn).mean() for drawn in frames] for seen in decoded]
    assert np.argmin(apart, axis=1).tolist() == list(range(video.frames))  # H.264 is lossy; the frames stay in order
    assert np.diag(apart).max() < 12


def test_formats_vary_and_are_even():
    forms = [draw_format(index, "train", 32, 64) for index in range(400)]
    assert {form.frames for form in forms} == set(range(24, 33)) and {form.fps for form in forms} == set(FPS)
    assert len({(form.width, form.height) for form in forms}) == len(ASPECTS)
    assert all(form.width % 2 == form.height % 2 == 0 and min(form.width, form.height) == 64 for form in forms)


def test_file_size_does_not_tell_the_motion(tmp_path):
    """The size of a file depends a little on its motion: a rule fitted on it must stay near chance, 12.5 percent."""
    sizes = np.array([[encoded_size(tmp_path, i, motion) for motion in MOTIONS] for i in range(16)])
    fitted, held_out = np.log(sizes[::2]).mean(axis=0), np.log(sizes[1::2])
    guesses = np.abs(held_out[..., None] - fitted).argmin(axis=2)
    assert (guesses == np.arange(8)).mean() < 0.25


def encoded_size(folder, index, motion):
    scene = draw_scene(index, "train", frames=12, size=32, motion=motion)
    write_mp4(folder / "video.mp4", render_scene(scene), Fraction(25))
    return (folder / "video.mp4").stat().st_size


def test_a_second_call_does_nothing(dataset, capsys):
    out, manifests = dataset
    before = stamps(out)
    assert prepare(out, **SMALL) == manifests
    assert stamps(out) == before and "there already, 36 videos" in capsys.readouterr().out


def stamps(out):
    return {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_what_is_missing_is_made_again(dataset):
    out, manifests = dataset
    lost, leftover = out / "videos/val/00002.mp4", out / "videos/val/.00003.mp4.123.tmp"
    content, before = lost.read_bytes(), stamps(out / "videos")
    lost.unlink()
    leftover.write_bytes(b"half a video")
    assert prepare(out, **SMALL, progress=False) == manifests
    after = stamps(out / "videos")
    assert lost.read_bytes() == content and not leftover.exists()
    assert {path for path in after if after[path] != before[path]} == {lost}


def test_a_killed_preparation_is_finished(tmp_path):
    """SIGKILL in the middle, with worker processes: no half file has a video's name, and the rest is made."""
    command = [sys.executable, "-m", "data_prep", "moving_shapes", "--out", tmp_path / "out", "--workers", "2"]
    process = subprocess.Popen(
        [*command, "--videos", "180", "--frames", "8", "--size", "32"], stderr=subprocess.DEVNULL
    )
    while not list(tmp_path.glob("out/videos/train/*.mp4")):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    manifest = prepare(tmp_path / "out", videos=180, frames=8, size=32, workers=1, progress=False)["motion"]
    for video in manifest.videos[:60]:
        with open_video(manifest.root / video.path, "pyav") as file:
            assert len(file) == video.frames


@pytest.mark.parametrize(
    "options, message",
    [
        ({"videos": 8}, "videos is 8"),
        ({"frames": 7}, "frames is 7"),
        ({"size": 65}, "size is 65; it must be even"),
        ({"seed": -1}, "seed is -1"),
        ({"workers": 0}, "workers is 0"),
        ({"difficulty": "easy"}, "difficulty is easy; it must be plain or busy or crowded or mixed"),
    ],
)
def test_wrong_options_are_named(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        prepare(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_other_arguments_need_another_folder(dataset, monkeypatch):
    with pytest.raises(ValueError, match="prepared with videos 36, not 45: choose another folder"):
        prepare(dataset[0], **SMALL | {"videos": 45})
    monkeypatch.setattr("data_prep.moving_shapes.scene.CLOUDS", 0)
    with pytest.raises(ValueError, match="prepared with drawing"):
        prepare(dataset[0], **SMALL)


def test_difficulties_are_other_datasets(dataset, tmp_path):
    """Of one seed they have the same rows: were their names the same too, one's training would pass for the other's."""
    out, manifests = dataset
    with pytest.raises(ValueError, match="prepared with difficulty plain, not crowded"):
        prepare(out, **SMALL, difficulty="crowded")
    there = read_json(out / "moving_shapes.json")
    write_json(out / "moving_shapes.json", {key: value for key, value in there.items() if key != "difficulty"})
    assert prepare(out, **SMALL, progress=False) == manifests  # a folder from before there were others is plain
    crowded = prepare(tmp_path, **SMALL, difficulty="crowded", workers=1, progress=False)
    for name, manifest in crowded.items():
        assert [row.label for row in manifest.videos] == [row.label for row in manifests[name].videos]
        assert (manifest.name, manifests[name].name) == (f"moving_shapes_crowded_{name}", f"moving_shapes_{name}")


def test_what_is_crowded_holds_more_and_nothing_else_of_the_label():
    scenes = {name: [draw_scene(i, "train", difficulty=name) for i in range(24)] for name in DIFFICULTIES}
    count = {name: Counter(len(scene.layers) - 1 for scene in drawn) for name, drawn in scenes.items()}
    for name, difficulty in DIFFICULTIES.items():
        assert set(count[name]) == set(range(difficulty.distractors[0], difficulty.distractors[1] + 1))
    for index in range(8):
        first, *others = (draw_scene(index, "val", difficulty="crowded", motion=motion) for motion in MOTIONS)
        apart = [
            [not np.array_equal(a.pose, b.pose) for a, b in zip(first.layers, o.layers, strict=True)] for o in others
        ]
        assert all(sum(moved) == 1 for moved in apart)  # the labelled object alone


def test_command_line(dataset, capsys):
    out, _ = dataset
    main(["moving_shapes", "--out", str(out), "--videos", "36", "--frames", "12", "--size", "32"])
    assert "there already" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="error: .*prepared with videos 36, not 1152"):
        main(["moving_shapes", "--out", str(out)])
    with pytest.raises(SystemExit):
        main(["moving_shapes", "--help"])
    assert "example: python -m data_prep moving_shapes --out" in capsys.readouterr().out


def test_rendering_needs_numpy_only():
    blocked = "".join(f"sys.modules['{name}'] = None; " for name in ("av", "decord", "tqdm", "PIL", "torch", "pandas"))
    code = (
        f"import sys; {blocked}from data_prep.moving_shapes.dataset import render; assert render(0, 'val')[0].ndim == 4"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
