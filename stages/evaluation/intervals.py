"""Means and their 95 % intervals, by the bootstrap or by the normal approximation."""

import math
from collections.abc import Sequence

import numpy as np

REPLICATES = 1000  # bootstrap samples
LEVEL = (2.5, 97.5)  # percentiles of the 95 % interval
NORMAL = 1.96  # standard errors to each side of a mean for the same


def bootstrap_interval(cells: Sequence[np.ndarray], rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean over cells of each cell's mean, with its bootstrap interval; every cell is resampled on its own."""
    filled = [np.asarray(cell, float) for cell in cells if len(cell)]
    assert filled, "a figure needs at least one sample"
    replicates = np.mean([cell[rng.integers(len(cell), size=(REPLICATES, len(cell)))].mean(1) for cell in filled], 0)
    low, high = np.percentile(replicates, LEVEL)
    return float(np.mean([cell.mean() for cell in filled])), float(low), float(high)


def normal_interval(cells: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """The same mean, with the interval of a normal distribution, which needs no random stream; NaN of nothing."""
    filled = [np.asarray(cell, float) for cell in cells if len(cell)]
    if not filled:
        return math.nan, math.nan, math.nan
    mean = float(np.mean([cell.mean() for cell in filled]))
    reach = NORMAL * math.sqrt(sum(cell.var() / len(cell) for cell in filled)) / len(filled)
    return mean, mean - reach, mean + reach


def centred_interval(replicates: np.ndarray, value: float) -> tuple[float, float]:
    """The 95 % bootstrap interval of `value` from what was measured in bootstrap samples.

    It is centred on the value: a distance between resampled sets is larger than between the sets themselves.
    """
    low, high = np.percentile(replicates, LEVEL) - replicates.mean()
    return value + float(low), value + float(high)
