"""The curve of guidance: more often right and fewer kinds, where samples are so."""

from dataclasses import replace

import numpy as np
import pytest

from stages.evaluation.metrics.evaluated_data import Dataset, Outputs
from stages.evaluation.metrics.guidance import COLUMNS, guidance_curve
from tests.evaluation.datasets import dataset, predicted


def guided(plain: Dataset, *, right: float, kinds: int, rng: np.random.Generator) -> dict[str, Outputs]:
    """Clips made of pictures: real ones, most of the same digit, the first so many of each digit only."""
    real = plain.real["test"]
    clips, digits = real["audio"].features, plain.rows("test")["digit"].to_numpy(str)
    assert clips is not None
    by_digit = {digit: np.flatnonzero(digits == digit)[:kinds] for digit in set(digits)}
    asked = [digit if rng.random() < right else str((int(digit) + 1) % 10) for digit in digits]
    rows = np.array([rng.choice(by_digit[digit]) for digit in asked])
    keys = [f"{number:06d}" for number in range(len(rows))]
    return {"image": Outputs({"audio": predicted(clips[rows])}, plain.rows("test"), real, keys)}


def test_what_is_more_often_right_and_less_varied_shows_as_that() -> None:
    plain, rng = dataset(), np.random.default_rng(1)
    weak, strong = guided(plain, right=0.6, kinds=50, rng=rng), guided(plain, right=0.95, kinds=2, rng=rng)
    curve = guidance_curve(replace(plain, guided={3.0: strong, 1.0: weak}), rng)
    assert list(curve.columns) == COLUMNS and list(curve["guidance"]) == [1.0, 3.0] and set(curve["made"]) == {"audio"}
    assert list(curve["coherence"]) == pytest.approx([0.55, 0.82], abs=0.1)  # the judge errs now and then
    assert curve["coverage"][0] > 0.5 > curve["coverage"][1]
    assert ((curve["low"] < curve["coherence"]) & (curve["coherence"] < curve["high"])).all()
    assert list(curve["n"]) == [500, 500]


def test_where_no_values_are_compared_there_is_no_curve() -> None:
    assert guidance_curve(dataset(), np.random.default_rng(1)).empty
