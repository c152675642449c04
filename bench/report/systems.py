"""Whose net a net is."""

from fnmatch import fnmatch

# first match wins
SYSTEMS = {
    "*csn*": "CSN",
    "rubiksnet*": "RubiksNet",
    "tsm*": "RubiksNet",
    "cakes*": "CAKES",
    "gst*": "CAKES",
    "c2d*": "Optimization Planning",
    "i3d*": "Optimization Planning",
    "*p3d*": "Optimization Planning",
    "r2p1d*": "Optimization Planning",
    "s3d*": "Optimization Planning",
    "*": "Efficient-3DCNNs",
}


def system_of(model):
    """The published system that a net of the registry belongs to."""
    return next(system for pattern, system in SYSTEMS.items() if fnmatch(model, pattern))
