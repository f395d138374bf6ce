"""A figure and what makes it believable: interval, number of samples, floor and ceiling, and the ceiling's interval."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

REPLICATES = 1000  # bootstrap samples
LEVEL = (2.5, 97.5)  # percentiles of the 95 % interval
NORMAL = 1.96  # standard errors to each side of a mean for the same
SUMMARY = (
    "coherence.",
    "match.",
    "consistency.",
    "elsewhere.",
    "ceiling.",
    "fidelity.",
    "coverage.",
    "memorisation.",
)  # of the full table's metrics


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
    ceiling_low: float = math.nan  # 95 % interval of the ceiling; none where it is exact
    ceiling_high: float = math.nan
    note: str = ""  # what to think of it, where that is not plain
    floor_low: float = math.nan  # 95 % interval of the floor; none where it is exact
    floor_high: float = math.nan


def mean_of_cells(cells: Sequence[np.ndarray], rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean over cells of each cell's mean, with its bootstrap interval; every cell is resampled on its own."""
    filled = [np.asarray(cell, float) for cell in cells if len(cell)]
    assert filled, "a figure needs at least one sample"
    replicates = np.mean([cell[rng.integers(len(cell), size=(REPLICATES, len(cell)))].mean(1) for cell in filled], 0)
    low, high = np.percentile(replicates, LEVEL)
    return float(np.mean([cell.mean() for cell in filled])), float(low), float(high)


def around(cells: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """The same mean with the normal interval, which needs no random stream: NaN when all cells are empty."""
    filled = [np.asarray(cell, float) for cell in cells if len(cell)]
    if not filled:
        return math.nan, math.nan, math.nan
    mean = float(np.mean([cell.mean() for cell in filled]))
    reach = NORMAL * math.sqrt(sum(cell.var() / len(cell) for cell in filled)) / len(filled)
    return mean, mean - reach, mean + reach


def share(
    metric: str,
    cells: Sequence[np.ndarray],
    floors: Sequence[np.ndarray],
    ceilings: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> Figure:
    """A mean over outcomes, which stand in one or more cells of the same weight; so do its floor and its ceiling."""
    floor, low, high = around(floors)
    return Figure(
        metric, *mean_of_cells(cells, rng), sum(map(len, cells)), floor, *around(ceilings), floor_low=low,
        floor_high=high,
    )  # fmt: skip


def bootstrap(replicates: np.ndarray, value: float) -> tuple[float, float]:
    """The 95 % interval of `value` from what was measured in bootstrap samples.

    It is centred on the value: a distance between resampled sets is larger than between the sets themselves.
    """
    low, high = np.percentile(replicates, LEVEL) - replicates.mean()
    return value + float(low), value + float(high)


def table(figures: Sequence[Figure]) -> pd.DataFrame:
    return pd.DataFrame([asdict(figure) for figure in figures])


def summary(figures: Sequence[Figure]) -> dict[str, dict[str, float]]:
    """The compact table: one- and two-part names of the families above, one observed modality at most."""
    compact: dict[str, dict[str, float]] = {}
    for figure in figures:
        family, _, rest = figure.metric.partition(".")
        if figure.metric.startswith(SUMMARY) and "." not in rest and "+" not in rest:
            compact.setdefault(family, {})[rest] = round(figure.value, 6)
    return compact
