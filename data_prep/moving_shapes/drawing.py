"""Draw coloured, textured shapes on a moving picture, in integers only.

Positions and sizes are in 1/256 pixel, angles in 1/4096 turn, shape and pattern coordinates in 1/256 of a radius or a
period; sines come from a rounded table. So two machines draw the same bytes. Needs numpy only.

A shape is a union of convex polygons and discs minus others. Each is drawn by its signed distance to the edge,
which is a minimum of half-planes: linear in x and y, so every edge costs one addition of a row and a column.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

TURN = 4096  # angle units in a full turn
UNIT = 256  # a shape's radius, a pattern's period, a pixel
SINE = np.array([round(TURN * math.sin(math.tau * k / TURN)) for k in range(TURN)])  # times 4096
RIM = 230  # width of a shape's dark edge, 1/256 pixel


def _box(left, top, right, bottom):
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _spikes(number, outer, inner):
    """Kites that touch each other at the origin: a star's points."""

    def point(radius, turn):
        return round(radius * math.sin(math.tau * turn)), round(-radius * math.cos(math.tau * turn))

    turns, half = [k / number for k in range(number)], 0.5 / number
    return [[point(outer, turn), point(inner, turn + half), (0, 0), point(inner, turn - half)] for turn in turns]


# name: (pieces joined, pieces cut out); a piece is a convex polygon [(x, y), ...] or a disc (x, y, radius), y down.
# All fit a circle of radius 256; none looks the same after a small turn, and none is another's mirror image.
SHAPES = {
    "arch": ([(0, -76, 176), _box(-176, -76, 176, 184)], [(0, -76, 84), _box(-84, -76, 84, 300)]),
    "bar": ([_box(-246, -66, 246, 66)], []),
    "comb": ([_box(-220, -130, 220, -40), *(_box(x - 34, -100, x + 34, 130) for x in (-186, -62, 62, 186))], []),
    "cross": ([_box(-54, -240, 54, 246), _box(-190, -116, 190, -8)], []),
    "half_disc": ([(0, 104, 230)], [_box(-300, 104, 300, 500)]),
    "paw": ([(0, 110, 140), (-168, -40, 72), (0, -164, 84), (168, -40, 72)], []),
    "star": ([(0, 0, 100), *_spikes(5, 256, 104)], []),
    "triangle": ([[(0, -256), (206, 156), (-206, 156)]], []),
}
DISTRACTOR_SHAPES = {
    "disc": ([(0, 0, 220)], []),
    "ring": ([(0, 0, 240)], [(0, 0, 130)]),
    "square": ([_box(-170, -170, 170, 170)], []),
    "hexagon": ([[(250, 0), (125, 216), (-125, 216), (-250, 0), (-125, -216), (125, -216)]], []),
}


def _stripes(u, v):
    return _wave(u)


def _dots(u, v):
    return (_wave(u) + _wave(v) - 40) // 2 + 30


def _checks(u, v):
    return 128 + ((_wave(u) - 128) * (_wave(v) - 128) >> 5)


def _zigzag(u, v):
    return _wave(u + _wave(v) // 2)


def _rings(u, v):
    far, near = np.maximum(abs(u), abs(v)), np.minimum(abs(u), abs(v))
    return _wave(far + near * 3 // 8)  # octagons, nearly


def _bricks(u, v):
    row = v >> 8
    return np.minimum(_wave(u // 2 + (row & 1) * 128), _wave(v)) + 70


# name: value in about 0..256 at (u, v); a period is 256
PATTERNS = {f.__name__[1:]: f for f in (_stripes, _dots, _checks, _zigzag, _rings, _bricks)}


@dataclass(frozen=True)
class Layer:
    """One thing drawn on every frame: what it is, where, and how it looks."""

    shape: str  # a name in SHAPES or DISTRACTOR_SHAPES
    pose: np.ndarray  # (T, 4): x, y of the centre, radius (1/256 pixel), angle (1/4096 turn)
    mirrored: bool
    tones: np.ndarray  # (2, 3) RGB
    pattern: str
    period: int  # 1/256 of the radius


@dataclass(frozen=True)
class Scene:
    """All that one video shows."""

    background: np.ndarray  # (H + 2 margin, W + 2 margin, 3) uint8
    layers: tuple[Layer, ...]  # first to last, with poses in the background's pixels; none leaves its margin
    window: np.ndarray  # (T, 2): row and column of the background where the camera's picture begins
    noise: np.ndarray  # (T, H, W) int16, added to every colour


def render_scene(scene):
    """Paint the layers over the background, look through the camera's window, add noise.  -> uint8 (T, H, W, 3) RGB"""
    frames, height, width = scene.noise.shape
    canvas = np.repeat(scene.background[None], frames, axis=0)
    for layer in scene.layers:
        _paint(canvas, layer)
    windows = sliding_window_view(canvas, (height, width), axis=(1, 2))  # (T, rows, columns, 3, H, W)
    seen = np.moveaxis(windows[np.arange(frames), scene.window[:, 0], scene.window[:, 1]], 1, 3)
    return np.clip(seen + scene.noise[..., None], 0, 255).astype(np.uint8)


def _paint(canvas, layer):
    """Blend one layer into (T, H, W, 3), touching only a square patch around it."""
    side = int(layer.pose[:, 2].max()) * 2 // UNIT + 4
    x, y, radius, angle = layer.pose.T
    corner_x, corner_y = (x // UNIT) - side // 2, (y // UNIT) - side // 2
    grid = np.arange(side) * UNIT + UNIT // 2
    px, py = (corner_x * UNIT - x)[:, None] + grid, (corner_y * UNIT - y)[:, None] + grid  # (T, P)
    axes = Axes.turned(px, py, angle)
    if layer.mirrored:
        axes = axes.mirrored()
    distance = shape_distance(layer.shape, axes, radius)  # (T, P, P)
    u, v = axes.coordinates(radius * layer.period // UNIT)
    fill = mix(layer.tones[0], layer.tones[1], soften(PATTERNS[layer.pattern](u, v)))
    inner = np.clip(distance - RIM + 128, 0, 256)[..., None]
    fill = (fill * (128 + inner // 2)) >> 8  # half as bright on the rim
    outer = np.clip(distance + 128, 0, 256)[..., None]
    windows = sliding_window_view(canvas, (side, side), axis=(1, 2), writeable=True)
    at = np.arange(len(canvas)), corner_y, corner_x
    below = np.moveaxis(windows[at], 1, 3).astype(np.int32)  # (T, P, P, 3)
    blended = below + ((fill - below) * outer >> 8)
    windows[at] = np.moveaxis(blended, 3, 1).astype(np.uint8)


@dataclass(frozen=True)
class Axes:
    """Pixels of T patches in the axes of a turned object: u = ux + uy, v = vx + vy, in 1/256 pixel."""

    ux: np.ndarray  # (T, P), varies along the image's x
    uy: np.ndarray
    vx: np.ndarray
    vy: np.ndarray

    @classmethod
    def turned(cls, px, py, angle):
        """px (T, W), py (T, H) in 1/256 pixel from the object's centre, angle (T,)."""
        sine, cosine = SINE[angle & (TURN - 1)][:, None], SINE[(angle + TURN // 4) & (TURN - 1)][:, None]
        return cls(cosine * px >> 12, sine * py >> 12, -sine * px >> 12, cosine * py >> 12)

    def mirrored(self):
        """The object's mirror image: in its own axes, or it would also turn the other way round."""
        return Axes(-self.ux, -self.uy, self.vx, self.vy)

    def line(self, nx, ny, offset):
        """(T, P, P) int32: signed distance from the line n . q = offset (n times 4096, offset (T,) in 1/256 pixel)."""
        along_x = (nx * self.ux + ny * self.vx >> 12) - offset[:, None]
        along_y = nx * self.uy + ny * self.vy >> 12
        return along_x.astype(np.int32)[:, None, :] + along_y.astype(np.int32)[:, :, None]

    def coordinates(self, period):
        """u and v, (T, H, W) int32, in 1/256 of a period; period (T,) in 1/256 pixel."""
        scale = (UNIT << 16) // period[:, None]
        ux, uy, vx, vy = ((part * scale >> 16).astype(np.int32) for part in (self.ux, self.uy, self.vx, self.vy))
        return ux[:, None, :] + uy[:, :, None], vx[:, None, :] + vy[:, :, None]


def shape_distance(shape, axes, radius):
    """(T, P, P) int32, 1/256 pixel: how far inside the shape's edge a pixel lies (negative outside)."""
    pieces, cuts = SHAPES.get(shape) or DISTRACTOR_SHAPES[shape]
    inside = [_piece_distance(piece, axes, radius) for piece in pieces]
    distance = inside[0]
    for other in inside[1:]:
        np.maximum(distance, other, out=distance)
    for cut in cuts:
        np.minimum(distance, -_piece_distance(cut, axes, radius), out=distance)
    return distance


def _piece_distance(piece, axes, radius):
    if isinstance(piece, tuple):
        return _disc_distance(piece, axes, radius)
    first, *others = ((nx, ny, offset * radius >> 20) for nx, ny, offset in half_planes(tuple(piece)))
    distance = axes.line(*first)
    for edge in others:
        np.minimum(distance, axes.line(*edge), out=distance)
    return distance


def _disc_distance(disc, axes, radius):
    """(r^2 - |q|^2) / 2r: exact in value and slope on the edge. In 1/16 pixel, so that squares fit 32 bits."""
    x, y, r = ((part * radius >> 12).astype(np.int32)[:, None, None] for part in disc)
    u, v = axes.coordinates(np.full_like(radius, UNIT * UNIT // 16))
    return (r * r - (u - x) ** 2 - (v - y) ** 2) // (2 * r) * 16


@cache
def half_planes(polygon):
    """A convex polygon's edges as (nx, ny, offset): n points inwards, has length 4096, and n . q >= offset inside."""
    area = sum(ax * by - ay * bx for (ax, ay), (bx, by) in _edges(polygon))
    turn = 1 if area > 0 else -1
    edges = []
    for (ax, ay), (bx, by) in _edges(polygon):
        length = math.isqrt(((bx - ax) ** 2 + (by - ay) ** 2) << 16)  # times 256
        nx, ny = turn * (ay - by) * (4096 * 256) // length, turn * (bx - ax) * (4096 * 256) // length
        edges.append((nx, ny, nx * ax + ny * ay))
    return edges


def _edges(polygon):
    return list(zip(polygon, polygon[1:] + polygon[:1], strict=True))


def _wave(u):
    """Triangle wave of period 256: 0 at multiples of 256, 256 halfway."""
    return 256 - 2 * abs((u & 255) - 128)


def soften(value):
    """Steepen around 128 and clip to 0..256: a pattern with soft edges."""
    return np.clip((value - 128) * 2 + 128, 0, 256)


def mix(first, second, weight):
    """(..., 3) int32: first where weight is 0, second where it is 256."""
    return (first + ((second - first) * weight[..., None] >> 8)).astype(np.int32)
