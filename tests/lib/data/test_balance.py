"""Long-tailed sets: which clips an epoch shows, what they weigh, and that a resumed training does not notice."""

from collections import Counter

import numpy as np
import pytest
import torch
from dying import dies_after
from torch import nn

from lib.data import ClipDataset, DecodedCache, Video, batches, own_protocol, write_manifest
from lib.data.balance import class_counts, class_weights, draw
from lib.losses import heads_loss
from lib.run import result
from lib.train import fit

COUNTS = (40, 10, 3, 1)  # training videos per class; a fifth class has none
RECIPE = {"epochs": 2, "batch_size": 4, "learning_rate": 0.05, "class_sampling": "balanced"}
LABELS = np.repeat(np.arange(len(COUNTS)), COUNTS)


@pytest.fixture(scope="module")
def tailed(tmp_path_factory):
    """Noise of a head, a tail, and a class that is never shown; classes 0 and 1 are each other's mirror images."""
    labels = [
        *((int(label), "train") for label in LABELS),
        *((k, split) for k in range(5) for split in ("val", "test")),
    ]
    videos = [Video(f"{i}.mp4", label, split, None, None, 2, 25.0, 12, 9) for i, (label, split) in enumerate(labels)]
    known = {"source": "video", "root": ".", "classes": list("abcde"), "mirror_pairs": ((0, 1),)}
    manifest = write_manifest(tmp_path_factory.mktemp("tail"), name="tail", videos=videos, **known)
    noise = np.random.default_rng(0).integers(0, 256, (len(videos), 2, 9, 12, 3), dtype=np.uint8)
    cache, protocol = DecodedCache.from_arrays(manifest, list(noise)), own_protocol(2, 8)
    return [
        ClipDataset(manifest, split, protocol, train=split == "train", cache=cache)
        for split in ("train", "val", "test")
    ]


@pytest.mark.parametrize(
    ("sampling", "shares"),
    [
        ("natural", np.array(COUNTS) / 54),
        ("square_root", np.sqrt(COUNTS) / np.sqrt(COUNTS).sum()),
        ("balanced", np.full(4, 1 / 4)),
    ],
)
def test_shares(sampling, shares):
    """Each epoch to within one clip, many epochs on average; no video twice before its class is through."""
    total = np.zeros(4)
    for epoch in range(200):
        order = draw(LABELS, sampling, np.random.default_rng(epoch))
        counts = np.bincount(LABELS[[i for i, _ in order]], minlength=4)
        assert len(order) == 54 and (np.abs(counts - 54 * shares) < 1).all()
        assert len(set(order)) == 54, "a video and its repetition are one clip"
        for label, count in enumerate(COUNTS):
            times = Counter(i for i, _ in order if LABELS[i] == label)
            assert len(times) == min(count, counts[label]) and max(times.values()) - min(times.values()) <= 1
        total += counts
    np.testing.assert_allclose(total / 200, 54 * shares, atol=0.15)


def test_drawn_again_it_is_another_clip(tailed):
    """The one video of the rarest class fills a quarter of the epoch, never with the same crop and mirror twice."""
    clips, labels, items = zip(*batches(tailed[0], 0, 54, shuffle=True, sampling="balanced"), strict=True)
    rare = clips[0][items[0] == 53]
    assert len(rare) in (13, 14) and (labels[0][items[0] == 53] == 3).all()
    first, natural = tailed[0][0, 53][0], next(batches(tailed[0], 0, 54, shuffle=True))
    assert any(torch.equal(clip, first) for clip in rare)
    assert torch.equal(natural[0][natural[2] == 53][0], first), "the clips of old are as they were"
    assert len({clip.numpy().tobytes() for clip in rare}) > 5


def test_weights(tailed):
    """A mirror image of a is one of b: both are shown 25 times. The class without clips weighs nothing."""
    shown = np.array([25, 25, 3, 1, 0])
    np.testing.assert_allclose(class_counts(tailed[0]), shown)
    for weighting, expected in {
        "inverse": [1 / 25, 1 / 25, 1 / 3, 1, 0],
        "square_root": [1 / 5, 1 / 5, 3**-0.5, 1, 0],
        "effective": [*(1e-4 / (1 - 0.9999**n) for n in shown[:4]), 0],
        (1, 1, 2.5, 8, 3): [1, 1, 2.5, 8, 3],
    }.items():
        weights = class_weights(weighting, tailed[0])
        assert (weights * shown).sum() == pytest.approx(54)
        np.testing.assert_allclose(weights / weights[3], np.array(expected) / expected[3], rtol=1e-9)
    assert class_weights("equal", tailed[0]) is None
    balanced = class_weights("inverse", tailed[0], "balanced")
    np.testing.assert_allclose(balanced, [1, 1, 1, 1, 0], err_msg="the imbalance is corrected twice")


@pytest.mark.parametrize("rule", ["proper", "optplan"])
def test_the_weighted_loss(rule):
    """Of a clip: its label's weight times its own loss; of two heads the sum; mixed, of both labels."""
    torch.manual_seed(0)
    heads, labels, weights = torch.randn(2, 6, 4), torch.tensor([0, 1, 2, 3, 0, 0]), torch.tensor([0.5, 1, 2, 4.0])
    one = [[heads_loss(head[i : i + 1], labels[i : i + 1], 0.1, rule) for i in range(6)] for head in heads]
    want = sum(sum(weights[labels[i]] * row[i] for i in range(6)) / 6 for row in one)
    torch.testing.assert_close(heads_loss(tuple(heads), labels, 0.1, rule, weights=weights), want)
    mixed = heads_loss(heads[0], labels, 0.1, rule, 0.7, weights)
    own, other = (heads_loss(heads[0], each, 0.1, rule, weights=weights) for each in (labels, labels.flip(0)))
    torch.testing.assert_close(mixed, 0.7 * own + 0.3 * other)
    torch.testing.assert_close(
        heads_loss(heads[0], labels, 0.1, rule, weights=torch.ones(4)), heads_loss(heads[0], labels, 0.1, rule)
    )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv3d(3, 6, (1, 3, 3), 2), nn.BatchNorm3d(6), nn.Linear(6, 5)

    def forward(self, x):
        return self.fc(nn.functional.dropout(self.norm(self.conv(x)).relu().mean((2, 3, 4)), 0.3, self.training))


def trained(folder, splits, **changes):
    torch.manual_seed(0)
    fit(folder, Net(), *splits, save_minutes=0, **{**RECIPE, **changes})
    net = torch.load(folder / "best.pt", weights_only=True)["net"]
    return [row["train_loss"] for row in result(folder)["history"]], {key: v.tolist() for key, v in net.items()}


def test_killed_in_an_epoch_it_ends_the_same(tailed, tmp_path):
    weights = [1, 1, 2.5, 8, 0]
    whole = trained(tmp_path / "whole", tailed, class_weights=weights)
    with dies_after(17):
        trained(tmp_path / "killed", tailed, class_weights=weights)
    assert trained(tmp_path / "killed", tailed, class_weights=weights) == whole
    assert trained(tmp_path / "workers", tailed, class_weights=weights, workers=2) == whole
    assert trained(tmp_path / "equal", tailed) != whole


def test_the_tail_is_learnt(tailed, tmp_path):
    """A head that sees nothing of its input learns how often it is told each class: by one's own choice of that."""
    shares = {}
    for name, changes in {
        "natural": {"class_sampling": "natural"},
        "balanced": {},
        "weighted": {"class_sampling": "natural", "class_weights": "inverse"},
    }.items():
        net = Net()
        nn.init.zeros_(net.norm.weight)
        recipe = {**RECIPE, "epochs": 8, "batch_size": 9, "learning_rate": 0.5, "warmup_epochs": 0, **changes}
        fit(tmp_path / name, net, *tailed, **recipe)
        shares[name] = net.fc.bias.detach().softmax(0)
    assert shares["natural"][2:].sum() < 0.15
    assert shares["balanced"][2:].sum() > 0.35 and shares["weighted"][2:].sum() > 0.35


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"class_sampling": "balance"},
            "class_sampling must be 'natural' or .*, not 'balance'",
        ),
        ({"class_weights": "inverted"}, "class_weights must be 'equal', 'inverse', .* or a list"),
        ({"class_weights": [1, -1, 1, 1, 1]}, "class_weights must be"),
        ({"class_weights": [0, 0]}, "class_weights must be"),
        ({"class_weights": [1, 2, 3]}, "class_weights has 3 numbers, but the videos have 5 classes"),
        ({"class_weights": [0, 0, 0, 0, 1]}, "gives every training clip the weight 0"),
    ],
)
def test_mistakes(changes, message, tailed, tmp_path):
    with pytest.raises(ValueError, match=message):
        fit(tmp_path / "run", Net(), *tailed, **changes)
    assert not (tmp_path / "run").exists(), "nothing was written"
