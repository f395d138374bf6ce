"""What a figure can tell at all: whether its floor and its ceiling differ, and how fine it can be with so many samples.

A figure whose floor and ceiling can't be told apart says nothing: whatever the value is, it is as good as real data and
no better than chance.
"""

import math

from stages.evaluation.intervals import NORMAL
from stages.evaluation.metrics.families import LOWER, SHARES, family
from stages.evaluation.metrics.result import Result

LEAST = 0.15  # of the scale of a share, which is 1: less room between floor and ceiling can't grade anything
FEW = 400  # test samples: a share of one half is known to 5 points of 100 with so many


def discriminates(result: Result) -> bool:
    """Do floor and ceiling lie apart, in the right order, by more than chance, and of a share by more than `LEAST`?"""
    if math.isnan(result.floor) or math.isnan(result.ceiling):
        return False
    floor = ends(result.floor, result.floor_low, result.floor_high)
    ceiling = ends(result.ceiling, result.ceiling_low, result.ceiling_high)
    apart = ceiling[1] < floor[0] if family(result.metric) in LOWER else floor[1] < ceiling[0]
    return apart and (family(result.metric) not in SHARES or abs(result.ceiling - result.floor) >= LEAST)


def ends(value: float, low: float, high: float) -> tuple[float, float]:
    """An interval; of an exact value, the value itself."""
    return (value, value) if math.isnan(low) or math.isnan(high) else (low, high)


def margin(count: int) -> float:
    """Half of the 95 % interval of a share of one half, from so many samples: no share is known less well."""
    return NORMAL * math.sqrt(0.25 / count)
