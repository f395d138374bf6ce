"""A figure and what makes it believable: interval, number of samples, floor and ceiling."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

REPLICATES = 1000  # bootstrap samples
LEVEL = (2.5, 97.5)  # percentiles of the 95 % interval


@dataclass(frozen=True)
class Figure:
    """A row of the full table."""

    metric: str  # dotted name
    value: float
    low: float  # 95 % bootstrap interval
    high: float
    n: int  # samples behind the value
    floor: float  # what chance or an untrained model scores
    ceiling: float  # what real data scores through the same code


def mean_of_cells(cells: Sequence[np.ndarray], rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean over cells of each cell's mean, with its bootstrap interval; every cell is resampled on its own."""
    filled = [np.asarray(cell, float) for cell in cells if len(cell)]
    assert filled, "a figure needs at least one sample"
    replicates = np.mean([cell[rng.integers(len(cell), size=(REPLICATES, len(cell)))].mean(1) for cell in filled], 0)
    low, high = np.percentile(replicates, LEVEL)
    return float(np.mean([cell.mean() for cell in filled])), float(low), float(high)


def table(figures: Sequence[Figure]) -> pd.DataFrame:
    return pd.DataFrame([asdict(figure) for figure in figures])
