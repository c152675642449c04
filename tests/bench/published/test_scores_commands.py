"""`extract` and `merge`: published weights and a manifest to an accuracy, by the protocol of the weights' system."""

import json

import numpy as np
import pytest
import torch

from bench.__main__ import main
from lib import create_model, load_published
from lib.data import ClipDataset, Pixels, read_manifest
from lib.data.protocols import weights_protocol
from lib.evaluate.predictions import predict
from lib.evaluate.scores import read_scores
from lib.weights.published import save_published

# as they were published, where the pixels go by the name
NAMES = {
    "mobilenetv2_3d": "kinetics_mobilenetv2_0.2x_RGB_16_best.pth",
    "ircsn_26": "ircsn_ig65m_pretrained_r26.pth",
}


def published(name, folder, num_classes=8, **options):
    torch.manual_seed(0)
    path = folder / NAMES.get(name, f"{name}.pth")
    save_published(name, create_model(name, num_classes=num_classes, **options), path)
    return str(path)


def test_the_two_commands(tiny_shapes, tmp_path, capsys):
    weights = published("p3d_18", tmp_path)
    sizes = "--frames 4 --clips 2 --size 32 --batch-size 10".split()
    for crop in ("centre", "three_corners"):
        place = [str(tiny_shapes / "shape"), "--out", str(tmp_path / f"{crop}.npz"), "--crop", crop]
        main(["extract", "p3d_18", weights, *place, *sizes])
    with pytest.raises(SystemExit, match="three_corners.npz holds the very views of .*centre.npz: each may count once"):
        main(["merge", str(tmp_path / "centre.npz"), str(tmp_path / "three_corners.npz")])
    main(["merge", str(tmp_path / "three_corners.npz")])
    said = capsys.readouterr().out
    assert "optplan_20x3(frames=4, clips=2, size=32): 6 views of 10 videos" in said
    assert "10 videos, 2 clips, mean of all" in said and "so no result" in said
    main(["extract", "p3d_18", weights, str(tiny_shapes / "shape"), "--out", str(tmp_path / "8.npz"), *sizes[2:]])
    with pytest.raises(SystemExit, match="8.npz is of another protocol than .*centre.npz: frames, sampler differ"):
        main(["merge", str(tmp_path / "centre.npz"), str(tmp_path / "8.npz")])


# net, its options, what else its protocol gets here, views of a test video, pixels
SYSTEMS = {
    "mobilenetv2_3d": ({"width": 0.2}, {"size": 32}, 1, "BGR", 255),
    "ircsn_26": ({}, {"size": 32, "clips": 2, "frames": 4}, 6, "RGB", 255),
    "rubiksnet_tiny": ({}, {"size": 32, "frames": 2}, 6, "RGB", 1),
    "cakes_50": ({}, {"size": 32, "frames": 4}, 1, "RGB", 1),
    "c2d_18": ({}, {"size": 32, "clips": 2, "frames": 4}, 6, "RGB", 1),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_systems_weights_by_their_protocol(name, tiny_shapes, tmp_path, capsys):
    """BGR and 0-255 among them: the file's scores are those of the net on what its protocol shows."""
    options, other, views, order, value_range = SYSTEMS[name]
    weights = published(name, tmp_path, **options)
    words = [word for key, value in other.items() for word in (f"--{key}", str(value))]
    main(["extract", name, weights, str(tiny_shapes / "shape"), "--out", str(tmp_path / "s.npz"), *words])
    assert f"{views} views of 10 videos" in capsys.readouterr().out
    found, loaded = read_scores(tmp_path / "s.npz"), load_published(name, weights)
    said = Pixels(**json.loads(found.protocol)["pixels"])
    assert (said.channel_order, said.value_range) == (order, value_range)
    protocol = weights_protocol(loaded.preprocessing, **other)
    dataset = ClipDataset(read_manifest(tiny_shapes / "shape"), "test", protocol, train=False)
    logits, labels = predict(loaded.model, dataset)
    assert dataset.views == views and found.average == protocol.average
    np.testing.assert_allclose(found.scores.reshape(logits.shape), logits, rtol=1e-3, atol=1e-3)
    assert found.labels.tolist() == labels.tolist()


def test_videos_of_unlike_numbers_of_windows(tmp_path, capsys):
    """Efficient-3DCNNs' windows: each video's views are averaged at once; merging leaves them as they are."""
    from video_files import write_dataset

    manifest = write_dataset(tmp_path / "data")  # train: 12 to 15 frames
    weights = published("mobilenetv2_3d", tmp_path, 3, width=0.2)
    place = [str(manifest.folder), "--split", "train", "--out", str(tmp_path / "s.npz")]
    main(["extract", "mobilenetv2_3d", weights, *place, "--frames", "4", "--size", "32"])
    main(["merge", str(tmp_path / "s.npz")])
    said = capsys.readouterr().out
    assert "3 to 4 views of 4 videos" in said and "4 videos, 1 clips" in said and "so no result" not in said
    scores = read_scores(tmp_path / "s.npz").scores
    np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-5)


def test_wrong_protocols(tiny_shapes, tmp_path):
    weights = published("c2d_18", tmp_path)
    for words, message in (
        (["--protocol", "csn"], "no protocol 'csn'; there are efficient3dcnns_centre"),
        (["--protocol", "cakes_1clip", "--clips", "3"], "clips=3, but how many clips cakes_1clip cuts"),
        (["--crop", "corner"], "no crop 'corner'; there are centre"),
    ):
        with pytest.raises(SystemExit, match=message):
            main(["extract", "c2d_18", weights, str(tiny_shapes / "shape"), "--out", str(tmp_path / "s.npz"), *words])
    assert not (tmp_path / "s.npz").exists()


def test_weights_of_other_classes(tiny_shapes, tmp_path):
    """400 classes against 8 labels is no accuracy of 0 %."""
    weights = published("c2d_18", tmp_path, 400)
    place = [str(tiny_shapes / "shape"), "--out", str(tmp_path / "s.npz"), "--size", "32", "--frames", "4"]
    with pytest.raises(SystemExit, match="the net scores 400 classes, but these videos have 8"):
        main(["extract", "c2d_18", weights, *place])
    assert not (tmp_path / "s.npz").exists()
