"""The figures that changed most are told, in the width of their intervals."""

import numpy as np
import pandas as pd

from stages.evaluation.changes import changed_most


def table(**values: tuple[float, float]) -> pd.DataFrame:
    """A figure each: its value, and how far its interval reaches to each side."""
    rows = [(name, value, value - arm, value + arm) for name, (value, arm) in values.items()]
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high"])


def test_what_moved_by_more_of_its_interval_comes_first() -> None:
    before = table(a=(0.5, 0.1), b=(0.5, 0.01), c=(0.5, 0.1), d=(0.5, 0.1), gone=(0.5, 0.1))
    after = table(a=(0.6, 0.1), b=(0.53, 0.01), c=(0.5, 0.1), d=(0.48, 0.1), new=(0.5, 0.1))
    assert changed_most(before, after) == ["b 0.500 to 0.530", "a 0.500 to 0.600", "d 0.500 to 0.480"]


def test_three_are_told() -> None:
    before, after = (table(**dict.fromkeys("abcde", (value, 0.1))) for value in (0.1, 0.2))
    assert len(changed_most(before, after)) == 3


def test_nothing_changed_is_nothing_told() -> None:
    assert changed_most(table(a=(0.5, 0.1)), table(a=(0.5, 0.1))) == []


def test_a_figure_without_an_interval_counts_too() -> None:
    before, after = table(a=(0.5, np.nan)), table(a=(0.6, np.nan))
    assert changed_most(before, after) == ["a 0.500 to 0.600"]
