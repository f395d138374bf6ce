"""Splits: every group in one, in the shares asked for, or a clear refusal."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.data.records.split import SPLITS, Shares, assign

WEIGHTS = st.lists(st.integers(1, 100), min_size=4, max_size=4)


def shares(weights: list[int]) -> Shares:
    return Shares(**{name: weight / sum(weights) for name, weight in zip(SPLITS, weights, strict=True)})


@given(WEIGHTS, st.integers(4, 3000), st.integers(0, 99))
def test_every_split_gets_its_share(weights: list[int], groups: int, seed: int) -> None:
    wanted = shares(weights)
    assume(groups * min(weights) / sum(weights) >= 1.5)
    found = assign(np.arange(groups) % 3, wanted, np.random.default_rng(seed))
    assert len(found) == groups
    for name in SPLITS:
        assert abs((found == name).sum() - groups * getattr(wanted, name)) <= 1
    np.testing.assert_array_equal(found, assign(np.arange(groups) % 3, wanted, np.random.default_rng(seed)))


@given(WEIGHTS, st.lists(st.integers(0, 9), min_size=400, max_size=900), st.integers(0, 99))
def test_every_split_has_its_share_of_every_kind(weights: list[int], kinds: list[int], seed: int) -> None:
    wanted, groups = shares(weights), np.array(kinds)
    assume(len(kinds) * min(weights) / sum(weights) >= 1.5)
    found = assign(groups, wanted, np.random.default_rng(seed))
    for kind in set(kinds):
        for name in SPLITS:
            share = (found[groups == kind] == name).sum() - (groups == kind).sum() * getattr(wanted, name)
            assert abs(share) < 3, f"{name} has {share:+.1f} too many of kind {kind}"


@given(WEIGHTS, st.integers(0, 60))
def test_no_split_is_ever_empty(weights: list[int], groups: int) -> None:
    try:
        found = assign(np.arange(groups) % 3, shares(weights), np.random.default_rng(1))
    except ValueError as error:
        assert str(error).startswith("expected enough groups for 4 splits, got ")
    else:
        assert set(found) == set(SPLITS)


@pytest.mark.parametrize("groups", [0, 1, 3])
def test_too_few_groups_are_refused(groups: int) -> None:
    with pytest.raises(ValueError, match=f"got {groups}; add samples"):
        assign(np.arange(groups) % 3, shares([1, 1, 1, 1]), np.random.default_rng(1))


@pytest.mark.parametrize(
    "wrong", [{"test": 0.3}, {"test": 0.0, "train": 0.7}, {"test": -0.1, "train": 0.8}, {"test": 1.0}], ids=str
)
def test_shares_must_be_positive_and_sum_to_one(wrong: dict[str, float]) -> None:
    right = {"train": 0.6, "validation": 0.1, "judge": 0.2, "test": 0.1}
    assert Shares(**right).train == 0.6
    with pytest.raises(ValidationError):
        Shares(**(right | wrong))
