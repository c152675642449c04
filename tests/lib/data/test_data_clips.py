import numpy as np
import pytest
import torch
from video_files import write_dataset

from lib.data import ClipDataset, Video, batches, build_cache, open_video, own_protocol, write_manifest

PROTOCOL, OPTIONS = own_protocol(8, 32), dict(train=True, seed=7)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"), videos=9)


@pytest.fixture(scope="module")
def cache(manifest, tmp_path_factory):
    return build_cache(manifest, tmp_path_factory.mktemp("cache"), 32, progress=False)


def epoch(dataset, number, **options):
    return list(batches(dataset, number, 3, **({"shuffle": True} | options)))


def equal(first, second):
    return len(first) == len(second) and all(
        torch.equal(a, b) for one, other in zip(first, second, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_neither_workers_nor_cache_nor_earlier_epochs_change_anything(manifest, cache):
    dataset = ClipDataset(manifest, "train", PROTOCOL, **OPTIONS, cache=cache)
    runs = [epoch(dataset, number) for number in range(4)]
    assert not equal(runs[2], runs[3])
    fresh = ClipDataset(manifest, "train", PROTOCOL, **OPTIONS)  # decodes
    torch.manual_seed(5)
    state = torch.get_rng_state()
    for workers in (0, 1, 2):
        assert equal(epoch(fresh, 3, workers=workers), runs[3])
    assert torch.equal(torch.get_rng_state(), state), "a net's dropout sees no difference either"
    assert equal(epoch(ClipDataset(manifest, "train", PROTOCOL, **OPTIONS, reader="pyav"), 3), runs[3])
    assert not equal(
        epoch(ClipDataset(manifest, "train", PROTOCOL, **(OPTIONS | {"seed": 8}), cache=cache), 3), runs[3]
    )
    assert equal(epoch(dataset, 3, start=1), runs[3][1:])


def test_a_batch(manifest, cache):
    dataset = ClipDataset(manifest, "train", PROTOCOL, **OPTIONS, cache=cache)
    run = epoch(dataset, 0)
    assert [len(labels) for _, labels, _ in run] == [3, 3, 1]
    assert [len(labels) for _, labels, _ in epoch(dataset, 0, drop_last=True)] == [3, 3]
    clips, labels, indices = run[0]
    assert clips.shape == (3, 3, 8, 32, 32) and clips.dtype == torch.uint8
    assert clips.is_contiguous(memory_format=torch.channels_last_3d)
    assert sorted(torch.cat([indices for _, _, indices in run]).tolist()) == list(range(7))
    assert torch.cat([indices for _, _, indices in epoch(dataset, 0, shuffle=False)]).tolist() == list(range(7))
    for clip, label, index in zip(clips, labels, indices, strict=True):
        again, expected, i = dataset[0, int(index)]
        assert torch.equal(clip, again) and label == expected and index == i


def test_a_test_clip_is_the_segments_centres_and_the_middle(manifest, cache):
    dataset = ClipDataset(manifest, "test", own_protocol(4, 32), train=False, cache=cache)
    clip, label, _ = dataset[0, 0]
    video = manifest.split("test")[0]
    with open_video(manifest.root / video.path) as source:
        shown = source.read([(2 * k + 1) * video.frames // 8 for k in range(4)])[:, :, 4:36]
    np.testing.assert_array_equal(clip.permute(1, 2, 3, 0), shown)
    assert label == video.label and torch.equal(dataset[5, 0][0], clip)


def test_views_are_crop_major(manifest, cache):
    def of(crop):
        protocol = own_protocol(4, 32, clips=2, crop=crop)
        return ClipDataset(manifest, "val", protocol, train=False, cache=cache)

    dataset = of("three_along")
    assert dataset.views == len(dataset) == 6
    for view in range(6):
        crop_only = of(lambda h, w, size, view=view: [(0, (0, w - size, (w - size) // 2)[view // 2], size, size)])
        assert torch.equal(dataset[0, view][0], crop_only[0, view % 2][0])


def test_mirror_images_and_their_labels(manifest, cache, tmp_path):
    def train(mirror=True):
        protocol = own_protocol(8, 32, train_crop=whole, scales=(1,), mirror=mirror)
        return ClipDataset(manifest, "train", protocol, **OPTIONS, cache=cache)

    def whole(height, width, size, rng, scales):
        return 0, 4, size, size

    plain, mirrored = train(mirror=False), train()
    flipped = 0
    for i in range(7):
        (clip, label, _), (other, other_label, _) = plain[0, i], mirrored[0, i]
        if not torch.equal(clip, other):
            assert torch.equal(clip.flip(3), other) and other_label == {0: 1, 1: 0, 2: 2}[label]
            flipped += 1
        else:
            assert label == other_label
    assert 0 < flipped < 7
    never = ClipDataset(write_dataset(tmp_path, mirror_pairs=None), "train", PROTOCOL, **OPTIONS)
    assert not never.mirror


def test_a_segment_of_a_video(manifest, cache):
    part = Video(**(vars(manifest.videos[0]) | {"start": 0.1, "end": 0.2, "label": 1}))
    options = dict(name="part", source="video", root=manifest.root, classes=["a", "b"], mirror_pairs=())
    other = write_manifest(manifest.folder.parent / "part", videos=[part], **options)
    clip = ClipDataset(other, "train", own_protocol(3, 32), train=False, cache=cache)[0, 0][0]
    np.testing.assert_array_equal(clip.permute(1, 2, 3, 0), cache[part.path][3:6, :, 4:36])


@pytest.mark.parametrize(
    "split, options, words",
    [
        ("dev", {}, "no split 'dev'; there are train, val, test"),
        ("train", {"reader": "opencv"}, "no reader 'opencv'; there are decord, pyav"),
        ("train", {"seed": -1}, "seed must be at least 0"),
        ("train", {"protocol": own_protocol(8, 48)}, "short side of 32 pixels is too little: 48 are asked for"),
        (
            "train",
            {"protocol": own_protocol(8, 32, resampling="opencv")},
            "resized as pillow does it, but protocol own",
        ),
        ("train", {"protocol": {"frames": 8}}, "protocol must be a lib.data.Protocol"),
    ],
)
def test_wrong_options(manifest, cache, split, options, words):
    with pytest.raises(ValueError, match=words):
        ClipDataset(manifest, split, **(OPTIONS | {"protocol": PROTOCOL, "cache": cache} | options))


def test_nothing_to_train_on(manifest, cache, tmp_path):
    rows = [Video(**(vars(video) | {"status": "too dark"})) for video in manifest.videos]
    options = dict(name="dark", source="video", root="..", classes=manifest.classes, mirror_pairs=())
    dark = write_manifest(tmp_path / "dark", videos=rows, **options)
    with pytest.raises(ValueError, match="dark has no usable video in split 'train'"):
        ClipDataset(dark, "train", PROTOCOL, **OPTIONS)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        batches(ClipDataset(manifest, "train", PROTOCOL, **OPTIONS, cache=cache), 0, 0, shuffle=True)
    longer = [Video(**(vars(video) | {"frames": 5})) for video in manifest.videos]
    with pytest.raises(ValueError, match="does not hold videos/0.mp4"):
        ClipDataset(write_manifest(tmp_path / "x", videos=longer, **options), "train", PROTOCOL, **OPTIONS, cache=cache)


def test_a_cache_of_the_protocols_own_resampling(manifest, tmp_path):
    """OpenCV's frames come from OpenCV's cache, and are those that decoding gives."""
    protocol = own_protocol(4, 24, short_side=24, resampling="opencv")
    cache = build_cache(manifest, tmp_path, 24, resampling="opencv", progress=False)
    cached, decoded = (ClipDataset(manifest, "train", protocol, **OPTIONS, cache=c) for c in (cache, None))
    assert torch.equal(cached[0, 1][0], decoded[0, 1][0])
    other = ClipDataset(manifest, "train", own_protocol(4, 24, short_side=24), **OPTIONS)
    assert not torch.equal(other[0, 1][0], cached[0, 1][0])
