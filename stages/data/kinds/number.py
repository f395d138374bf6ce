"""Numbers: an age, a temperature, a score, as a modality to give and to make.

Tensor: (1,) uint8, the rank of the number among those of the train split, from 0 for the least to 255 for the greatest,
so that numbers of any unit and spread are alike to what learns them. What lies beyond them is taken for the nearest.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.common.files import read_json, write_json
from stages.common.params import Strict

QUANTILES = "quantiles.json"
LEVELS = 255
DIGITS = 6  # that are written


class Settings(Strict):
    """Section `preprocess.number`: there is nothing to set."""


@dataclass(frozen=True)
class Number:
    """The number at each level."""

    quantiles: np.ndarray  # (256,), ascending


def fit(settings: Settings, told: Iterable[str], folder: Path) -> Number:
    """Learn how numbers lie from what is `told` of train samples, and keep it below `folder`."""
    numbers = [number for number in map(parsed, told) if number is not None]
    quantiles = np.quantile(numbers or [0.0], np.linspace(0, 1, LEVELS + 1))
    write_json(folder / QUANTILES, {"quantiles": quantiles.tolist()})
    return Number(quantiles)


def restore(settings: Settings, told: Iterable[str], folder: Path) -> Number:
    """What `fit` learned, read back in a later stage."""
    return Number(np.array(read_json(folder / QUANTILES)["quantiles"]))


def parsed(told: str) -> float | None:
    """A number; None for what is none, or not finite."""
    try:
        number = float(told)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def read(payload: bytes, known: Number) -> float:
    """A number. Raises ValueError when it is none."""
    told = payload.decode("utf-8", "replace").strip()
    number = parsed(told)
    if number is None:
        raise ValueError(f"expected a number, got '{told}'; correct it, or call it label or text in modalities")
    return number


def augment(number: float, known: Number, rng: np.random.Generator) -> float:
    """A number is what it is."""
    return number


def tensor(number: float, known: Number) -> np.ndarray:
    """The rank of a number, of equal ones the middle: (1,) uint8."""
    first = int(np.searchsorted(known.quantiles, number, "left"))
    behind = int(np.searchsorted(known.quantiles, number, "right"))
    if behind > first:
        return np.array([round((first + behind - 1) / 2)], np.uint8)
    below, above = (float(known.quantiles[min(max(place, 0), LEVELS)]) for place in (first - 1, first))
    share = (number - below) / (above - below) if above > below else 0.0
    return np.array([min(max(round(first - 1 + share), 0), LEVELS)], np.uint8)


def blank(known: Number) -> np.ndarray:
    """What stands where a sample has no number."""
    return np.zeros(1, np.uint8)


def write(rank: np.ndarray, known: Number) -> bytes:
    """The number at (1,) rank."""
    return f"{known.quantiles[int(rank[0])]:.{DIGITS}g}".encode()
