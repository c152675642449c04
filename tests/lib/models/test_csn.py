"""CSN beyond the logits: what each file wants to see, the head of pytorchvideo, the paper's groups and claims."""

import pytest
import torch
from stand_in import write_stand_in

from lib import create_model, load_published, measure_cost
from lib.models.csn import IMAGENET, KINETICS


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("ircsn_ig65m_pretrained_bnfrozen_r152_32x2x1_58e_kinetics400_rgb_20200812-9037a758.pth", IMAGENET),
        ("ircsn_bnfrozen_r50_32x2x1_180e_kinetics400_rgb_20210618-4e29e2e8.pth", IMAGENET),
        ("vmz_ircsn_from_scratch_r152_32x2x1_180e_kinetics400_rgb_20210617-5c933ae1.pth", KINETICS),
        ("vmz_ircsn_sports1m_pretrained_r152_32x2x1_58e_kinetics400_rgb_20210617-b9b10241.pth", KINETICS),
    ],
)
def test_preprocessing_by_file(name, pixels, tmp_path):
    path = write_stand_in("csn/ircsn_r26", tmp_path).rename(tmp_path / name)
    said = load_published("ircsn_26", path).preprocessing
    assert said.pixels == pixels and said.size == 224 and said.protocol == "csn_10x3"
    assert (said.pixels.channel_order, said.pixels.value_range) == ("RGB", 255)
    assert (said.frames, said.frame_stride) == (32, 2)


def test_pytorchvideos_head_averages_windows():
    """Where the map is one window, its head is a global average; where it is larger, the middle counts more."""
    torch.manual_seed(0)
    plain, windowed = (
        create_model("ircsn_26", num_classes=3),
        create_model("ircsn_26", num_classes=3, head_pool=(1, 2, 2)),
    )
    windowed.load_state_dict(plain.state_dict())
    plain.eval(), windowed.eval()
    with torch.no_grad():
        small, large = torch.randn(1, 3, 8, 64, 64), torch.randn(1, 3, 8, 96, 96)
        torch.testing.assert_close(windowed(small), plain(small))
        assert not torch.allclose(windowed(large), plain(large), rtol=1e-3)


def counts(name, **options):
    with torch.device("meta"):
        return measure_cost(create_model(name, **options), (3, 8, 224, 224))


# parameters and giga-MACs of 8 x 224 x 224 clips: reference table of the three kinds
COUNTS = [
    (26, (20_440_144, 14.322), (1_691_344, 4.033), (2_391_504, 5.048)),
    (50, (46_980_944, 29.461), (13_131_152, 10.578), (14_396_176, 11.914)),
    (101, (86_027_088, 44.747), (22_213_776, 14.118), (24_601_616, 15.890)),
    (152, (118_185_808, 63.629), (29_703_568, 18.512), (33_016_592, 20.824)),
]


@pytest.mark.parametrize(("depth", "r3d", "ir", "ip"), COUNTS)
def test_counts(depth, r3d, ir, ip):
    for name, want in ((f"csn_r3d_{depth}", r3d), (f"ircsn_{depth}", ir), (f"ipcsn_{depth}", ip)):
        cost = counts(name)
        assert (cost.params, round(cost.macs / 1e9, 3)) == want


def test_groups_reach_from_the_baseline_to_ir():
    """groups=1 is the baseline, as many groups as channels is ir-CSN: the same weights give the same logits."""
    torch.manual_seed(0)
    ir, grouped = create_model("ircsn_26", num_classes=3), create_model("csn_r3d_26", num_classes=3, groups=512)
    grouped.load_state_dict(ir.state_dict())
    clip = torch.randn(1, 3, 4, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(grouped.eval()(clip), ir.eval()(clip))
    assert counts("csn_r3d_26", groups=1) == counts("csn_r3d_26")


def test_groups_lie_between_dense_and_depthwise():
    params = [counts("csn_r3d_50", groups=groups).params for groups in (1, 4, 64)] + [counts("ircsn_50").params]
    assert params == sorted(params, reverse=True) and len(set(params)) == 4
    with pytest.raises(ValueError, match="groups=3"):
        create_model("csn_r3d_50", groups=3)
