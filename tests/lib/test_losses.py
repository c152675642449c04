"""The loss: heads, smoothed targets, mixed clips; against targets that are written out."""

import pytest
import torch
from torch.nn import functional as F

from lib.losses import heads_loss, mix

LABELS = torch.tensor([0, 3, 1, 4])


def loss_of(targets, logits):
    return -(targets * F.log_softmax(logits, 1)).sum(1).mean()


@pytest.mark.parametrize(("rule", "on", "off"), [("proper", 0.92, 0.02), ("optplan", 0.925, 0.025)])
def test_smoothed_targets(rule, on, off):
    torch.manual_seed(0)
    logits = torch.randn(4, 5)
    targets = torch.full((4, 5), off).scatter(1, LABELS[:, None], on)
    torch.testing.assert_close(heads_loss(logits, LABELS, 0.1, rule), loss_of(targets, logits))


def test_targets_of_mixed_clips():
    torch.manual_seed(0)
    heads = torch.randn(4, 5), torch.randn(4, 5)
    one_hot = F.one_hot(LABELS, 5) * 0.9 + 0.1 / 5
    targets = 0.3 * one_hot + 0.7 * one_hot.flip(0)
    wanted = loss_of(targets, heads[0]) + loss_of(targets, heads[1])
    torch.testing.assert_close(heads_loss(heads, LABELS, 0.1, share=0.3), wanted)


def test_mixup_blends_a_batch_with_its_reverse():
    torch.manual_seed(1)
    clips = torch.randn(5, 3, 4, 6, 7)
    before = clips.clone()
    mixed, share = mix(clips, mixup=0.8)
    assert 0 < share < 1 and torch.equal(clips, before)
    torch.testing.assert_close(mixed, share * clips + (1 - share) * clips.flip(0))


def test_cutmix_exchanges_one_box_in_all_frames_and_counts_its_area():
    shares = set()
    for seed in range(50):
        torch.manual_seed(seed)
        clips = torch.arange(2.0)[:, None, None, None, None].expand(2, 3, 4, 12, 10)
        mixed, share = mix(clips, cutmix=1.0)
        assert (mixed[0] == mixed[0, :1, :1]).all() and torch.equal(mixed[0], 1 - mixed[1])
        box = mixed[0, 0, 0]
        rows, columns = box.amax(1), box.amax(0)
        assert torch.equal(box, rows[:, None] * columns) and (rows.diff().abs().sum() <= 2).all()
        assert share == pytest.approx(1 - box.mean().item())
        shares.add(round(share, 2))
    assert len(shares) > 20


def test_a_batch_is_mixed_in_one_of_two_ways_or_not_at_all():
    clips = torch.stack([torch.zeros(3, 2, 8, 8), torch.ones(3, 2, 8, 8)])
    assert mix(clips) == (clips, 1.0)
    torch.manual_seed(0)
    cut = [bool(((mixed == 0) | (mixed == 1)).all()) for mixed, _ in (mix(clips, 0.8, 1.0) for _ in range(400))]
    assert 150 < sum(cut) < 250


def test_bad_options_say_so():
    with pytest.raises(ValueError, match="no smoothing_rule 'odd'; there are proper, optplan"):
        heads_loss(torch.zeros(4, 5), LABELS, 0.1, "odd")
    with pytest.raises(ValueError, match="mixup=-1.*must be >= 0"):
        mix(torch.zeros(2, 3, 1, 2, 2), mixup=-1)
