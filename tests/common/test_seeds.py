"""Named streams: stable, and independent of each other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.common.seeds import draws, seed_of
from stages.learning.training import stream


def test_a_known_value_stays_what_it_is() -> None:
    """All results hang on it: a change here changes every byte of every output."""
    assert seed_of(1, "fuse/weights") == 323916592013780237
    assert draws(1, "acquire/split").integers(1000, size=3).tolist() == [257, 148, 150]


@given(st.integers(), st.text(), st.integers(), st.text())
def test_another_name_or_seed_is_another_stream(seed: int, name: str, other_seed: int, other_name: str) -> None:
    same = (seed, name) == (other_seed, other_name)
    together = f"{seed}/{name}" == f"{other_seed}/{other_name}"
    assert same == together
    assert (seed_of(seed, name) == seed_of(other_seed, other_name)) == same
    assert 0 <= seed_of(seed, name) < 2**63


def test_using_one_stream_moves_no_other() -> None:
    before = draws(3, "b").random(4)
    draws(3, "a").random(1000)
    np.testing.assert_array_equal(draws(3, "b").random(4), before)


def test_streams_are_uncorrelated() -> None:
    drawn = np.stack([draws(1, f"train/{step}").standard_normal(4000) for step in range(20)])
    correlation = np.corrcoef(drawn) - np.eye(20)
    assert np.abs(correlation).max() < 0.1


def test_the_twin_in_pytorch_repeats_too() -> None:
    assert stream(5, "x").initial_seed() == seed_of(5, "x") == stream(5, "x").initial_seed()
