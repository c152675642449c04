"""Good data under odd names and in odd containers is used; what is ambiguous is said and not guessed."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tiny_videos import picture, put_frames, put_video, write_file
from zoo import COLOURS, painted, read_colours, read_numbers, write_tagged, write_zoo_file

from data_prep import check, reencode
from data_prep.__main__ import main
from data_prep.datasets import activitynet, hmdb51, jester, kinetics, lists, ucf101
from data_prep.datasets.hmdb51 import film
from data_prep.splits import mirror_pairs, unmirrored
from data_prep.tree import frame_pattern
from lib.data import Video, open_video, read_manifest, write_manifest

QUIET = {"workers": 0, "progress": False}
GOLDEN = Path(__file__).parents[1] / "golden" / "data_prep"


def of_lists(folder, text, *, classes="a\nb\n", form="mmaction_videos", **options):
    """A manifest of folder/videos from one training list."""
    (folder / "train.txt").write_text(text)
    (folder / "classes.txt").write_text(classes)
    files = {"train": folder / "train.txt", "classes": folder / "classes.txt"}
    options = {"root": folder / "videos", **files, **QUIET, **options}
    return lists.prepare(folder / "out", format=form, **options)[""]


def hara(folder, segments, **more):
    """The JSON of 3D-ResNets' scripts for UCF-101, {video: segment}."""
    rows = {
        f"v_Archery_g0{i}_c01": {"subset": "training", "annotations": {"label": "Archery", "segment": segment}}
        for i, segment in enumerate(segments)
    }
    folder.mkdir(parents=True)
    (folder / "ucf101_01.json").write_text(json.dumps({"labels": ["Archery"], "database": rows | more}))


@pytest.mark.parametrize("source", ["video", "frames"])
def test_segments_of_3d_resnets_are_frames(tmp_path, source):
    for i in range(3):
        place = tmp_path / "root" / "Archery" / f"v_Archery_g0{i}_c01"
        if source == "video":
            put_video(place, tmp_path, suffix=".mp4", frames=12)
        else:
            put_frames(place, pattern="image_{:05d}.jpg", frames=12)
    hara(tmp_path / "labels", [[1, 13], [1, 13], [1, 13]])
    options = {"root": tmp_path / "root", "labels": tmp_path / "labels", "splits": (1,), "hold_out": 0, **QUIET}
    manifest = ucf101.prepare(tmp_path / "out", **options)["split1"]
    assert [(v.start, v.end, len(v.frame_range()), v.status) for v in manifest.videos] == [(None, None, 12, "ok")] * 3
    hara(tmp_path / "more", [[1, 13], [1, 13], [4, 9]])
    options["labels"] = tmp_path / "more"
    part = ucf101.prepare(tmp_path / "parts", fps=30.0, **options)["split1"].videos[2]
    assert part.frame_range() == range(3, 8) and part.status == "ok"
    for name, segments in {"long": [[1, 301]] * 3, "seconds": [[1, 4]] * 3}.items():
        hara(tmp_path / name, segments)
        options["labels"] = tmp_path / name
        with pytest.raises(
            ValueError, match="ucf101_01.json, .*3 of 3 segments contradict the lengths of their videos"
        ):
            ucf101.prepare(tmp_path / f"{name}_out", **options)
        assert not (tmp_path / f"{name}_out" / "split1").exists()


def test_segments_in_seconds_that_are_frames_are_refused(tmp_path):
    put_video(tmp_path / "root" / "v_a", tmp_path)
    rows = {"a": {"subset": "training", "annotations": [{"segment": [1, 300], "label": "Archery"}]}}
    (tmp_path / "activity_net.json").write_text(json.dumps({"database": rows}))
    with pytest.raises(ValueError, match="activity_net.json, 'a': 1 of 1 segments contradict .* not in seconds"):
        activitynet.prepare(tmp_path / "out", root=tmp_path / "root", labels=tmp_path, **QUIET)


def test_test_rows_without_labels_are_said_once(tmp_path, capsys):
    put_video(tmp_path / "root" / "a" / "id1_000010_000020", tmp_path)
    empty = [{}, {"segment": [1, 301]}] * 20
    rows = {f"te{i}": {"subset": "testing", "annotations": one} for i, one in enumerate(empty)}
    rows["id1_000010_000020"] = {"subset": "training", "annotations": {"label": "a"}}
    (tmp_path / "kinetics.json").write_text(json.dumps({"labels": ["a"], "database": rows}))
    manifest = kinetics.prepare(tmp_path / "out", root=tmp_path / "root", labels=tmp_path, **QUIET)[""]
    assert manifest.found == {"train": 1}
    remarks = (tmp_path / "out" / "problems.txt").read_text()
    assert remarks == "kinetics.json: 40 videos of subset testing have no label; they are left out\n"


def write_with_sound(path, seconds, late=0.0, late_sound=0.0):
    """Two seconds of picture at 25 fps, and as many of sound as `seconds` says; either may start late."""
    with av.open(str(path), "w") as file:
        webm = path.suffix == ".webm"
        video = file.add_stream("libvpx-vp9" if webm else "libx264", rate=25)
        video.height, video.width, video.pix_fmt = 32, 40, "yuv420p"
        sound = file.add_stream("libopus" if webm else "aac", rate=48000) if seconds else None
        for i, image in enumerate(picture(50)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i + round(25 * late), Fraction(1, 25)
            file.mux(video.encode(frame))
        file.mux(video.encode())
        for k in range(round(seconds * 48000 / 960)):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, 960 * k + round(48000 * late_sound)
            file.mux(sound.encode(frame))
        if sound:
            file.mux(sound.encode())


def test_sound_that_is_longer_cuts_no_picture(tmp_path):
    (tmp_path / "videos").mkdir()
    files = [f"sound_{s}.{c}" for s in ("2.0", "2.12", "3.0") for c in ("mkv", "webm", "flv", "mp4", "mov")]
    for name in files:
        write_with_sound(tmp_path / "videos" / name, float(name[6:].rsplit(".", 1)[0]))
    for suffix in ("mkv", "webm"):
        write_with_sound(tmp_path / "videos" / f"late.{suffix}", 0, late=0.6)
        write_with_sound(tmp_path / "videos" / f"late_sound.{suffix}", 2.0, late=0.4)
        files += [f"late.{suffix}", f"late_sound.{suffix}"]
    manifest = of_lists(tmp_path, "".join(f"{name} 0\n" for name in files))
    assert not [video for video in manifest.videos if "cut short" in video.status]
    after = reencode.run(tmp_path / "out", out=tmp_path / "new", short_side=32, gop=12, repetitions=0, **QUIET)
    assert [(video.frames, video.status) for video in after.videos] == [(50, "ok")] * len(files)
    for name in files:  # what is really cut is still seen
        content = (tmp_path / "videos" / name).read_bytes()
        (tmp_path / "videos" / name).write_bytes(content[: len(content) // 2])
    assert not check.run(tmp_path / "out", **QUIET).split("train")


@pytest.mark.parametrize("ticks", [25, 1000])
def test_dropped_frames_of_avi(tmp_path, ticks):
    """A container that counts ticks for which no frame was written: what is there decodes whole and in order."""
    kept = [i for i in range(60) if i % 5]
    (tmp_path / "videos").mkdir()
    with av.open(str(tmp_path / "videos" / "a.avi"), "w") as file:
        stream = file.add_stream("mpeg4", rate=ticks, options={"b": "3M"})
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for i in kept:
            frame = av.VideoFrame.from_ndarray(painted(60)[i], format="rgb24")
            frame.pts, frame.time_base = i * ticks // 25, Fraction(1, ticks)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    manifest = of_lists(tmp_path, "a.avi 0\n")
    assert "cut short" not in manifest.videos[0].status
    after = reencode.run(tmp_path / "out", out=tmp_path / "new", short_side=64, gop=12, repetitions=0, **QUIET)
    video = after.videos[0]
    assert video.status == "ok" and 40 <= video.frames <= 60
    with open_video(after.root / video.path) as file:
        numbers = read_numbers(file.read(range(video.frames)))
    assert numbers[-1] == 59 and (np.diff(numbers) >= 0).all() and set(numbers) <= set(kept)


def test_open_gop_stream_copies_are_mended(tmp_path):
    """A copy that starts at an open GOP's key frame: FFmpeg passes over what refers to frames before it."""
    write_zoo_file(tmp_path / "whole.mp4", painted(60), "h264_open")
    (tmp_path / "videos").mkdir()
    with av.open(str(tmp_path / "whole.mp4")) as given, av.open(str(tmp_path / "videos" / "a.mp4"), "w") as made:
        stream, keys = given.streams.video[0], 0
        copy = made.add_stream_from_template(stream)
        for packet in given.demux(stream):
            keys += packet.is_keyframe
            if keys > 1 and packet.dts is not None:
                packet.stream = copy
                made.mux(packet)
    manifest = of_lists(tmp_path, "a.mp4 0\n")
    assert manifest.videos[0].status != "ok"
    after = reencode.run(tmp_path / "out", out=tmp_path / "new", short_side=64, gop=12, repetitions=0, **QUIET)
    video = after.videos[0]
    assert video.status == "ok" and video.frames >= 48
    with open_video(after.root / video.path) as file:
        numbers = read_numbers(file.read(range(3, video.frames)))
    assert (np.diff(numbers) == 1).all() and numbers[-1] == 59


TIE = """
from data_prep.tree import frame_pattern
import sys
print(frame_pattern(sys.argv[1], ["a/v1", "b/v2"]))
"""


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_frames_beside_optical_flow(tmp_path, seed):
    for folder in ("a/v1", "b/v2"):
        for prefix in ("img_", "x_", "y_"):
            put_frames(tmp_path / folder / prefix, pattern=prefix + "{:05d}.jpg", frames=6)
            for file in (tmp_path / folder / prefix).iterdir():
                file.rename(tmp_path / folder / file.name)
            (tmp_path / folder / prefix).rmdir()
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", TIE, tmp_path], capture_output=True, text=True, env=environment)
    assert ran.stdout == "('img_{:05d}.jpg', 1)\n", ran.stderr


def test_a_tie_of_frame_names_is_an_error_with_its_option(tmp_path):
    for name in ("v1", "v2"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        for prefix in "yx":
            for i in range(1, 7):
                Image.new("RGB", (40, 32)).save(tmp_path / "videos" / name / f"{prefix}_{i:05d}.jpg")
    words = r"which images are the frames, x_{:05d}.jpg, y_{:05d}.jpg\? Say it with --frame-pattern"
    with pytest.raises(ValueError, match=words):
        of_lists(tmp_path, "v1 6 0\nv2 6 1\n", form="tsn")
    manifest = of_lists(tmp_path, "v1 6 0\nv2 6 1\n", form="tsn", frame_pattern="x_{:05d}.jpg")
    assert manifest.frame_pattern == "x_{:05d}.jpg" and manifest.found == {"train": 2}
    assert frame_pattern(tmp_path / "videos", ["v1"], "y_{:05d}.jpg") == ("y_{:05d}.jpg", 1)


@pytest.mark.parametrize("suffix", [".mp4.mkv", ".mp4.webm", ".mkv", ".webm.mp4"])
def test_suffixes_upon_suffixes(tmp_path, suffix):
    last = "." + suffix.rsplit(".", 1)[1]
    put_video(tmp_path / "root" / "v_abc", tmp_path, suffix=last, frames=12)
    (tmp_path / "root" / f"v_abc{last}").rename(tmp_path / "root" / f"v_abc{suffix}")
    rows = {"abc": {"subset": "training", "annotations": [{"segment": [0.1, 0.3], "label": "Archery"}]}}
    (tmp_path / "activity_net.json").write_text(json.dumps({"database": rows}))
    manifest = activitynet.prepare(tmp_path / "out", root=tmp_path / "root", labels=tmp_path, **QUIET)[""]
    assert [(video.path, video.status) for video in manifest.videos] == [(f"v_abc{suffix}", "ok")]


@pytest.mark.parametrize("suffix", [".gif", ".ogv", ".vob", ".strange"])
def test_a_listed_path_that_exists_is_found(tmp_path, suffix):
    put_video(tmp_path / "videos" / "usual", tmp_path)
    (tmp_path / "videos" / f"a{suffix}").write_bytes((tmp_path / "videos" / "usual.mp4").read_bytes())
    manifest = of_lists(tmp_path, f"a{suffix} 0\nusual.mp4 1\n")
    assert [video.status for video in manifest.videos] == ["ok", "ok"]


def test_a_dot_in_a_name_is_no_suffix(tmp_path):
    put_video(tmp_path / "videos" / "clip", tmp_path)
    put_video(tmp_path / "videos" / "clip.v2", tmp_path)
    manifest = of_lists(tmp_path, "clip.v2 0\nclip.v3 1\nclip 1\n")
    assert [(v.path, v.status == "ok") for v in manifest.videos] == [
        ("clip.v2.mp4", True), ("clip.v3", False), ("clip.mp4", True),
    ]  # fmt: skip


def test_labels_that_count_from_one(tmp_path):
    for name in ("x", "y"):
        put_video(tmp_path / "videos" / name, tmp_path)
    text = "x.mp4 1\ny.mp4 2\n"
    with pytest.raises(
        ValueError, match="train.txt, line 2: class 2 of 2 classes, and class 0 never .* --first-label 1"
    ):
        of_lists(tmp_path, text)
    assert [video.label for video in of_lists(tmp_path, text, first_label=1).videos] == [0, 1]
    assert [video.label for video in of_lists(tmp_path, text, first_label=0).videos] == [1], "the user says so"
    command = f"lists --format mmaction_videos --root {tmp_path / 'videos'} --train {tmp_path / 'train.txt'}"
    command += f" --classes {tmp_path / 'classes.txt'} --out {tmp_path / 'told'} --first-label 1 --no-progress"
    main([*command.split(), "--workers", "0"])
    assert read_manifest(tmp_path / "told").found == {"train": 2}


def test_absolute_paths(tmp_path):
    put_video(tmp_path / "videos" / "x" / "a", tmp_path)
    put_video(tmp_path / "elsewhere" / "b", tmp_path)
    text = f"{tmp_path / 'videos' / 'x' / 'a.mp4'} 0\n{tmp_path / 'elsewhere' / 'b.mp4'} 1\n"
    manifest = of_lists(tmp_path, text)
    assert [(video.path, video.status) for video in manifest.videos] == [("x/a.mp4", "ok")]
    problems = (tmp_path / "out" / "problems.txt").read_text()
    assert f"train.txt, line 2: '{tmp_path / 'elsewhere' / 'b.mp4'}' leads out of the dataset's root" in problems


def test_one_folder_per_split_with_the_same_names(tmp_path):
    for split, frames in (("train", 12), ("val", 9)):
        for name in ("a", "b"):
            put_video(tmp_path / "videos" / split / name / "001", tmp_path, frames=frames)
    (tmp_path / "val.txt").write_text("a/001.mp4 0\nb/001.mp4 1\n")
    manifest = of_lists(tmp_path, "a/001.mp4 0\nb/001.mp4 1\n", val=tmp_path / "val.txt")
    told = [(video.path, video.split, video.frames) for video in manifest.videos]
    assert told == [(f"{split}/{name}/001.mp4", split, frames)
                    for split, frames in (("train", 12), ("val", 9)) for name in "ab"]  # fmt: skip
    assert (tmp_path / "out" / "problems.txt").read_text() == ""


def test_kinetics_by_class_and_id(tmp_path):
    put_video(tmp_path / "root" / "air drumming" / "BBBBBBBBBBB", tmp_path)
    text = "label,youtube_id,time_start,time_end,split\nair drumming,BBBBBBBBBBB,120,130,"
    (tmp_path / "train.csv").write_text(text + "train\n")
    (tmp_path / "val.csv").write_text(text.replace("BBBBBBBBBBB", "A_000001_00") + "val\n")
    manifest = kinetics.prepare(tmp_path / "out", root=tmp_path / "root", labels=tmp_path, **QUIET)[""]
    assert manifest.videos[0].path == "air drumming/BBBBBBBBBBB.mp4" and manifest.found == {"train": 1}
    ids = ("air/BBBBBBBBBBB_000120_000130", "BBBBBBBBBBB", "x/BBBBBBBBBBB_000001_000002.mp4", "BBBBBBBBBBB.mp4")
    assert {kinetics.youtube_id(key) for key in ids} == {"BBBBBBBBBBB"}


def test_jester_as_a_mirror_ships_it(tmp_path):
    header = "video_id,label,frames,label_id,shape,format\n"
    for split, rows in {"Train": {"34870": "Drumming Fingers", "56557": "Sliding Two Fingers Up"},
                        "Validation": {"9223": "Drumming Fingers"}}.items():  # fmt: skip
        lines = (f'{key},{name},12,2,"(100, 176)",jpg\n' for key, name in rows.items())
        (tmp_path / f"{split}.csv").write_text(header + "".join(lines))
        for key in rows:
            put_frames(tmp_path / split / key)
    manifest = jester.prepare(tmp_path / "out", root=tmp_path, **QUIET)[""]
    assert manifest.classes == ("Drumming Fingers", "Sliding Two Fingers Up")
    told = [(video.path, video.label, video.split, video.status) for video in manifest.videos]
    assert told == [("Train/34870", 0, "train", "ok"), ("Train/56557", 1, "train", "ok"),
                    ("Validation/9223", 0, "val", "ok")]  # fmt: skip


@pytest.mark.parametrize(
    "file, pairs",
    [
        ("something_v2_classes.txt", [("Pulling something from left to right", "Pulling something from right to left"),
                                      ("Pushing something from left to right", "Pushing something from right to left"),
                                      ("Turning the camera left while filming something",
                                       "Turning the camera right while filming something")]),
        ("jester_classes.txt", [("Sliding Two Fingers Left", "Sliding Two Fingers Right"),
                                ("Swiping Left", "Swiping Right"),
                                ("Turning Hand Clockwise", "Turning Hand Counterclockwise")]),
    ],
)  # fmt: skip
def test_mirror_pairs_of_whole_datasets(file, pairs):
    names = (GOLDEN / file).read_text().splitlines()
    assert len(names) == {"something_v2_classes.txt": 174, "jester_classes.txt": 27}[file]
    assert [(names[a], names[b]) for a, b in mirror_pairs(names)] == pairs and unmirrored(names) == []


def test_a_class_without_a_mirror_image_is_never_mirrored(tmp_path):
    """It is said by name, and the pairs beside it go on being exchanged."""
    from lib.data import ClipDataset, own_protocol

    classes = "Swiping Left\nSwiping Right\nTurning left\n"
    rows = []
    for name in "abc":
        write_file(tmp_path / "videos" / f"{name}.mp4", picture(8, seed=ord(name)))
        rows.append(f"{name}.mp4 {'abc'.index(name)}\n")
    manifest = of_lists(tmp_path, "".join(rows), classes=classes)
    assert manifest.mirror_pairs == ((0, 1),) and manifest.unmirrored == (2,)
    assert "'Turning left' has a side and no mirror image" in (tmp_path / "out" / "problems.txt").read_text()
    assert read_manifest(tmp_path / "out") == manifest
    dataset = ClipDataset(manifest, "train", own_protocol(4, 24), train=True, seed=0)
    labels = {i: {dataset[epoch, i][1] for epoch in range(12)} for i in range(3)}
    assert labels == {0: {0, 1}, 1: {0, 1}, 2: {2}}


def test_parts_of_one_film_stay_together(tmp_path):
    classes = ("walk", "brush_hair", "hit")
    names = {
        "walk/Veoh_Alpha_Dog_1_walk_f_nm_np1_fr_med_11.avi": "veoh_alpha_dog",
        "walk/Veoh_Alpha_Dog_2_walk_f_cm_np1_ba_med_3.avi": "veoh_alpha_dog",
        "hit/CastAway2_hit_u_cm_np1_fr_goo_8.avi": "castaway",
        "RETURN_OF_THE_KING_7_hit_f_cm_np1_ba_med_0": "return_of_the_king",
        "hit/Return_of_the_King_1_hit_f_cm_np1_ba_med_0.avi": "return_of_the_king",
        "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi": "april",
        "walk/300_walk_f_cm_np1_ba_med_0.avi": "300",
    }
    assert {key: film(key, classes) for key in names} == names
    (tmp_path / "labels").mkdir()
    for name in ("walk", "hit"):
        keys = [f"Film_{part}_{name}_f_cm_np1_ba_med_{i}.avi" for part in (1, 2, 3) for i in range(2)]
        keys += [f"other_{word}_{name}_f_cm_np1_ba_med_0.avi" for word in "abcdefgh"]
        (tmp_path / "labels" / f"{name}_test_split1.txt").write_text("".join(f"{key} 1\n" for key in keys))
        for key in keys:
            put_video(tmp_path / "root" / name / key.removesuffix(".avi"), tmp_path, suffix=".avi", frames=6)
    options = {"root": tmp_path / "root", "labels": tmp_path / "labels", "splits": (1,), "hold_out": 0.4, **QUIET}
    manifest = hmdb51.prepare(tmp_path / "out", **options)["split1"]
    films = {split: {film(v.path, classes) for v in manifest.split(split)} for split in ("train", "val")}
    assert films["val"] and not films["train"] & films["val"]


def test_a_manifest_of_colours_keeps_them(tmp_path):
    """Flat patches, tagged BT.709 and full range, come out of `reencode` as they went in."""
    (tmp_path / "videos").mkdir()
    kinds = {"a.mp4": (1, 1), "b.mp4": (1, 2), "c.mp4": (5, 2)}
    for name, kind in kinds.items():
        write_tagged(tmp_path / "videos" / name, "yuv420p", *kind)
    rows = [Video(name, 0, "train", None, None, 3, 25.0, 96, 64) for name in kinds]
    write_manifest(tmp_path / "m", name="m", root="../videos", classes=["a"], videos=rows, mirror_pairs=())
    after = reencode.run(tmp_path / "m", out=tmp_path / "r", short_side=64, gop=6, repetitions=0, **QUIET)
    for video in after.split("train"):
        with open_video(after.root / video.path) as file:
            assert np.abs(read_colours(file.read(range(3))) - COLOURS).max() <= 6
        with av.open(str(after.root / video.path)) as file:
            context = file.streams.video[0].codec_context
            assert (context.colorspace, context.color_range) == (5, 1), "tagged"
    assert len(after.split("train")) == 3
