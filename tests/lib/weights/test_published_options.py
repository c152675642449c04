"""What a file's tensors tell of the net: widths between the published, groups, cardinality; what they refuse."""

import pytest
import torch

from lib import create_model, load_published
from lib.models.c3d import published_key
from lib.models.csn import IMAGENET, _mmaction_input
from lib.models.registry import entry


def file_of(name, path, change=lambda tensors: tensors, **options):
    """A published file of a net with these options, its values zero."""
    with torch.device("meta"):
        shapes = create_model(name, **options).state_dict()
    layout = entry(name).layouts[0]
    tensors = {layout.keys(ours)[0]: torch.zeros(value.shape, dtype=value.dtype) for ours, value in shapes.items()}
    torch.save({"state_dict": change(tensors)}, path)
    return path


VARIANTS = [
    ("mobilenet3d", {"width": 0.3}),
    ("mobilenetv2_3d", {"width": 0.35}),
    ("mobilenetv2_3d", {"width": 1.4}),
    *[("shufflenet3d", {"groups": groups, "width": width}) for groups, width in ((1, 0.5), (2, 1.0), (3, 0.25))],
    *[("shufflenet3d", {"groups": groups, "width": width}) for groups, width in ((4, 2.0), (8, 1.0))],
    ("shufflenetv2_3d", {"width": 0.5}),
    ("squeezenet3d", {"version": "1.0"}),
    ("resnet3d_10", {"shortcut": "A"}),
    ("resnext3d_50", {"cardinality": 8}),
    ("csn_r3d_26", {"groups": 8}),
]


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_options_come_from_the_tensors(name, options, tmp_path):
    path = file_of(name, tmp_path / "file.pth", **options, num_classes=27)
    assert load_published(name, path).report.options == {**options, "num_classes": 27}


def test_c3d_keys():
    """Its linear layers stand in front of an activation, in a sequence each."""
    assert {published_key(f"{layer}.weight") for layer in ("fc1", "fc2", "fc")} == {
        "fc1.0.weight",
        "fc2.0.weight",
        "fc.0.weight",
    }


REFUSED = {  # what is asked for, what is in the file: what the message says
    "ip for ir": ("ircsn_26", ("ipcsn_26", {}), r"ipcsn_26 with \{\} fits"),
    "ir for ip": ("ipcsn_26", ("ircsn_26", {}), r"ircsn_26 with \{\} fits"),
    "depth": ("ircsn_50", ("ircsn_26", {}), r"ircsn_26 with \{\} fits"),
    "family": ("mobilenet3d", ("mobilenetv2_3d", {"width": 0.35}), "mobilenetv2_3d with {'width': 0.35} fits"),
    "baseline": ("ircsn_26", ("csn_r3d_26", {"groups": 2}), "csn_r3d_26 with {'groups': 2} fits"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_nearest_fit_is_named(case, tmp_path):
    asked, (name, options), says = REFUSED[case]
    with pytest.raises(ValueError, match=f"file.pth does not fit {asked}.*{says}"):
        load_published(asked, file_of(name, tmp_path / "file.pth", **options))


def test_a_key_too_few_or_too_many(tmp_path):
    key = "backbone.layer3.1.conv3.bn.weight"
    less = file_of("ircsn_26", tmp_path / "less.pth", lambda t: {k: v for k, v in t.items() if k != key})
    with pytest.raises(ValueError, match=f"{key} is missing. ircsn_26 .* is nearest, misfits: 1"):
        load_published("ircsn_26", less)
    more = file_of("ircsn_26", tmp_path / "more.pth", lambda t: {**t, "backbone.extra": torch.zeros(1)})
    with pytest.raises(ValueError, match="backbone.extra is not in the net. ircsn_26 .* is nearest, misfits: 1"):
        load_published("ircsn_26", more)


def test_ig65m_files_want_imagenets_mean():
    said = _mmaction_input("ircsn_from_scratch_r152_ig65m.pth", {})
    assert said.pixels == IMAGENET


@pytest.mark.parametrize(("frames", "size"), [(16, 112), (9, 16), (24, 64), (32, 97), (26, 100)])
def test_c3d_takes_what_it_is_built_for(frames, size):
    with torch.device("meta"):
        assert create_model("c3d", frames=frames, size=size).eval()(torch.zeros(1, 3, frames, size, size)).shape == (
            1,
            400,
        )


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("mobilenet3d", {"width": 0}, "leaves none of"),
        ("mobilenetv2_3d", {"width": -1}, "leaves none of"),
        ("shufflenet3d", {"width": 0.0, "groups": 1}, "leaves none of"),
        ("c3d", {"size": 0}, "16 pixels"),
    ],
)
def test_senseless_options(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("shufflenet3d", (1, 3, 8, 64, 64), "8 frames.*16, 32, 48"),
        ("shufflenet3d", (1, 3, 16, 32, 32), "32 x 32 pixels.*more than 32"),
        ("ircsn_nano", (1, 3, 0, 32, 32), r"not \(1, 3, 0, 32, 32\)"),
        ("mobilenet3d", (1, 1, 16, 64, 64), r"\(N, 3, T, H, W\)"),
        ("c3d", (1, 3, 16, 64, 64), "16 frames of 112 x 112"),
    ],
)
def test_clips_that_do_not_fit(name, shape, says):
    with torch.device("meta"), pytest.raises(ValueError, match=says):
        create_model(name)(torch.zeros(shape))
