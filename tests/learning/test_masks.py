"""Subsets: all of them once, and random ones within what is there."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.common.modality_subsets import proper_subsets, subset_name
from stages.learning.masks import mask, random_halves, random_subsets
from stages.learning.training import stream

NAMES = st.lists(st.sampled_from(["image", "text", "audio", "video", "table"]), unique=True, min_size=1)
THERE = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=20).map(torch.tensor)


@given(NAMES)
def test_every_subset_but_the_whole_once_in_order_of_size(names: list[str]) -> None:
    subsets = proper_subsets(names)
    assert len({frozenset(subset) for subset in subsets}) == len(subsets) == 2 ** len(names) - 1
    assert subsets[0] == ()
    assert all(set(subset) < set(names) for subset in subsets)
    assert [len(subset) for subset in subsets] == sorted(len(subset) for subset in subsets)
    assert all(list(subset) == [name for name in names if name in subset] for subset in subsets)


@given(NAMES)
def test_names_tell_subsets_apart(names: list[str]) -> None:
    told = [subset_name(subset) for subset in proper_subsets(names)]
    assert len(set(told)) == len(told)
    assert told[0] == "nothing"


@given(NAMES, st.integers(1, 4))
def test_a_mask_is_its_subset(names: list[str], batch: int) -> None:
    for subset in proper_subsets(names):
        for row in mask(subset, names, batch):
            assert tuple(name for name, seen in zip(names, row.tolist(), strict=True) if seen) == subset


@given(THERE, st.floats(0, 1), st.integers(0, 99))
def test_random_subsets_hold_nothing_that_is_missing(there: torch.Tensor, nothing: float, seed: int) -> None:
    seen = random_subsets(there, nothing=nothing, stream=stream(seed, "test"))
    assert seen.shape == there.shape
    assert not (seen & ~there).any()
    assert not random_subsets(there, nothing=1.0, stream=stream(seed, "test")).any()


def test_random_subsets_are_as_frequent_as_promised() -> None:
    seen = random_subsets(torch.ones(20000, 3, dtype=torch.bool), nothing=0.3, stream=stream(1, "test"))
    assert abs((~seen.any(1)).float().mean() - 0.3) < 0.02
    assert (seen.float().mean(0) - 0.35).abs().max() < 0.02
    assert not seen.all(1).any(), "given everything there is nothing left to learn"


@given(THERE, st.integers(0, 99))
def test_a_random_half_is_neither_empty_nor_all_where_it_can(there: torch.Tensor, seed: int) -> None:
    seen = random_halves(there, stream(seed, "test"))
    assert not (seen & ~there).any()
    for row, full in zip(seen.sum(1).tolist(), there.sum(1).tolist(), strict=True):
        assert row == full if full < 2 else 1 <= row < full


def test_every_half_comes_up() -> None:
    seen = random_halves(torch.ones(3000, 3, dtype=torch.bool), stream(1, "test"))
    counts = torch.bincount((seen * torch.tensor([1, 2, 4])).sum(1), minlength=8)
    assert counts[0] == counts[7] == 0
    assert counts[1:7].min() > 350
