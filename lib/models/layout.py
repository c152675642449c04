"""How published files store a net's weights, and what those weights expect to see."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch

from lib.data.protocol import Pixels, at_least


@dataclass(frozen=True)
class Preprocessing:
    """The input that a set of weights was trained on, and how their authors tested them."""

    pixels: Pixels | None  # what the weights know of a pixel: mean, std, value range, channel order; None: unknown
    size: int = 0  # height and width of the clip in pixels; 0: unknown
    frames: int = 0  # T; 0: unknown
    frame_stride: int = 1
    note: str = ""  # what is not certain, and on what ground it is said
    protocol: str = ""  # a name in lib.data.protocols.TEST_PROTOCOLS
    said: dict | None = None  # of a run of ours: its protocol's `plain()`

    def __post_init__(self):
        at_least(0, size=self.size, frames=self.frames)
        at_least(1, frame_stride=self.frame_stride)


@dataclass(frozen=True)
class Layout:
    """One published file format of one net.

    key            our key -> the file's key, or a tuple of the file's keys for one tensor (the last is read)
    preprocessing  (file name, options that the file was found to have) -> Preprocessing
    wrapper        entry of the file that holds the state dict; None: the file is the state dict
    prefix         of every key as the file is written; read with or without
    options        that these weights need beside the net's own, such as a batch norm epsilon
    infer          tensors -> options of the net that their shapes tell, such as a plan
    optional       our keys that a file may lack, as patterns
    ignored        the file's keys that mean nothing to the net, as patterns
    flat           our keys whose 1x1x1 kernels a file stores as a matrix, without the kernel's axes
    planar         our keys, as patterns, whose kernels a file stores in 2D: 1xkxk without its time, kx1x1 as kx1
    head           our key of the last layer's bias, as long as there are classes
    """

    name: str
    key: Callable
    preprocessing: Callable
    wrapper: str | None = None
    prefix: str = ""
    options: dict = field(default_factory=dict)
    infer: Callable = lambda tensors: {}
    optional: tuple = ()
    ignored: tuple = ()
    flat: tuple = ()
    planar: tuple = ()
    head: str = "fc.bias"

    def keys(self, ours):
        """The file's keys of one tensor of ours, without prefix, as a tuple."""
        theirs = self.key(ours)
        return (theirs,) if isinstance(theirs, str) else tuple(theirs)

    def shape(self, ours, shape):
        """The shape that the file gives to a tensor of ours."""
        if ours in self.flat:
            return shape[:2]
        if len(shape) == 5 and any(fnmatch(ours, pattern) for pattern in self.planar):
            return (*shape[:2], *(shape[3:] if shape[2] == 1 else shape[2:4]))
        return shape
