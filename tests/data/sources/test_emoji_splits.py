"""Splits of emoji: a base in one of them, and combinations that were seen in parts, never whole."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.data.records.split import SPLITS, Shares
from stages.data.sources.emoji_splits import VARIED, held_out, seen_in_parts, splits

SHARES = Shares(train=0.5, validation=0.1, judge=0.2, test=0.2)
LABELS = st.sampled_from(list(product("ab", ["", *"xyz"], ["", *"xyz"], ["", "x"])))


def frame(rows: Sequence[tuple[str, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["base", *VARIED]).assign(kind="person")


@given(st.lists(LABELS, min_size=10, max_size=40), st.sampled_from([0.1, 0.5, 1]), st.integers(0, 99))
def test_every_part_of_what_is_held_out_stays(rows: list[tuple[str, ...]], share: float, seed: int) -> None:
    emoji = frame(rows)
    out = held_out(emoji, share, np.random.default_rng(seed))
    stays = emoji[~out]
    for row in emoji[out].to_dict("records"):
        here = stays[stays["base"] == row["base"]]
        said = [name for name in VARIED if row[name]]
        assert len(said) > 1
        assert not here[list(VARIED)].eq([row[name] for name in VARIED]).all(axis=1).any()
        for kept, changed in product(said, said):
            beside = here.loc[here[kept] == row[kept], changed]
            assert kept == changed or (beside.ne(row[changed]) & beside.ne("")).any()


@pytest.mark.parametrize(("share", "count"), [(0, 0), (0.1, 2), (0.25, 4)])
def test_the_share_of_the_combinations_is_held_out(share: float, count: int) -> None:
    whole = frame([("walking", skin, person, "") for skin, person in product("abcdef", "mwp")])
    assert held_out(whole, share, np.random.default_rng(1)).sum() == count


def test_pictures_of_one_combination_stay_together() -> None:
    """One of them turned round would give the other away."""
    twice = frame([("walking", skin, person, "") for skin, person in product("abcdef", "mwp")] * 2)
    out = held_out(twice, 0.5, np.random.default_rng(1)).to_numpy()
    assert out.any() and (out[:18] == out[18:]).all()


def test_a_combination_of_one_part_is_none() -> None:
    assert not seen_in_parts(("dark", "", ""), [("light", "", ""), ("dark", "man", "")])
    assert not seen_in_parts(("dark", "man", ""), [("dark", "woman", "")])
    assert seen_in_parts(("dark", "man", ""), [("dark", "woman", ""), ("light", "man", "")])


def test_a_base_goes_to_one_split_and_hair_to_train() -> None:
    rows = [(f"base {number}", skin, "", "") for number in range(30) for skin in ("light", "dark")]
    emoji = frame([*rows, ("person", "light", "man", "red"), ("person", "light", "man", "")])
    for seed in range(10):
        found = splits(emoji, SHARES, np.random.default_rng(seed))
        assert (found.groupby(emoji["base"]).nunique() == 1).all() and set(found) == set(SPLITS)
        assert (found[emoji["base"] == "person"] == "train").all()
