"""A figure and what makes it believable: interval, number of samples, floor and ceiling, and the ceiling's interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.evaluation.intervals import bootstrap_interval, normal_interval

SUMMARY = (
    "coherence.",
    "match.",
    "consistency.",
    "out_of_domain.",
    "ceiling.",
    "fidelity.",
    "coverage.",
    "memorisation.",
)  # of the full table's metrics


@dataclass(frozen=True)
class Result:
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


def share(
    metric: str,
    cells: Sequence[np.ndarray],
    floors: Sequence[np.ndarray],
    ceilings: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> Result:
    """A mean over outcomes, which stand in one or more cells of the same weight; so do its floor and its ceiling."""
    floor, low, high = normal_interval(floors)
    return Result(
        metric, *bootstrap_interval(cells, rng), sum(map(len, cells)), floor, *normal_interval(ceilings), floor_low=low,
        floor_high=high,
    )  # fmt: skip


def summary(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """The compact table: one- and two-part names of the families above, one observed modality at most."""
    compact: dict[str, dict[str, float]] = {}
    for result in results:
        family, _, rest = result.metric.partition(".")
        if result.metric.startswith(SUMMARY) and "." not in rest and "+" not in rest:
            compact.setdefault(family, {})[rest] = round(result.value, 6)
    return compact
