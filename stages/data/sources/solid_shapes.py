"""Solids and what they fill: six shapes by formula, as voxels.

A shape is a gauge: a function of the place that is 1 on the surface and less inside. In a frame of its own it stands
upright, its axis along z, within a ball of radius 1; a ring stands like a wheel. Voxel (i, j, k) is about the place
(i, j, k) + 1/2; x is to the right, y away from whoever looks, z upwards.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.ndimage import label

SIDE = 24  # voxels
TALL, WIDE = 0.85, 0.5  # half height and radius of a cylinder
BOX = (0.72, 0.48)  # half height and half side
ROUND = 0.85  # radius of a ball
TOP, BASE = 0.95, -0.7  # of cone and pyramid
CONE, PYRAMID = 0.66, 0.5  # radius and half side of the base
RING = (0.73, 0.25)  # radius of the middle line and of the tube

Gauge = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class Solid(NamedTuple):
    """One solid in the grid."""

    shape: str
    colour: str
    centre: tuple[float, float, float]  # voxels
    radius: float  # of the ball around it, voxels
    turn: np.ndarray  # (3, 3), from the frame of the shape to that of the grid


def pointed(across: np.ndarray, z: np.ndarray, base: float) -> np.ndarray:
    """What narrows from its base, `base` wide from the middle to the rim, to its top."""
    return np.maximum(z / BASE, z / TOP + across * (1 - BASE / TOP) / base)


GAUGES: Mapping[str, Gauge] = {
    "ball": lambda x, y, z: np.sqrt(x**2 + y**2 + z**2) / ROUND,
    "box": lambda x, y, z: np.maximum(np.maximum(abs(x), abs(y)) / BOX[1], abs(z) / BOX[0]),
    "cylinder": lambda x, y, z: np.maximum(np.hypot(x, y) / WIDE, abs(z) / TALL),
    "cone": lambda x, y, z: pointed(np.hypot(x, y), z, CONE),
    "pyramid": lambda x, y, z: pointed(np.maximum(abs(x), abs(y)), z, PYRAMID),
    "ring": lambda x, y, z: np.hypot(np.hypot(y, z) - RING[0], x) / RING[1],
}
SHAPES = tuple(GAUGES)


def gauge(solid: Solid, places: np.ndarray) -> np.ndarray:
    """(..., 3) places in the grid, voxels -> (...): below 1 inside the solid."""
    own = (places - np.array(solid.centre)) / solid.radius @ solid.turn
    return GAUGES[solid.shape](own[..., 0], own[..., 1], own[..., 2])


def outwards(solid: Solid, places: np.ndarray, step: float = 0.05) -> np.ndarray:
    """(..., 3) places on its surface -> (..., 3) unit vectors away from it, by central differences."""
    slopes = [gauge(solid, places + move) - gauge(solid, places - move) for move in step * np.eye(3)]
    slope = np.stack(slopes, -1)
    return np.asarray(slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-9))


@cache
def middles() -> np.ndarray:
    """(S, S, S, 3): the middle of every voxel."""
    return np.stack(np.meshgrid(*[np.arange(SIDE) + 0.5] * 3, indexing="ij"), -1)


def voxels(solids: Sequence[Solid]) -> np.ndarray:
    """(S, S, S) bool: the voxels whose middle lies in a solid, one piece of each.

    At a tip a last voxel may touch the others by an edge or a corner alone: it is left out.
    """
    return np.logical_or.reduce([largest_piece(gauge(solid, middles()) <= 1) for solid in solids])


def largest_piece(matter: np.ndarray) -> np.ndarray:
    """Of (S, S, S) bool the most voxels that hang together by their faces."""
    pieces, _ = label(matter)
    return np.asarray(pieces == np.bincount(pieces[matter]).argmax())


def turned(about_y: float, about_z: float = 0.0) -> np.ndarray:
    """(3, 3): a turn about y, towards -x at the top, and then one about z; radians."""
    lean, swing = -about_y, about_z
    first = np.array([[np.cos(lean), 0, np.sin(lean)], [0, 1, 0], [-np.sin(lean), 0, np.cos(lean)]])
    then = np.array([[np.cos(swing), -np.sin(swing), 0], [np.sin(swing), np.cos(swing), 0], [0, 0, 1]])
    return then @ first
