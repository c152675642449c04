"""`check` finds what has changed since; `reencode` makes videos small and quick to sample."""

import json
from dataclasses import replace

import av
import numpy as np
import pytest
from tiny_videos import MENDED, picture, put_frames, write_file, write_odd_videos
from trees import TREES, build

from data_prep import check
from data_prep.__main__ import main
from data_prep.check import rewrite
from data_prep.encode import new_path
from data_prep.scan import RULES, _stamp
from data_prep.whole_files import CHANGED
from lib.data import ClipDataset, Video, open_video, own_protocol, read_manifest, write_manifest
from lib.data.content import fingerprint

CHECK = {"workers": 0, "progress": False}


def write_dataset(folder, files, **changes):
    """A manifest that says what `files`, {name: frames}, hold; they lie in folder/videos.  -> Manifest"""
    rows = [Video(name, 0, "train", None, None, len(f), 30.0, f.shape[2], f.shape[1]) for name, f in files.items()]
    options = {"name": "tiny", "root": "../videos", "classes": ["a"], "videos": rows, "mirror_pairs": ()}
    for name, frames in files.items():
        write_file(folder / "videos" / name, frames)
    return write_manifest(folder / "tiny", **options | changes)


def test_check_quarantines_what_has_changed(tmp_path, capsys):
    names = ("same.mp4", "shorter.mp4", "cut.webm", "gone.mp4", "back.mp4")
    before = write_dataset(tmp_path, {name: picture(12) for name in names})
    rows = [*before.videos[:4], Video("back.mp4", 0, "train", None, None, 0, 0.0, 0, 0, "not found under the root")]
    write_manifest(tmp_path / "tiny", name="tiny", root="../videos", classes=["a"], videos=rows, mirror_pairs=())
    videos = tmp_path / "videos"
    write_file(videos / "shorter.mp4", picture(7))
    content = (videos / "cut.webm").read_bytes()
    (videos / "cut.webm").write_bytes(content[: len(content) // 2])
    (videos / "gone.mp4").unlink()
    main(["check", str(tmp_path / "tiny"), "--workers", "2"])
    after = read_manifest(tmp_path / "tiny")
    status = {video.path: video.status for video in after.videos}
    assert status["same.mp4"] == status["back.mp4"] == "ok"
    back = fingerprint(videos / "back.mp4")
    assert after.videos[4] == Video("back.mp4", 0, "train", None, None, 12, 30.0, 40, 32, content=back)
    assert (
        status["shorter.mp4"] == "the manifest says 12 frames of 40x32, there are 7 frames of 40x32: prepare it again"
    )
    assert status["cut.webm"].startswith(("is cut short", "cannot be read")) and "not found" in status["gone.mp4"]
    quarantine = [line.split("\t")[0] for line in (tmp_path / "tiny" / "quarantine.txt").read_text().splitlines()]
    assert quarantine == ["shorter.mp4", "cut.webm", "gone.mp4"]
    told = capsys.readouterr().out
    assert "listed 5, usable 2" in told and "1 changed from 'not found under the root' to 'ok'" in told
    assert not (tmp_path / "tiny" / "check.jsonl").exists(), "the next check reads everything again"
    assert after.expected == before.expected and after.root == before.root


def test_check_goes_on_where_it_was_killed(tmp_path):
    from data_prep.check import run

    write_dataset(tmp_path, {"a.mp4": picture(12), "b.mp4": picture(12)})
    stamp = _stamp(tmp_path / "videos" / "a.mp4")
    known = {"frames": 12, "fps": 30.0, "width": 40, "height": 32, "drift": 0.0, "status": "found by the killed check"}
    line = json.dumps(["a.mp4", [RULES, "video", None, None, 0.0, *stamp], known])
    (tmp_path / "tiny" / "check.jsonl").write_text(line + '\n["b.mp4", [')
    assert [video.status for video in run(tmp_path / "tiny", **CHECK).videos] == ["found by the killed check", "ok"]
    assert [video.status for video in run(tmp_path / "tiny", **CHECK).videos] == ["ok", "ok"]


@pytest.mark.parametrize("source", ["frames", "lmdb"])
def test_check_reads_images(tmp_path, source, tmp_path_factory):
    from data_prep import check
    from data_prep.datasets import activitynet

    tree = TREES["activitynet"]
    root, labels = build(tree, tmp_path, tmp_path_factory.mktemp("scratch"), source)
    before = activitynet.prepare(tmp_path / "out", root=root, labels=labels, fps=30.0, **CHECK)[""]
    assert check.run(tmp_path / "out", **CHECK) == before
    for file in (root / "v_sJ1jKxGuFGs").iterdir():
        file.unlink()
    if source == "frames":
        (root / "v_sJ1jKxGuFGs").rmdir()
        put_frames(root / "v_sJ1jKxGuFGs", frames=3)
    statuses = [video.status for video in check.run(tmp_path / "out", **CHECK).videos]
    assert statuses[2] == "ok" and all(status != "ok" for status in statuses[:2])


def keyframes(path):
    with av.open(str(path)) as container:
        return [i for i, frame in enumerate(container.decode(video=0)) if frame.key_frame]


def test_reencoded_videos(tmp_path, capsys):
    files = {"a/wide.mp4": picture(40, 48, 86), "a/wide.avi": picture(25, 90, 48), "small.webm": picture(13, 32, 40)}
    before = write_dataset(tmp_path, files)
    out = tmp_path / "out"
    main(f"reencode {tmp_path / 'tiny'} --out {out} --short-side 36 --gop 6 --workers 2".split())
    after = read_manifest(out)
    sizes = [(video.path, video.frames, video.height, video.width, video.status) for video in after.videos]
    assert sizes == [
        ("a/wide.mp4", 40, 36, 64, "ok"),
        ("a/wide.avi.mp4", 25, 68, 36, "ok"),
        ("small.webm.mp4", 13, 32, 40, "ok"),
    ]
    assert keyframes(out / "videos" / "a" / "wide.mp4") == list(range(0, 40, 6))
    with open_video(out / "videos" / "small.webm.mp4") as new, open_video(before.root / "small.webm") as old:
        assert np.abs(new.read(range(13)).astype(int) - old.read(range(13))).mean() < 6
    assert "decoding 8 segments: " in capsys.readouterr().out
    stamps = [path.stat().st_mtime_ns for path in sorted((out / "videos").rglob("*.mp4"))]
    (left := out / "videos" / "a" / ".wide.mp4.123.tmp").touch()  # of one that was killed
    main(f"reencode {tmp_path / 'tiny'} --out {out} --short-side 36 --gop 6 --workers 0".split())
    assert stamps == [path.stat().st_mtime_ns for path in sorted((out / "videos").rglob("*.mp4"))]
    assert not left.exists()
    with pytest.raises(SystemExit, match="choose another folder"):
        main(f"reencode {tmp_path / 'tiny'} --out {out} --short-side 32 --gop 6".split())
    with pytest.raises(SystemExit, match="the short side must be even"):
        main(f"reencode {tmp_path / 'tiny'} --out {out} --short-side 35 --gop 6".split())


def test_reencoding_mends_what_can_be_mended(tmp_path):
    """Trimmed by an edit list, one frame, turned, a varying rate: usable afterwards, the same frames in place."""
    from data_prep.check import run as check
    from data_prep.reencode import run

    statuses = write_odd_videos(tmp_path / "videos")
    rows = [Video(name, 0, "train", None, None, 0, 0.0, 0, 0, "not scanned") for name in statuses]
    write_manifest(tmp_path / "tiny", name="tiny", root="../videos", classes=["a"], videos=rows, mirror_pairs=())
    check(tmp_path / "tiny", **CHECK)
    after = run(tmp_path / "tiny", out=tmp_path / "out", short_side=32, gop=6, repetitions=0, **CHECK)
    usable = {video.path: video for video in after.videos if video.status == "ok"}
    sound = {name for name, words in statuses.items() if words is None}
    assert set(usable) == {new_path(name) for name in {*sound, *MENDED}}
    assert usable["trimmed.mp4"].frames == 24 and usable["turned_90.mp4"].height == 64
    with open_video(after.root / "turned_90.mp4") as new, open_video(tmp_path / "videos" / "turned_90.mp4") as old:
        assert np.abs(new.read(range(30)).astype(int) - old.read(range(30))).mean() < 6
    assert len(ClipDataset(after, "train", own_protocol(4, 16), train=False)) == 16
    lost = dict(line.split(": ", 1) for line in (tmp_path / "out" / "lost.txt").read_text().splitlines())
    assert set(lost) == {"cut.webm", "cut_index_in_front.mp4", "flipped.mp4", "grows.ts"}
    assert lost["cut.webm"] == "it ends 67% early" and "11 of 30 frames are there" in lost["cut_index_in_front.mp4"]


def test_a_varying_rate_becomes_constant(tmp_path):
    """Frame k of the new video is what was shown at k / fps."""
    from data_prep.reencode import run

    gray = np.repeat(np.arange(0, 240, 8, dtype=np.uint8), 32 * 40 * 3).reshape(30, 32, 40, 3)
    times = np.cumsum([33, 33, 33, 150, 33, 300] * 5)
    write_dataset(tmp_path, {"a.mp4": gray})
    write_file(tmp_path / "videos" / "a.mp4", gray, times_ms=times)
    after = run(tmp_path / "tiny", out=tmp_path / "out", short_side=32, gop=4, repetitions=0, **CHECK)
    video = after.videos[0]
    with open_video(after.root / "a.mp4") as file:
        seen = file.read(range(len(file))).mean((1, 2, 3))
    shown = [gray[times - times[0] <= k / video.fps * 1000 + 0.5][-1].mean() for k in range(video.frames)]
    assert video.status == "ok" and np.abs(seen - shown).max() < 5
    assert video.frames == pytest.approx((times[-1] - times[0]) / 1000 * video.fps, abs=1.5)


def test_only_videos_are_reencoded(tmp_path):
    rows = [Video("a", 0, "train", None, None, 3, 0.0, 40, 32)]
    changes = {"videos": rows, "source": "frames", "frame_pattern": "{:05d}.jpg", "first_index": 1}
    write_dataset(tmp_path, {}, **changes)
    with pytest.raises(SystemExit, match="tiny has source frames; only videos can be encoded again"):
        main(f"reencode {tmp_path / 'tiny'} --out {tmp_path / 'out'} --short-side 32 --gop 6".split())
    assert not (tmp_path / "out").exists()


def test_a_full_check_sees_what_head_middle_and_tail_do_not_show(tmp_path):
    """A byte that no decoder looks at, far from the places that a fingerprint is of."""
    manifest = write_dataset(tmp_path, {"a.mp4": picture(12), "b.mp4": picture(9)})
    file = tmp_path / "videos" / "a.mp4"
    film = bytearray(file.read_bytes() + (400000).to_bytes(4, "big") + b"free" + bytes(400000 - 8))
    file.write_bytes(film)
    manifest = rewrite(
        manifest, [replace(v, content=fingerprint(tmp_path / "videos" / v.path)) for v in manifest.videos]
    )
    check.run(manifest.folder, full=True, **CHECK)
    film[len(film) // 4] ^= 255
    file.write_bytes(film)
    assert {v.status for v in check.run(manifest.folder, **CHECK).videos} == {"ok"}, "the plain check cannot see it"
    for _ in range(2):  # a second look does not make it right
        found = {v.path: v.status for v in check.run(manifest.folder, full=True, **CHECK).videos}
        assert found == {"a.mp4": CHANGED, "b.mp4": "ok"}
    film[len(film) // 4] ^= 255
    file.write_bytes(film)
    assert {v.status for v in check.run(manifest.folder, full=True, **CHECK).videos} == {"ok"}
    for torn in ("null", "[]", '{"a.mp4": 3}', "{"):
        (manifest.folder / "full.json").write_text(torn)
        with pytest.raises(ValueError, match="full.json"):
            check.run(manifest.folder, full=True, **CHECK)


def test_names_in_the_quarantine_are_lines_of_it(tmp_path):
    before = write_dataset(tmp_path, {"a.mp4": picture(12)})
    row = replace(before.videos[0], path="b\x1b[2J\nc.mp4", content="")
    write_manifest(
        tmp_path / "tiny", name="tiny", root="../videos", classes=["a"], videos=[*before.videos, row], mirror_pairs=()
    )
    check.run(tmp_path / "tiny", **CHECK)
    assert (tmp_path / "tiny" / "quarantine.txt").read_text().startswith("b\\x1b[2J\\nc.mp4\t")
