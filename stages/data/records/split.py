"""Splits: who may see what.

train teaches codecs, fusion and generator; validation watches them and tells how sure judges may be; judge teaches the
judges and nobody else; test is for the figures. What belongs together (two clips of one picture) goes to one split.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from stages.common.params import Strict

SPLITS = ("train", "validation", "judge", "test")
MEANT = {"training": "train", "val": "validation", "valid": "validation", "dev": "validation", "testing": "test"}
Share = Annotated[float, Field(gt=0, lt=1)]


def split_named(word: str) -> str | None:
    """The split that a word means, as data sets write them, in any case of letters; None: none of them.

    >>> split_named("Val"), split_named("TEST"), split_named("birds")
    ('validation', 'test', None)
    """
    lower = word.lower()
    return lower if lower in SPLITS else MEANT.get(lower)


class Shares(Strict):
    """The share of each split; they sum to one."""

    train: Share
    validation: Share
    judge: Share
    test: Share

    @model_validator(mode="after")
    def sum_to_one(self) -> "Shares":
        total = sum(getattr(self, split) for split in SPLITS)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"shares that sum to 1, not to {total:g}")
        return self


def assign(kinds: np.ndarray, shares: Shares, rng: np.random.Generator, splits: Sequence[str] = SPLITS) -> np.ndarray:
    """One of the `splits` for each of the groups, in the given shares, at random; (groups,) of str.

    Groups of one of the `kinds` are spread as evenly as all: no split has more of a kind than it should, nor less.
    Raises ValueError when there are too few groups for every split to get one.
    """
    groups, ends = len(kinds), np.cumsum([getattr(shares, split) for split in splits])
    counts = np.diff(np.round(ends / ends[-1] * groups).astype(int), prepend=0)
    if counts.min() < 1:
        raise ValueError(
            f"expected enough groups for {len(splits)} splits, got {groups}; add samples or even out the shares "
            "(a group is what belongs together, such as samples of one picture)"
        )
    places = np.concatenate([(np.arange(count) + rng.random()) / count for count in counts])
    evenly = np.repeat(splits, counts)[np.argsort(places, kind="stable")]  # each split at equal distances
    names = np.empty_like(evenly)
    names[np.lexsort([rng.random(groups), kinds])] = evenly  # kind by kind, within a kind at random
    return names
