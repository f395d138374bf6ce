"""A schematic chest picture with findings, drawn by rule: no patient, no X-ray machine.

As on a radiograph, air is dark and bone is bright, and the patient faces the viewer: the left lung is on the right.
The cardiothoracic ratio is the widest heart over the widest thorax, inside the ribs (Danzer 1919, Am J Med Sci
157:513). Lengths are shares of the side; y runs down. The same stream draws the same patient, whatever the findings.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDES = {"left": 1, "right": -1}  # the patient's: on which side of the middle it is drawn
RATIOS = {"normal": (0.36, 0.47), "enlarged": (0.53, 0.66)}  # cardiothoracic; the border is 0.5
BODY, LUNG, HEART, BONE, FLUID, MASS = 0.55, 0.10, 0.74, 0.13, 0.80, 0.78  # brightness; bone adds to what is there
RIBS = 6  # in the height of a lung
NOISE = 0.025  # standard deviation of a pixel


@dataclass(frozen=True)
class Patient:
    """What differs between patients and exposures; of a mass and an effusion, how they lie if they are there."""

    middle: float  # x of the spine
    half: float  # half the width of the thorax
    top: float  # y of the lungs' tips
    base: float  # y of the diaphragm
    ribs: float  # phase of the ribs
    slope: float  # how far a rib falls on its way out
    out: float  # of a mass, from the spine, 0, to the wall, 1
    down: float  # of a mass, from the tip of the lung, 0, to its base, 1
    radius: float  # of a mass
    oblong: float  # height of a mass over its width
    fluid: float  # how high an effusion stands
    gain: float  # of the exposure
    offset: float


def patient(rng: np.random.Generator) -> Patient:
    """Some patient."""
    return Patient(
        middle=rng.uniform(0.48, 0.52), half=rng.uniform(0.36, 0.42), top=rng.uniform(0.06, 0.12),
        base=rng.uniform(0.80, 0.88), ribs=rng.uniform(0, 1), slope=rng.uniform(0.10, 0.16),
        out=rng.uniform(0.45, 0.68), down=rng.uniform(0.22, 0.42), radius=rng.uniform(0.055, 0.085),
        oblong=rng.uniform(0.85, 1.15), fluid=rng.uniform(0.16, 0.28), gain=rng.uniform(0.85, 1.15),
        offset=rng.uniform(-0.04, 0.06),
    )  # fmt: skip


def draw(findings: Mapping[str, str], ratio: float, size: int, rng: np.random.Generator) -> np.ndarray:
    """A (size, size) uint8 picture of the `findings`: where a mass and an effusion are, `none` for nowhere.

    `ratio` is the cardiothoracic one.
    """
    who, edge = patient(rng), 1 / size
    y, x = (np.indices((size, size)) + 0.5) / size
    out = (x - who.middle) / who.half  # -1 and 1: the walls of the thorax
    lungs = sum(lung(x, y, who, side, edge) for side in SIDES.values())
    picture = BODY + (LUNG - BODY) * lungs
    picture += BONE * ribs(out, y, who) * np.where(np.abs(out) < 1, 1, 0.4)
    picture += BONE * inside(0.09 - np.abs(out), edge / who.half)  # the spine
    picture *= inside(y - 0.3 * (np.abs(out) - 0.4), edge)  # above the shoulders is air
    heart = oval(x, y, who.middle + 0.22 * ratio * who.half, who.base - 0.2, ratio * who.half, 0.21, edge)
    picture = over(picture, HEART, heart)
    if findings["mass"] != "none":
        picture = over(picture, MASS, mass(x, y, who, SIDES[findings["mass"]], edge))
    if findings["effusion"] != "none":
        side = SIDES[findings["effusion"]]
        picture = over(picture, FLUID, effusion(side * out, y, who, edge) * lung(x, y, who, side, edge))
    picture = who.offset + who.gain * picture + rng.normal(0, NOISE, picture.shape)
    return (255 * picture.clip(0, 1)).round().astype(np.uint8)


def lung(x: np.ndarray, y: np.ndarray, who: Patient, side: int, edge: float) -> np.ndarray:
    """How much of each pixel is in one lung: narrow at the tip, on a dome of the diaphragm, which is higher right."""
    base = who.base - (0.03 if side < 0 else 0.0)
    out = side * (x - who.middle) / who.half  # 0: the spine, 1: the wall
    depth = np.clip((y - who.top) / (base - who.top), 0, 1)
    wall = 0.42 + 0.58 * np.sqrt(depth * (2 - depth))
    floor = base - 0.09 * (1 - np.clip((out - 0.55) / 0.45, -1, 1) ** 2)
    return (
        inside(out - 0.13, edge / who.half)
        * inside(wall - out, edge / who.half)
        * inside(floor - y, edge)
        * inside(y - who.top - 0.6 * (out - 0.35) ** 2, edge)
    )


def ribs(out: np.ndarray, y: np.ndarray, who: Patient) -> np.ndarray:
    """Bright arcs that fall on their way out, (size, size) from 0 to 1."""
    height = (y - who.top - who.slope * out**2) / (who.base - who.top)
    return np.maximum(np.cos(2 * np.pi * (RIBS * height + who.ribs)), 0) ** 2


def mass(x: np.ndarray, y: np.ndarray, who: Patient, side: int, edge: float) -> np.ndarray:
    """A round shadow in the upper half of one lung, clear of heart and fluid."""
    across, down = who.middle + side * who.out * who.half, who.top + who.down * (who.base - who.top)
    return oval(x, y, across, down, who.radius, who.radius * who.oblong, edge)


def effusion(out: np.ndarray, y: np.ndarray, who: Patient, edge: float) -> np.ndarray:
    """Fluid at the base, whose level climbs the wall (the meniscus); `out` is 1 at the wall of its side."""
    return inside(y - who.base + who.fluid + 0.12 * np.clip(out, 0, 1) ** 4, edge)


def oval(
    x: np.ndarray, y: np.ndarray, across: float, down: float, width: float, height: float, edge: float
) -> np.ndarray:
    """How much of each pixel is in an ellipse of these half axes."""
    far = np.hypot((x - across) / width, (y - down) / height)
    return inside(1 - far, edge / min(width, height))


def inside(depth: np.ndarray, edge: float) -> np.ndarray:
    """How much of each pixel is inside, from how deep it lies and how wide a pixel is: edges are smooth."""
    return np.clip(0.5 + depth / edge, 0, 1)


def over(picture: np.ndarray, brightness: float, cover: np.ndarray) -> np.ndarray:
    """Something laid over the picture."""
    return picture + (brightness - picture) * cover


def as_png(levels: np.ndarray) -> bytes:
    """(size, size) uint8 as a file."""
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    return buffer.getvalue()
