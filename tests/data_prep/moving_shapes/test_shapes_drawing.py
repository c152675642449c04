"""The pixels: the same bytes everywhere, shapes as their vertices say, and the motion that the label says."""

import hashlib
import itertools
from dataclasses import replace

import numpy as np
import pytest

from data_prep.moving_shapes.dataset import render
from data_prep.moving_shapes.drawing import SHAPES, TURN, UNIT, Axes, Scene, render_scene, shape_distance
from data_prep.moving_shapes.motion import MOTIONS, labels
from data_prep.moving_shapes.scene import draw_scene

PINNED = {  # (index, split, short side): SHA-256 of the frames before encoding
    (0, "train", 64): "6e862756ba0916670c4d6ec33c048b2c91b58fc87670792d56f3e6fe940a7468",
    (17, "val", 64): "aef96b99d723002a6eac5a91a6ea4cb96d2f4afdfc014b0bcc386b52c138e5e3",
    (3, "test", 112): "b005632c1776860f578579a9ec853a1ed42c4f91cb589dbaf094cd4d9659286f",
}


@pytest.mark.parametrize("video", PINNED)
def test_rendering_is_pinned(video):
    index, split, size = video
    frames, _ = render(index, split, size=size)
    assert frames.dtype == np.uint8 and min(frames.shape[1:3]) == size
    assert hashlib.sha256(frames.tobytes()).hexdigest() == PINNED[video]


@pytest.mark.parametrize("radius", [9, 40, 200])  # pixels; the last would overflow careless 32-bit products
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_coverage_matches_supersampling(shape, mirrored, radius):
    turn = 0.137
    exact = supersampled(shape, mirrored, radius, turn)
    axes = Axes.turned(pixels(radius), pixels(radius), np.array([round(turn * TURN)]))
    distance = shape_distance(shape, axes.mirrored() if mirrored else axes, np.array([radius * UNIT]))[0]
    coverage = np.clip(distance / UNIT + 0.5, 0, 1)
    assert np.abs(coverage - exact).mean() < 0.2 / radius  # only a pixel's width along the edge may differ
    assert abs(coverage.sum() / exact.sum() - 1) < 0.04  # a disc's edge is a little softer than it should be


def pixels(radius):
    """(1, 2 radius + 4): pixel centres from the middle of a square, 1/256 pixel."""
    return np.arange(-radius - 2, radius + 2)[None] * UNIT + UNIT // 2


def supersampled(shape, mirrored, radius, turn, samples=4):
    """The slow truth, in floats: the share of a pixel's samples that lie inside the shape; turn in turns."""
    fine = (pixels(radius).T / UNIT + (np.arange(samples) + 0.5) / samples - 0.5).ravel()
    x, y = np.meshgrid(fine, fine)
    cosine, sine = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
    u, v = (cosine * x + sine * y) * UNIT / radius, (cosine * y - sine * x) * UNIT / radius
    pieces, cuts = SHAPES[shape]
    inside = np.any([within(piece, -u if mirrored else u, v) for piece in pieces], axis=0)
    for cut in cuts:
        inside &= ~within(cut, -u if mirrored else u, v)
    return inside.reshape(2 * radius + 4, samples, 2 * radius + 4, samples).mean(axis=(1, 3))


def within(piece, u, v):
    if isinstance(piece, tuple):
        return (u - piece[0]) ** 2 + (v - piece[1]) ** 2 <= piece[2] ** 2
    edges = zip(piece, piece[1:] + piece[:1], strict=True)
    sides = np.array([(bx - ax) * (v - ay) - (by - ay) * (u - ax) for (ax, ay), (bx, by) in edges])
    return (sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_shows_its_angle_and_is_no_other(shape):
    """Neither itself after 20 degrees nor any turn or mirror image of another shape covers nearly the same pixels."""
    one = supersampled(shape, False, 12, 0, samples=2)
    turns = list(itertools.product(SHAPES.keys() - {shape}, (False, True), range(18)))
    for other, mirrored, step in [(shape, False, 1), *turns]:
        another = supersampled(other, mirrored, 12, step / 18, samples=2)
        assert np.abs(one - another).sum() > 0.15 * np.maximum(one, another).sum(), (other, mirrored, step)


def test_motion_changes_the_path_and_nothing_else():
    for index in range(6):
        first, *others = (draw_scene(index, "val", motion=motion) for motion in MOTIONS)
        for other in others:
            for name in ("background", "window", "noise"):
                np.testing.assert_array_equal(getattr(first, name), getattr(other, name))
            assert [look(layer) for layer in first.layers] == [look(layer) for layer in other.layers]
            moved = [not np.array_equal(a.pose, b.pose) for a, b in zip(first.layers, other.layers, strict=True)]
            assert sum(moved) == 1


def look(layer):
    return layer.shape, layer.mirrored, layer.tones.tolist(), layer.pattern, layer.period


def test_the_labelled_object_is_the_largest():
    for index in range(64):
        layers = draw_scene(index, "train").layers
        labelled = max(layers, key=lambda layer: layer.pose[0, 2])
        assert labelled.shape == list(SHAPES)[labels(index, "train")[1]]
        assert all(areas_of(other).max() < areas_of(labelled).min() for other in layers if other is not labelled)


def areas_of(layer):
    """(T,): pixels that a layer covers."""
    radius, angle = layer.pose[:, 2], layer.pose[:, 3]
    side = np.repeat(pixels(24), len(radius), axis=0)
    return (shape_distance(layer.shape, Axes.turned(side, side, angle), radius) > 0).sum(axis=(1, 2))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("motion", MOTIONS)
def test_pictures_show_the_motion(motion, mirrored):
    """Painted alone on black, the object moves, grows or turns as its class says."""
    scene = draw_scene(5, "train", motion=motion)
    layer = max(scene.layers, key=lambda layer: layer.pose[0, 2])
    layer = replace(layer, shape="triangle", mirrored=mirrored, tones=np.full((2, 3), 255))
    black, still = np.zeros_like(scene.background), np.zeros_like(scene.window)
    silent = np.zeros((len(still), *black.shape[:2]), np.int16)
    mask = render_scene(Scene(black, (layer,), still, silent))[..., 0] > 64
    y, x = np.array([[axis.mean() for axis in np.nonzero(frame)] for frame in mask]).T
    side = np.arctan2(y - layer.pose[:, 1] / UNIT, x - layer.pose[:, 0] / UNIT)  # its weight lies off its centre
    seen = [x, y, np.log2(mask.sum(axis=(1, 2))) / 2, np.degrees(np.unwrap(side))]
    attribute, direction = MOTIONS[motion]
    change = seen[attribute][-1] - seen[attribute][0]
    assert direction * change > [12, 12, 0.4, 70][attribute]  # pixels, pixels, octaves, degrees
