"""The laws that make Shapley values a fair division, and what follows for tables of outcomes."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.evaluation.metrics.modality_contribution import Coalition, coalitions, shapley, shares

PLAYERS = ("image", "text", "audio")
games = st.lists(st.floats(0, 1), min_size=8, max_size=8).map(
    lambda worths: {some: np.array([worth]) for some, worth in zip(coalitions(PLAYERS), worths, strict=True)}
)


@given(games)
def test_all_that_is_gained_is_divided(values: dict[Coalition, Any]) -> None:
    divided = sum(shapley(player, PLAYERS, values)[0] for player in PLAYERS)
    assert divided == pytest.approx((values[PLAYERS] - values[()])[0])


@given(games)
def test_who_adds_nothing_gets_nothing(values: dict[Coalition, Any]) -> None:
    idle = {some: values[tuple(one for one in some if one != "text")] for some in values}
    assert shapley("text", PLAYERS, idle)[0] == pytest.approx(0, abs=1e-12)


@given(games)
def test_players_that_can_be_exchanged_get_the_same(values: dict[Coalition, Any]) -> None:
    other = {"text": "audio", "audio": "text"}
    turned = {some: {other.get(one, one) for one in some} for some in values}
    even = {some: values[some] + values[tuple(p for p in PLAYERS if p in turned[some])] for some in values}
    assert shapley("text", PLAYERS, even)[0] == pytest.approx(shapley("audio", PLAYERS, even)[0])


def test_by_hand() -> None:
    """Alone either tells half, together all: each is worth half of what is gained."""
    values = {(): np.array([0.1]), ("a",): np.array([0.5]), ("b",): np.array([0.7]), ("a", "b"): np.array([1.0])}
    assert shapley("a", ("a", "b"), values)[0] == pytest.approx((0.4 + 0.3) / 2)
    assert shapley("b", ("a", "b"), values)[0] == pytest.approx((0.6 + 0.5) / 2)


def test_what_no_output_says_counts_for_neither_side() -> None:
    nan = float("nan")
    outcomes = {
        (): np.array([1.0, 0, 0, 0]),
        ("a",): np.array([1, nan, 0, nan]),
        ("b",): np.array([1.0, 1, 1, 1]),
        ("a", "b"): np.array([1, 1, 1, nan]),
    }
    a, b = cast(list[list[Any]], shares(("a", "b"), outcomes, np.random.default_rng(1)))
    assert a[0] == "a" and a[1] == pytest.approx((0.25 + 0.0) / 2) and b[1] == pytest.approx((0.75 + 0.5) / 2)
    assert a[4:] == [pytest.approx(0.25), pytest.approx(0.0), 0.25, 1.0, 3]
    assert all(row[2] <= row[1] <= row[3] for row in (a, b))
