"""Text from a file never leads out of a folder, adds a line, or plans memory."""

import json

import pytest
from PIL import Image
from tiny_videos import put_frames

from data_prep.__main__ import main
from data_prep.class_names import read_classes
from data_prep.formats import write_list
from data_prep.labels import Entry, Listing
from data_prep.scan import scan_one
from data_prep.splits import mirror_pairs, unmirrored
from lib.data import Video, read_manifest, write_manifest

ROW = Video("a.mp4", 0, "train", None, None, 12, 30.0, 40, 32)


def tamper(folder, **changes):
    """A manifest whose dataset.json says something else."""
    write_manifest(folder, name="tiny", classes=["a"], videos=[ROW], mirror_pairs=())
    dataset = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(dataset | changes))


@pytest.mark.parametrize("name", ["/tmp/x", "../x", "a/b", "a\nb", "", ".hidden", 3, None, "x" * 300])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    tamper(tmp_path / "m", name=name)
    for form in ("optplan", "efficient3dcnns"):
        with pytest.raises(SystemExit, match="dataset.json: name is .*can be a name that can be part of a file's"):
            main(f"export {tmp_path / 'm'} --format {form} --out {tmp_path / 'out'}".split())
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="name"):
        write_manifest(tmp_path / "n", name=name, classes=["a"], videos=[ROW], mirror_pairs=())


@pytest.mark.parametrize("path", ["a\nb.mp4", "a\rb.mp4", "a\tb.mp4", "a\x85b.mp4", "a\u2028b.mp4", "a\x0bb.mp4"])
@pytest.mark.parametrize("form", ["optplan", "tsn", "mmaction_videos", "mmaction_rawframes"])
def test_a_path_never_adds_a_line_to_a_list(tmp_path, path, form):
    with pytest.raises(ValueError, match=f"cannot be a line of {form}"):
        write_list(tmp_path / "list.txt", [Entry(path, 0, "train", frames=3)], form)
    assert not (tmp_path / "list.txt").exists()


@pytest.mark.parametrize(
    "pattern",
    ["/etc/{:05d}.jpg", "../{:05d}.jpg", "a/../../{:05d}.jpg", "{:099999999d}.jpg", "{.__class__}", "{:05d}{:05d}",
     "{0:05d}.jpg", "{}.jpg", "plain.jpg", "a\n{:05d}.jpg", 3, ["{:05d}"]],
)  # fmt: skip
def test_a_frame_pattern_stays_in_its_folder(tmp_path, pattern):
    tamper(tmp_path / "m", frame_pattern=pattern, source="frames", first_index=1)
    with pytest.raises(ValueError, match="dataset.json: frame_pattern is .* a file name with one number"):
        read_manifest(tmp_path / "m")


@pytest.mark.parametrize("pattern", ["img_{:05d}.jpg", "{:d}.png", "{:010d}.jpg", "{{a}}{:01d}.jpg", "rgb/{:05d}.jpg"])
def test_usual_frame_patterns_pass(tmp_path, pattern):
    tamper(tmp_path / "m", frame_pattern=pattern, source="frames", first_index=0)
    assert read_manifest(tmp_path / "m").frame_pattern == pattern


@pytest.mark.parametrize(
    "changes",
    [{"mirror_pairs": 3}, {"mirror_pairs": [3]}, {"mirror_pairs": [["a", "b"]]}, {"mirror_pairs": [[0, 1.5]]},
     {"mirror_pairs": [[True, 0]]}, {"unmirrored": [7]}, {"unmirrored": "0"}, {"expected": [1]},
     {"expected": {"train": "many"}}, {"root": 3}, {"root": "a\0b"}, {"source": ["video"]}, {"hash": 7},
     {"first_index": -1}, {"first_index": 1.5}, {"first_index": 10**12}],
)  # fmt: skip
def test_a_wrong_entry_of_dataset_json_is_named(tmp_path, changes):
    tamper(tmp_path / "m", **changes)
    with pytest.raises(ValueError, match=f"dataset.json: {next(iter(changes))}"):
        read_manifest(tmp_path / "m")


@pytest.mark.parametrize("text", ["[]", "3", "null", "[" * 100_000, "1" * 10_000, '{"name": ', "\ud800"])
def test_a_dataset_json_of_another_shape_is_named(tmp_path, text):
    tamper(tmp_path / "m")
    (tmp_path / "m" / "dataset.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match="dataset.json"):
        read_manifest(tmp_path / "m")


def test_numbers_of_frames_have_a_budget(tmp_path):
    put_frames(tmp_path / "v", frames=3)
    Image.new("RGB", (40, 32)).save(tmp_path / "v" / "1600000000.jpg")
    options = {"root": str(tmp_path), "source": "frames", "pattern": "{:05d}.jpg", "first_index": 1}
    assert scan_one("v", **options).status == "00004.jpg is missing (4 images, up to number 1600000000)"
    listing = Listing(["a"])
    listing.add("list.txt, line 1", "v", 0, "train", frames=16 * 10**9)
    assert "list.txt, line 1: 16000000000 of 'v' is no number of frames" in listing.problems
    (tmp_path / "m").mkdir()
    for column in ("frames", "width", "height"):
        with pytest.raises(ValueError, match=f"column {column}: '1600000000' must be an integer in 0"):
            row = Video(**(vars(ROW) | {column: 1_600_000_000}))
            write_manifest(tmp_path / "m", name="tiny", classes=["a"], videos=[row], mirror_pairs=())


def test_many_classes_take_no_square_of_time(tmp_path):
    """60,000 classes, none of them looked for among all others: that took 24 s, and takes a third of one."""
    names = [f"class {i} left" for i in range(60_000)]
    (tmp_path / "classes.txt").write_text("\n".join(names))
    assert read_classes(tmp_path / "classes.txt") == tuple(names)
    assert mirror_pairs(names) == [] and unmirrored(names) == list(range(60_000))
    manifest = write_manifest(tmp_path / "m", name="tiny", classes=names, videos=[ROW], mirror_pairs=())
    assert manifest.classes == tuple(names)
