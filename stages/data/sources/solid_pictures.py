"""Pictures of solids: parallel rays from one of three sides, one lamp, white paper.

Where the solids stand in a room, its floor and back wall are painted first, so that places show and stay where they
are when a picture is centred.
"""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from stages.data.sources.solid_shapes import SIDE, Solid, gauge, outwards

COLOURS = {"red": (214, 48, 40), "green": (40, 150, 60), "blue": (40, 90, 220), "yellow": (240, 190, 20)}
PAPER, WALL, FLOOR = 255, 220, (202, 186)  # grey levels; the floor is a chessboard of four places
PIXELS, FINER = 32, 2  # side of a picture, and rays a pixel along a side
STEPS = 40  # along a ray through the ball around a solid
LAMP = np.array([-0.35, -0.5, 0.79])  # direction to it
SHADE = 0.35  # brightness of what it does not reach
ROOM = SIDE + 1.6  # voxels that a picture of the room is wide and high; the rest is a margin


class View(NamedTuple):
    """From where one looks: three unit vectors, and what the picture holds."""

    right: np.ndarray
    up: np.ndarray
    back: np.ndarray  # towards who looks
    width: float  # voxels that the picture is wide and high
    room: bool  # are floor and wall to be seen?


def view(elevation: float, azimuth: float, width: float, *, room: bool) -> View:
    """The view from the front, from so far above and from so far to the right; degrees."""
    height, side = np.deg2rad([elevation, azimuth])
    right = np.array([np.cos(side), np.sin(side), 0])
    away = np.array([-np.sin(side), np.cos(side), 0])
    up = np.sin(height) * away + np.array([0, 0, np.cos(height)])
    return View(right, up, np.cross(right, up), width, room)


CORNER = view(35.3, 45, SIDE - 2.0, room=False)  # of a solid alone: its three axes look alike
FRONT, ABOVE = view(35, 0, ROOM, room=True), view(90, 0, ROOM, room=True)


def picture(solids: Sequence[Solid], seen: View) -> bytes:
    """The solids as a PNG, (P, P, 3); what is farther away is painted first."""
    across, upwards = rays(seen)
    canvas = paper(across, upwards, seen)
    for solid in sorted(solids, key=lambda one: float(seen.back @ np.array(one.centre))):
        paint(canvas, solid, across, upwards, seen)
    levels = canvas.reshape(PIXELS, FINER, PIXELS, FINER, 3).mean((1, 3))
    buffer = io.BytesIO()
    Image.fromarray(levels.round().astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def rays(seen: View) -> tuple[np.ndarray, np.ndarray]:
    """(F,) each: where the rays of a row pass, from left to right, and those of a column, downwards; voxels.

    The room fills the square from 0 to S: its floor begins at the lower edge.
    """
    count = PIXELS * FINER
    offsets = ((np.arange(count) + 0.5) / count - 0.5) * seen.width
    centre = np.full(3, SIDE / 2)
    right, up = (SIDE / 2, SIDE / 2) if seen.room else (seen.right @ centre, seen.up @ centre)
    return right + offsets, up - offsets


def paper(across: np.ndarray, upwards: np.ndarray, seen: View) -> np.ndarray:
    """(F, F, 3) levels of what is behind the solids."""
    x, up = np.meshgrid(across, upwards)
    canvas = np.full(x.shape, float(PAPER))
    if seen.room:
        y = up / seen.up[1]  # of the point on the floor
        inside = (abs(x - SIDE / 2) < SIDE / 2) & (abs(up - SIDE / 2) < SIDE / 2)
        light = (x < SIDE / 2) == (y < SIDE / 2)
        canvas[inside] = np.where(y > SIDE, WALL, np.where(light, *FLOOR))[inside]
    return np.repeat(canvas[..., None], 3, -1)


def paint(canvas: np.ndarray, solid: Solid, across: np.ndarray, upwards: np.ndarray, seen: View) -> None:
    """Paint a solid over (F, F, 3) levels."""
    centre, radius = np.array(solid.centre), solid.radius
    columns = np.flatnonzero(abs(across - seen.right @ centre) < radius)
    rows = np.flatnonzero(abs(upwards - seen.up @ centre) < radius)
    depths = np.linspace(radius, -radius, STEPS)  # the nearest first
    places = (
        centre
        + (across[columns] - seen.right @ centre)[None, :, None, None] * seen.right
        + (upwards[rows] - seen.up @ centre)[:, None, None, None] * seen.up
        + depths[:, None] * seen.back
    )  # (rows, columns, steps, 3)
    inside = gauge(solid, places) <= 1
    first = np.take_along_axis(places, inside.argmax(2)[..., None, None], 2)[:, :, 0]
    bright = SHADE + (1 - SHADE) * np.maximum(outwards(solid, first) @ LAMP, 0)
    part = np.ix_(rows, columns)
    painted = bright[..., None] * np.array(COLOURS[solid.colour], float)
    canvas[part] = np.where(inside.max(2)[..., None], painted, canvas[part])
