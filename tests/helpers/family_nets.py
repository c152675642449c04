"""One net of every family, small enough for a test: its nano net, or its smallest member."""

from lib import create_model, list_models
from lib.models.registry import entry

# families without a nano net: options, frames, pixels of the smallest that trains
SMALLEST = {
    "mobilenet3d": ({"width": 0.25}, 16, 32),
    "shufflenet3d": ({"width": 0.25, "groups": 1}, 16, 48),
    "squeezenet3d": ({}, 16, 32),
    "c3d": ({"frames": 9, "size": 16}, 9, 16),
    "resnext3d_50": ({"cardinality": 4}, 8, 16),
    "r2p1d_18": ({}, 8, 32),
    "p3da_18": ({}, 8, 32),
    "lgd_p3d_50": ({}, 8, 32),
    "s3dg": ({}, 8, 32),
    "resnet2d_18": ({}, 3, 32),
    "vit_deit_t_p16": ({"size": 32}, 2, 32),
    "c2d_vit_t_p16": ({"size": 48}, 8, 32),
    "seq_p3d_eftnet_b0": ({"early_stride": 1}, 8, 32),
    "gst_50": ({}, 4, 32),
    "tsm_50": ({}, 8, 32),
}
NETS = {**{name: ({}, 8, 32) for name in list_models("*_nano")}, **SMALLEST}


def small_net(name, num_classes=3, **options):
    """A net of NETS and the shape of a clip that it takes: (net, (3, T, H, W))."""
    given, frames, size = NETS[name]
    return create_model(name, num_classes=num_classes, **given, **options), (3, frames, size, size)


def one_per_builder():
    """Names of the registry, one for every function, and class, that builds nets."""
    found = {}
    for name in list_models():
        build = entry(name).build
        classes = tuple(argument for argument in getattr(build, "args", ()) if isinstance(argument, type | str))
        found.setdefault((getattr(build, "func", build), classes), name)
    return sorted(found.values())
