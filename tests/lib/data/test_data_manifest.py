import json

import pytest

from lib.data import Video, read_manifest, write_manifest

ROWS = [
    Video("videos/a.mp4", 0, "train", None, None, 30, 29.97, 86, 64),
    Video("videos/b, c.mp4", 1, "train", 0.5, 0.9, 30, 30.0, 86, 64),
    Video("videos/d.mp4", 1, "val", None, None, 0, 0.0, 0, 0, "cannot be read: moov atom not found"),
    Video("videos/e.mp4", 1, "val", None, 0.25, 12, 30.0, 86, 64),
]


def write(folder, **changes):
    options = dict(name="tiny", source="video", root="..", classes=["left", "up, then down"], videos=ROWS)
    return write_manifest(folder / "tiny", **(options | dict(mirror_pairs=()) | changes))


def test_what_is_written_is_read(tmp_path):
    written = write(tmp_path, mirror_pairs=[(0, 1)], expected={"train": 3, "val": 2})
    manifest = read_manifest(tmp_path / "tiny")
    assert manifest == written
    assert manifest.videos == tuple(ROWS) and manifest.classes == ("left", "up, then down")
    assert manifest.root == tmp_path.resolve() and manifest.mirror_pairs == ((0, 1),)
    assert manifest.expected == {"train": 3, "val": 2} and manifest.found == {"train": 2, "val": 1}
    assert manifest.split("val") == [ROWS[3]], "a video whose status is not ok is skipped"
    assert manifest.split("test") == []


def test_whole_numbers_are_read_back(tmp_path):
    row = Video("videos/a.mp4", 0, "train", 0, 1, 30, 30, 86, 64)
    assert write(tmp_path, videos=[row]) == read_manifest(tmp_path / "tiny")


def test_windows_line_ends_and_missing_last_newline(tmp_path):
    before = write(tmp_path)
    for name in ("manifest.csv", "classes.txt"):
        file = tmp_path / "tiny" / name
        file.write_bytes(file.read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n"))
    assert read_manifest(tmp_path / "tiny") == before


@pytest.mark.parametrize(
    "video, shown",
    [
        (ROWS[0], range(30)),
        (ROWS[1], range(15, 27)),
        (ROWS[3], range(8)),  # frame 8 appears at 0.267 s
        (Video("x", 0, "train", 0.033333, 0.066667, 30, 30.0, 8, 8), range(1, 2)),  # rounded to 6 digits
        (Video("x", 0, "train", 2.0, 3.0, 30, 30.0, 8, 8), range(29, 30)),  # past the end: the last frame
    ],
)
def test_frames_of_a_segment(video, shown):
    assert video.frame_range() == shown


def bad_row(**changes):
    return {"videos": [*ROWS[:1], Video(**(vars(ROWS[0]) | changes))]}


@pytest.mark.parametrize(
    "changes, words",
    [
        (bad_row(path="../secret.mp4"), "manifest.csv, line 3, column path.*stays under the dataset's root"),
        (bad_row(path="/etc/passwd"), "line 3, column path.*stays under the dataset's root"),
        (bad_row(path="videos/../../x.mp4"), "line 3, column path.*stays under the dataset's root"),
        (bad_row(label=2), r"line 3, column label: '2' must be an integer in 0\.\.1"),
        (bad_row(label=-1), "line 3, column label"),
        (bad_row(split="validation"), "line 3, column split: 'validation' must be train or val or test"),
        (bad_row(start="soon"), "line 3, column start: 'soon' must be a number"),
        (bad_row(start=2.0, end=1.0), "line 3, column end: 1.0 s does not come after start 2.0 s"),
        (bad_row(start=1.0, fps=0.0), "line 3, column fps.*known fps"),
        (bad_row(fps="nan"), "line 3, column fps"),
        (bad_row(frames=0), "line 3, column frames: .* at least 1 frame"),
        (bad_row(width=8.5), "line 3, column width: '8.5' must be an integer"),
        (bad_row(status=""), "line 3, column status"),
        ({"classes": ["left", "left"]}, "classes.txt, line 2: 'left'"),
        ({"classes": ["left", " "]}, "classes.txt, line 2"),
        ({"classes": ["left", "ri\rght"]}, "classes.txt, line 2"),
        ({"classes": ["left", "\ufeffright"]}, "classes.txt, line 2"),
        ({"source": "tape"}, "source is 'tape'; it can be video, frames, lmdb"),
        ({"mirror_pairs": [(0, 2)]}, r"outside 0\.\.1"),
        ({"mirror_pairs": [(0, 0)]}, "one pair at most"),
        ({"mirror_pairs": [(0, 1, 1)]}, "must be pairs"),
    ],
)
def test_a_wrong_dataset_is_not_written(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        write(tmp_path, **changes)
    assert not (tmp_path / "tiny").exists()


def test_wrong_files_are_named(tmp_path):
    folder = tmp_path / "tiny"
    with pytest.raises(FileNotFoundError, match="manifest.csv is missing"):
        read_manifest(folder)
    with pytest.raises(ValueError, match="no split 'dev'; there are train, val, test"):
        write(tmp_path).split("dev")
    text = (folder / "manifest.csv").read_text()

    def change(name, content, words):
        (folder / name).write_text(content)
        with pytest.raises(ValueError, match=words):
            read_manifest(folder)

    change("manifest.csv", text.replace("path,label", "label,path"), "manifest.csv, line 1: the columns are label,path")
    change("manifest.csv", text + "videos/z.mp4,0\n", "manifest.csv, line 6: 2 columns instead of 10")
    change("manifest.csv", text + text.splitlines()[1].replace("a.mp4", "z.mp4"), "hash differs")
    dataset = json.loads((folder / "dataset.json").read_text())
    del dataset["hash"]
    (folder / "dataset.json").write_text(json.dumps(dataset))
    assert len(read_manifest(folder).videos) == 5, "without a hash, an edit is meant"
    del dataset["root"]
    change("dataset.json", json.dumps(dataset), "dataset.json: root is missing")
    change("dataset.json", "{", "dataset.json is not JSON")
