"""Frame numbers of the five systems' own code, from their golden files (which count from 1 where the code does)."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles import even_only
from torch import nn
from video_files import write_dataset

from lib.data import ClipDataset, DecodedCache, Protocol, Video, protocols
from lib.data.manifest import make_manifest
from lib.data.protocols import tsn, tsn_validation
from lib.evaluate.predictions import predict, predict_videos

GOLDEN = Path(__file__).parents[2] / "golden"


def golden(name):
    return json.loads((GOLDEN / f"{name}.golden.json").read_text())


class OldDraws:
    """NumPy's old generator, which the references use, behind the new one's name."""

    def __init__(self, seed):
        self.random_state = np.random.RandomState(seed)

    def integers(self, low, high, size=None):
        return self.random_state.randint(low, high, size)


class EndDraws:
    """Always the least or the greatest integer that can be drawn."""

    def __init__(self, greatest):
        self.greatest = greatest

    def integers(self, low, high, size=None):
        return np.broadcast_to(high - 1 if self.greatest else low, size or ())


@pytest.mark.parametrize("row", golden("rubiksnet/sampling")["rows"], ids=lambda row: f"{row['num_frames']} frames")
def test_rubiksnet(row):
    n, k = row["num_frames"], row["num_segments"]
    found = {
        "test_1clip": tsn(n, k),
        "test_2clip": tsn(n, k, clips=2),
        "test_dense_10clips_all_frames": protocols.dense(n, k),
        "val": tsn_validation(n, k),
        "train_seed0": tsn(n, k, OldDraws(0)),
        "val_even": even_only(n, sampler=partial(tsn_validation, segments=k)),
        "train_seed0_even": even_only(n, OldDraws(0), sampler=partial(tsn, segments=k)),
    }
    for name, frames in found.items():
        expected = row[name] if n > 1 or "even" not in name else [1] * k
        assert (frames.ravel() + 1).tolist() == expected, name


@pytest.mark.parametrize(
    "row", golden("cakes/data_schedule")["sampling"], ids=lambda row: f"{row['num_frames']} frames"
)
def test_cakes(row):
    n, k = row["num_frames"], row["T"]
    assert (tsn_validation(n, k)[0] + 1).tolist() == row["val"]
    assert (tsn(n, k)[0] + 1).tolist() == row["test"]
    assert (tsn(n, k, OldDraws(row["train_np_seed"]))[0] + 1).tolist() == row["train"]


@pytest.mark.parametrize("row", golden("csn/protocol")["test_clip_starts"], ids=str)
@pytest.mark.parametrize("line", ["0x", "1x"])
def test_mmaction2(row, line):
    clips = protocols.mmaction2(row["total_frames"], 32, clips=row["num_clips"], version=f"{line[0]}.x")
    assert clips[:, 0].tolist() == row[f"starts_{line}"]
    assert clips[-1].tolist() == row[f"last_clip_frames_{line}"]


@pytest.mark.parametrize(
    "frames, clips, first, last", [(300, 1, 0, 236), (300, 2, 0, 235), (66, 4, 0, 2), (64, 1, 0, 0)]
)
def test_mmaction2_training_starts(frames, clips, first, last):
    ends = [protocols.mmaction2(frames, 32, EndDraws(greatest), clips=clips) for greatest in (False, True)]
    assert ends[0].shape == (clips, 32) and ends[0].min() == first and ends[1][:, 0].max() == last


@pytest.mark.parametrize("row", golden("optplan/sampling")["eval"], ids=str)
def test_optplan(row):
    places = dict(segments=row["num_segments"], run=row["clip_length"], frame_stride=row["num_steps"])
    clips = protocols.optplan(row["num_frames"], **places, clips=row["num_clips"])
    runs = clips.reshape(row["num_clips"], row["num_segments"], row["clip_length"])
    assert runs[:, :, 0].tolist() == row["offsets"]
    assert (np.diff(runs, axis=2) == row["num_steps"]).all()


@pytest.mark.parametrize("row", golden("optplan/sampling")["train"], ids=str)
def test_optplan_training(row):
    places = dict(segments=row["num_segments"], run=row["clip_length"], frame_stride=row["num_steps"])
    least, greatest = (protocols.optplan(row["num_frames"], EndDraws(end), **places) for end in (False, True))
    if "error" in row:  # ours repeats frames instead
        assert least.shape == (1, 16) and least.max() < row["num_frames"]
    else:
        starts = [ends.reshape(row["num_segments"], -1)[:, 0] for ends in (least, greatest)]
        assert np.stack(starts, axis=1).tolist() == row["offset_ranges_inclusive"]


@pytest.mark.parametrize(
    "row", golden("efficient3dcnns/pipeline")["temporal"], ids=lambda row: f"{row['n_frames']} frames"
)
def test_efficient3dcnns(row):
    sample = partial(protocols.efficient3dcnns, row["n_frames"], row["size"], downsample=row["downsample"])
    assert (sample()[0] + 1).tolist() == row["center"]
    assert (sample(begin=True)[0] + 1).tolist() == row["begin"]
    assert sample(EndDraws(False))[0, 0] + 1 == row["random_first_min"]
    assert sample(EndDraws(True))[0, 0] + 1 == row["random_first_max"]


@pytest.mark.parametrize("row", golden("efficient3dcnns/pipeline")["windows"], ids=str)
def test_efficient3dcnns_windows(row):
    found = protocols.efficient3dcnns_windows(row["n_frames"], row["sample_duration"], row["n_samples_for_each_video"])
    assert [[window[0] + 1, window[-1] + 1, len(window)] for window in found] == row["clips"]


@pytest.mark.parametrize("name", protocols.TEST_PROTOCOLS)
@pytest.mark.parametrize("frames", [1, 2, 7, 40, 300])
def test_a_protocol_takes_any_video(name, frames):
    protocol = protocols.TEST_PROTOCOLS[name]
    for rng in (None, np.random.default_rng(0)):
        clips = protocol.sampler(frames, rng=rng)
        assert clips.shape[1] == protocol.frames and clips.min() >= 0 and clips.max() < frames


@pytest.mark.parametrize(
    "name, views", [("efficient3dcnns_centre", 1), ("csn_10x3", 30), ("rubiksnet_2clip", 6), ("optplan_20x3", 60)]
)
def test_a_protocol_is_a_clip_dataset(tmp_path, name, views):
    protocol = protocols.TEST_PROTOCOLS[name]
    dataset = ClipDataset(write_dataset(tmp_path), "test", protocol, train=False)
    assert dataset.views == len(dataset) == views
    assert dataset[0, views - 1][0].shape == (3, protocol.frames, protocol.size, protocol.size)


def test_other_weights_of_a_system():
    """A protocol of weights with other frames says so, and a choice that it does not have is an error."""
    csn = protocols.test_protocol("csn_10x3", frames=8, frame_stride=2, clips=2, size=128)
    assert csn.name == "csn_10x3(frames=8, clips=2, size=128)" and csn.short_side == 128
    assert csn.sampler(300).shape == (2, 8) and csn.views(300) == 6 and csn.resampling == "opencv"
    jester = protocols.test_protocol("efficient3dcnns_centre", frame_stride=2)
    assert np.diff(jester.sampler(300)).max() == 2
    usual = protocols.test_protocol("rubiksnet_2clip", frames=8, clips=2)
    assert usual.plain() == protocols.TEST_PROTOCOLS["rubiksnet_2clip"].plain()
    for options, words in (
        ({"name": "csn_1x1"}, "no protocol 'csn_1x1'; there are efficient3dcnns_centre, "),
        ({"name": "rubiksnet_1clip", "frame_stride": 2}, "rubiksnet_1clip spreads its frames over the video"),
        ({"name": "cakes_1clip", "clips": 10}, "how many clips cakes_1clip cuts is not a matter of choice"),
    ):
        with pytest.raises(ValueError, match=words):
            protocols.test_protocol(**options)


def test_windows_of_every_video(tmp_path):
    """Videos of 12 to 15 frames have 3 or 4 windows of 4; each video's are averaged, in the split's order."""
    manifest = write_dataset(tmp_path)
    protocol = Protocol("windows", 4, 24, partial(protocols.efficient3dcnns_test, frames=4))
    assert [protocol.views(v.frames) for v in manifest.split("train")] == [3, 3, 4, 4]
    with pytest.raises(ValueError, match="from 3 to 4 views each: lib.evaluate.predictions.predict_videos"):
        ClipDataset(manifest, "train", protocol, train=False)
    torch.manual_seed(0)
    net = nn.Sequential(nn.AdaptiveAvgPool3d((4, 2, 2)), nn.Flatten(), nn.Linear(48, 3))
    scores, labels = predict_videos(net, manifest, "train", protocol)
    assert labels.tolist() == [video.label for video in manifest.split("train")]
    for video, row in zip(manifest.split("train"), scores, strict=True):
        alone = replace(manifest, videos=(video,))
        logits, _ = predict(net, ClipDataset(alone, "train", protocol, train=False))
        np.testing.assert_allclose(row, logits.softmax(-1).mean(1)[0], rtol=1e-5)


@pytest.mark.parametrize(
    "n, frames, downsample, shown",
    [
        (20, 8, 1, [list(range(8)), list(range(8, 16)), [16, 17, 18, 19] * 2]),
        (20, 4, 2, [[0, 2, 4, 6], [8, 10, 12, 14], [16, 18, 16, 18]]),
        (1, 3, 1, [[0, 0, 0]]),
    ],
)
def test_efficient3dcnns_test_clips(n, frames, downsample, shown):
    assert protocols.efficient3dcnns_test(n, frames, downsample=downsample).tolist() == shown


def test_view_order():
    """CSN's: first crop with every clip, second crop with every clip. Red shows a pixel's column, green its frame."""
    row = golden("csn/protocol")["view_order"]
    video = np.zeros((20, 256, 340, 3), np.uint8)
    video[..., 0], video[..., 1] = np.arange(340) % 256, np.arange(20)[:, None, None]
    manifest = make_manifest(
        name="columns", classes=["any"], videos=[Video("x", 0, "test", None, None, 20, 30.0, 340, 256)], mirror_pairs=()
    )
    sampler = partial(protocols.mmaction2, frames=row["clip_len"], clips=row["clips"])
    cache = DecodedCache.from_arrays(manifest, [video])
    protocol = Protocol("csn", 4, 256, sampler, crop="three_along")
    dataset = ClipDataset(manifest, "test", protocol, train=False, cache=cache)
    assert [len(dataset), *dataset[0, 0][0].shape] == row["shape"]
    for i, view in enumerate(row["views"]):
        clip = dataset[0, i][0]
        assert clip[0, 0, 0, 0] == view["crop_left"] and clip[1, 0, 0, 0] == sampler(20)[view["clip"], 0]


def test_unknown_names():
    with pytest.raises(ValueError, match="no version '2.x'; there are 0.x, 1.x"):
        protocols.mmaction2(30, 8, version="2.x")
    with pytest.raises(ValueError, match="clips must be 1 or 2 here, not 3"):
        tsn(30, 8, clips=3)


@pytest.mark.parametrize("frames, clips, first, last", [(300, 1, 0, 236), (67, 3, 0, 3), (50, 2, 0, 0), (64, 1, 0, 0)])
def test_mmaction2_with_its_tail(frames, clips, first, last):
    """67 frames have 4 places for a span of 64: three clips reach the last one only with keep_tail_frames."""
    rng = np.random.default_rng(0)
    drawn = [protocols.mmaction2(frames, 32, rng, clips=clips, keep_tail_frames=True) for _ in range(2000)]
    starts = np.array(drawn)[:, :, 0]
    assert starts.min() == first and starts.max() == last and (np.diff(starts, axis=1) >= 0).all()
    without = [protocols.mmaction2(frames, 32, rng, clips=clips)[-1, 0] for _ in range(200)]
    assert clips != 3 or max(without) == 2
