"""`bench predict`: what weights see in files and folders; a broken file is a line, and not the end."""

import csv

import numpy as np
import pytest
import torch
from family_clips import splits as noise_splits
from video_files import moving_pattern, write_video

from bench.__main__ import main
from lib import create_model, load_published
from lib.data import ClipDataset, Video
from lib.data.manifest import make_manifest
from lib.data.protocols import weights_protocol
from lib.evaluate import classify, predict
from lib.train import fit
from lib.weights.published import save_published
from lib.weights.safetensors import save_converted


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "kinetics_mobilenetv2_0.2x_RGB_16_best.pth"
    torch.manual_seed(0)
    save_published("mobilenetv2_3d", create_model("mobilenetv2_3d", num_classes=7, width=0.2), path)
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for i in range(2):
        write_video(folder / "more" / f"{i}.mp4", moving_pattern(20 + 20 * i, 48, 64, seed=i))
    (folder / "more" / "broken.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("not looked at")
    return folder


def test_a_folder_with_a_broken_file(weights, videos, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("".join(f"class {k}\n" for k in "abcdefg") + "  \n")
    options = ["--classes", str(tmp_path / "names.txt"), "--out", str(tmp_path / "answers.csv")]
    assert main(["predict", str(weights), str(videos), str(tmp_path / "gone.mp4"), *options]) == 1
    said = capsys.readouterr().out
    assert "broken.mp4: cannot be read: " in said and "gone.mp4: cannot be read: " in said and "notes" not in said
    rows = list(csv.DictReader((tmp_path / "answers.csv").open()))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"] * 2 + ["", ""]
    assert {row["protocol"] for row in rows} == {"efficient3dcnns_windows"}
    loaded, path = load_published("mobilenetv2_3d", weights), videos / "more" / "1.mp4"
    row = Video("1.mp4", 0, "test", None, None, 40, 30.0, 64, 48)
    alone = make_manifest(name="x", classes="abcdefg", videos=[row], mirror_pairs=None, root=path.parent)
    logits, _ = predict(loaded.model, ClipDataset(alone, "test", weights_protocol(loaded.preprocessing), train=False))
    wanted = logits.softmax(-1).mean(1)[0]
    found = [row for row in rows if row["path"] == str(path)]
    np.testing.assert_allclose([float(row["score"]) for row in found], wanted.topk(5).values, atol=1e-4)
    assert [row["name"] for row in found] == [f"class {'abcdefg'[k]}" for k in wanted.topk(5).indices]


def test_damaged_videos_get_no_answer(weights, tmp_path, capsys):
    """Cut, or with bytes of another file: a decoder makes frames of them all the same."""
    write_video(tmp_path / "a.avi", moving_pattern(40, 48, 64), codec="mpeg4")
    write_video(tmp_path / "b.mkv", moving_pattern(40, 48, 64))
    for name, share in (("a.avi", 0.66), ("b.mkv", 0.6)):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    (tmp_path / "._c.mp4").write_bytes(b"of macOS, and no video")
    write_video(tmp_path / "d\x1b[2J\n.mp4", moving_pattern(20, 48, 64))
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "e.mp4").symlink_to(tmp_path / "d\x1b[2J\n.mp4")
    assert main(["predict", str(weights), str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert said.count(": cannot be read: ") == 2 and "a.avi: cannot" in said and "b.mkv: cannot" in said
    assert "._c" not in said and "\x1b" not in said and "d\\x1b[2J\\n.mp4\n  " in said and "e.mp4\n  " in said


def test_three_lines_of_python(weights, videos, tmp_path):
    loaded = load_published("mobilenetv2_3d", weights)
    answers = list(classify(loaded, [videos / "more" / "0.mp4", videos / "more" / "broken.mp4"], top=7))
    assert [len(answer.top) for answer in answers] == [7, 0]
    assert sum(score for _, _, score in answers[0].top) == pytest.approx(1, abs=1e-5)
    assert answers[0].status == "ok" and "broken.mp4" in answers[1].path
    save_converted("mobilenetv2_3d", loaded, weights, tmp_path / "w.safetensors")
    assert main(["predict", str(tmp_path / "w.safetensors"), str(videos / "more" / "0.mp4")]) == 0


def test_a_run_of_ours(videos, tmp_path, capsys):
    """Its best.pt says the net, and the run's own protocol is the one that it sees the videos by."""
    net = create_model("c2d_nano", num_classes=3)
    splits = noise_splits(tmp_path / "noise", 4, 16, segments=2)
    fit(tmp_path / "run", net, *splits, identity={"model": "c2d_nano"}, epochs=1, batch_size=2)
    out = tmp_path / "answers.csv"
    best = str(tmp_path / "run" / "best.pt")
    assert main(["predict", best, str(videos / "more" / "0.mp4"), "--out", str(out)]) == 0
    rows = list(csv.DictReader(out.open()))
    assert len(rows) == 3 and {row["protocol"] for row in rows} == {"own(segments=2)"}
    torch.save(net.state_dict(), tmp_path / "bare.pth")
    words = ["predict", str(tmp_path / "bare.pth"), str(videos / "more" / "0.mp4"), "--as", "c2d_nano"]
    with pytest.raises(SystemExit, match="bare.pth expects of its pixels is unknown.*--pixels"):
        main(words)
    with pytest.raises(SystemExit, match="these weights name no protocol"):
        main([*words, "--pixels", "own"])


def test_mistakes(weights, videos, tmp_path):
    (tmp_path / "names.txt").write_text("a\nb\n")
    (tmp_path / "twice.txt").write_text("a\nb\nc\nd\ne\nf\na\n")
    (tmp_path / "numbered.txt").write_text("".join(f"{number} name\n" for number in (1, 10, 2, 3, 4, 5, 6)))
    (tmp_path / "empty").mkdir()
    for words, message in (
        ([str(videos), "--classes", str(tmp_path / "names.txt")], "2 names of classes, but the net has 7"),
        ([str(videos), "--classes", str(tmp_path / "twice.txt")], "twice.txt, line 7: class 'a' stands twice"),
        (
            [str(videos), "--classes", str(tmp_path / "numbered.txt")],
            "numbered.txt: its lines have numbers, but are not in",
        ),
        ([str(tmp_path / "empty")], "empty holds no video"),
        ([str(videos), "--protocol", "csn"], "no protocol 'csn'"),
    ):
        with pytest.raises(SystemExit, match=message):
            main(["predict", str(weights), *words])
