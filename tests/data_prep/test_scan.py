"""The scan of each video: what is wrong becomes a status, what is done is kept, what dies or hangs costs one file."""

import json
import signal
import subprocess
import sys
import time

import pytest
from misbehaving import misbehave
from PIL import Image
from tiny_videos import put_database, put_frames, put_video, write_odd_videos

from data_prep.scan import Found, scan, scan_one
from data_prep.tree import find_videos, frame_pattern
from data_prep.workers import survive
from lib.data import ClipDataset, own_protocol, read_manifest


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A dataset of videos that make trouble, prepared by the command line in two processes."""
    folder = tmp_path_factory.mktemp("odd")
    statuses = write_odd_videos(folder / "videos")
    (folder / "classes.txt").write_text("one\ntwo\n")
    (folder / "train.txt").write_text("".join(f"{name} {i % 2}\n" for i, name in enumerate(statuses)))
    command = f"lists --format mmaction_videos --root {folder / 'videos'} --out {folder / 'out'} --workers 2"
    command += f" --train {folder / 'train.txt'} --classes {folder / 'classes.txt'}"
    ran = subprocess.run([sys.executable, "-m", "data_prep", *command.split()], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return read_manifest(folder / "out"), statuses, ran


def test_every_odd_video_has_its_status(odd):
    manifest, statuses, ran = odd
    assert [video.path for video in manifest.videos] == list(statuses)
    for video in manifest.videos:
        words = statuses[video.path]
        assert (video.status == "ok") if words is None else (words in video.status), video
        assert str(manifest.root) not in video.status and "\n" not in video.status
    assert "expected 21, listed 21, usable 9" in ran.stdout and "1 x empty file" in ran.stdout


@pytest.mark.parametrize("reader", ["decord", "pyav"])
def test_what_is_ok_never_fails_later(odd, reader):
    """Every frame of every usable video, through both readers; they agree on which frame is which."""
    manifest = odd[0]
    sizes = {video.path: (video.frames, video.width, video.height) for video in manifest.split("train")}
    assert sizes["one_frame.mp4"] == (1, 64, 32) and sizes["odd_size.mp4"] == (12, 41, 33)
    assert sizes["turned_90.mp4"] == (30, 32, 64) and sizes["vfr.webm"] == (30, 64, 32)
    for train in (True, False):
        dataset = ClipDataset(manifest, "train", own_protocol(8, 24, short_side=28), train=train, reader=reader)
        assert {dataset[0, i][0].shape for i in range(len(dataset))} == {(3, 8, 24, 24)}


def test_a_killed_scan_goes_on(tmp_path):
    for i in range(40):
        put_video(tmp_path / "videos" / f"{i}", tmp_path, frames=12)
    (tmp_path / "classes.txt").write_text("one\n")
    (tmp_path / "train.txt").write_text("".join(f"{i}.mp4 0\n" for i in range(40)))
    command = f"lists --format mmaction_videos --root {tmp_path / 'videos'} --out {tmp_path / 'out'} --workers 0"
    command += f" --train {tmp_path / 'train.txt'} --classes {tmp_path / 'classes.txt'} --no-progress"
    journal, command = tmp_path / "out" / "scan.jsonl", [sys.executable, "-m", "data_prep", *command.split()]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not (journal.is_file() and journal.stat().st_size):
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    done = journal.read_text().splitlines()[:-1]
    assert not (tmp_path / "out" / "dataset.json").exists() or len(done) == 39
    journal.write_text("\n".join([*done, '["3.mp4", [0']))  # the line at which it was killed
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert read_manifest(tmp_path / "out").found == {"train": 40}
    assert journal.read_text().splitlines()[: len(done)] == done, "what was known is not scanned again"


def test_a_scan_that_is_stopped_while_it_reads_keeps_what_it_has_seen(tmp_path, monkeypatch, capsys):
    """Contents are read one by one beside the decoding, and after the bar is there."""
    import data_prep.scan

    for i in range(4):
        put_video(tmp_path / f"{i}", tmp_path, frames=12)
    paths, read = [f"{i}.mp4" for i in range(4)], []
    options = {"root": tmp_path, "source": "video", "journal": tmp_path / "scan.jsonl", "workers": 0}

    def stopped_at_the_third(path):
        assert "scan:   0%" in capsys.readouterr().err or read
        read.append(path)
        if len(read) == 3:
            raise KeyboardInterrupt
        return "0" * 16

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(data_prep.scan, "fingerprint", stopped_at_the_third)
        scan(paths, **options)
    assert [json.loads(line)[0] for line in (tmp_path / "scan.jsonl").read_text().splitlines()] == paths[:2]
    assert {found.status for found in scan(paths, **options).values()} == {"ok"}


def test_a_video_that_changes_while_it_is_scanned_is_scanned_again(tmp_path, monkeypatch):
    import data_prep.scan

    put_video(tmp_path / "a", tmp_path, frames=12)
    options = {"root": tmp_path, "source": "video", "journal": tmp_path / "scan.jsonl", "workers": 0, "progress": False}

    def changed_after(path, **how):
        found = scan_one(path, **how)
        put_video(tmp_path / "a", tmp_path, frames=9)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(data_prep.scan, "scan_one", changed_after)
        assert scan(["a.mp4"], **options)["a.mp4"].frames == 12
    assert scan(["a.mp4"], **options)["a.mp4"].frames == 9


def test_the_journal_knows_files_by_size_and_time(tmp_path):
    for name in "ab":
        put_video(tmp_path / "videos" / name, tmp_path, frames=12)
    options = {"root": tmp_path / "videos", "source": "video", "journal": tmp_path / "scan.jsonl", "workers": 0}
    first = scan(["a.mp4", "b.mp4"], **options, progress=False)
    put_video(tmp_path / "videos" / "b", tmp_path, frames=9)
    lines = len((tmp_path / "scan.jsonl").read_text().splitlines())
    second = scan(["a.mp4", "b.mp4"], **options, progress=False)
    assert (first["b.mp4"].frames, second["b.mp4"].frames) == (12, 9) and first["a.mp4"] == second["a.mp4"]
    added = [json.loads(line)[0] for line in (tmp_path / "scan.jsonl").read_text().splitlines()[lines:]]
    assert added == ["b.mp4"]


def break_images(folder):
    """-> {name of a frame folder: words of its status}"""
    for name in ("fine", "gap", "cut", "wide", "text", "none"):
        put_frames(folder / name, frames=6)
    (folder / "gap" / "00004.jpg").unlink()
    (folder / "cut" / "00005.jpg").write_bytes((folder / "cut" / "00005.jpg").read_bytes()[:300])
    Image.new("RGB", (64, 32)).save(folder / "wide" / "00003.jpg")
    (folder / "text" / "00001.jpg").write_bytes(b"<html>")
    for file in (folder / "none").iterdir():
        file.rename(file.with_name(f"x{file.name}"))
    return {
        "fine": "ok",
        "gap": "00004.jpg is missing (5 images, up to number 6)",
        "cut": "00005.jpg cannot be read: ",
        "wide": "00003.jpg is 64x32, the images before it 40x32",
        "text": "00001.jpg cannot be read: cannot identify image file",
        "none": "no image is called 00001.jpg or the like",
    }


def test_folders_of_frames(tmp_path):
    for name, words in break_images(tmp_path).items():
        found = scan_one(name, root=str(tmp_path), source="frames", pattern="{:05d}.jpg", first_index=1, fps=12.0)
        assert found.status.startswith(words) and str(tmp_path) not in found.status
        assert name != "fine" or found == Found(6, 12.0, 40, 32)


def test_databases(tmp_path):
    put_database(tmp_path / "fine", frames=6)
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "data.mdb").write_bytes(b"no database" * 999)
    options = {"root": str(tmp_path), "source": "lmdb", "pattern": "{:06d}.jpg", "first_index": 1}
    assert scan_one("fine", **options) == Found(6, 0.0, 40, 32), "optical flow is not counted"
    assert (
        "not an LMDB file" in scan_one("garbage", **options).status
        or "INVALID" in scan_one("garbage", **options).status
    )


@pytest.mark.parametrize(
    "names, pattern",
    [
        (["image_00001.jpg", "image_00002.jpg"], ("image_{:05d}.jpg", 1)),
        (["000000.png", "000001.png"], ("{:06d}.png", 0)),
        (["1.jpg", "2.jpg", "10.jpg"], ("{:01d}.jpg", 1)),
        (["img_00001.jpg", "flow_x_00001.jpg", "flow_x_00002.jpg", "flow_y_00001.jpg"], ("img_{:05d}.jpg", 1)),
        (["{a}7.jpg"], ("{{a}}{:01d}.jpg", 7)),
    ],
)
def test_how_frames_are_called(tmp_path, names, pattern):
    (tmp_path / "video").mkdir()
    for name in names:
        (tmp_path / "video" / name).write_bytes(b"")
    assert frame_pattern(tmp_path, ["video"]) == pattern


def test_what_lies_on_disk(tmp_path):
    for path in ("train/a b/x.mp4", "val/c/y.avi", "old/c/y.mp4", ".cache/z.mp4"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path)
    tree = find_videos(tmp_path)
    assert tree.source == "video" and tree.paths == ["old/c/y.mp4", "train/a b/x.mp4", "val/c/y.avi"]
    assert tree.find("x") == tree.find("a_b/x.mp4") == tree.find("a b/x.webm") == "train/a b/x.mp4"
    assert tree.find("val/c/y.avi") == tree.find("val/c/y") == "val/c/y.avi" and tree.problems == []
    assert tree.find("videos/val/c/y.avi") == "val/c/y.avi" and tree.problems == [], "the list starts higher up"
    assert tree.find("c/y") == "old/c/y.mp4" and "2 times" in tree.problems[0] and tree.find("z") is None
    put_frames(tmp_path / "frames" / "y", frames=2)
    with pytest.raises(ValueError, match="holds 3 of source video, 1 of source frames; choose one with --source"):
        find_videos(tmp_path)
    assert find_videos(tmp_path, "frames").paths == ["frames/y"]
    with pytest.raises(ValueError, match="no such folder of videos"):
        find_videos(tmp_path / "missing")


def test_a_decoder_that_dies_or_hangs_costs_one_video():
    jobs = ["dies", "a", "hangs", *"bcdefgh"]
    results = {job: (result, reason) for job, result, reason in survive(misbehave, jobs, 2, hangs_after_s=2)}
    assert results["dies"] == (None, "the decoder dies: exit status -11")
    assert results["hangs"] == (None, "the decoder hangs: no answer in 2 s")
    assert {job: result for job, (result, _) in results.items() if result} == {job: job.upper() for job in "abcdefgh"}


def test_our_own_mistakes_are_not_a_status():
    with pytest.raises(RuntimeError, match="wrong: TypeError: a mistake in our own code"):
        list(survive(misbehave, ["wrong"], 1))
    with pytest.raises(ValueError, match="workers is -1"):
        list(survive(misbehave, ["a"], -1))


def test_what_is_said_of_a_broken_video_does_not_depend_on_where_it_lies(tmp_path):
    """A status is part of the manifest, and so of its hash; a long path was cut, and what was left of it stayed."""
    said = set()
    for folder in ("a", "b" * 120 + "/" + "c" * 100):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "v.avi").write_bytes(b"nothing of a video here")
        said.add(scan_one("v.avi", root=str(tmp_path / folder), source="video").status)
    assert len(said) == 1 and "/" not in said.pop()
