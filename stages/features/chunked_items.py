"""Items of one modality, read in pieces: an array in memory or some rows of one on disk.

A file mapped into memory stays there as far as it was read; so each access maps it anew, and what a piece needed is
given back when it is done with: the memory of a stage does not grow with its data.
Axes: N items.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Protocol

import numpy as np

from stages.common.memory import giving_back

CHUNK = 2**22  # values of a piece: 16 MiB as floats


class Items(Protocol):
    """What an array of items and `Stored` have in common."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Stored:
    """Rows of a .npy file."""

    path: Path
    rows: np.ndarray  # (N,) numbers

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *np.load(self.path, mmap_mode="r").shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        mapped = np.asarray(np.load(self.path, mmap_mode="r"))
        return np.array(mapped[self.rows[rows]])


def stored(path: Path, kept: np.ndarray | None = None) -> Stored:
    """The rows of a file, all or those that are `kept`, a bool each."""
    count = len(np.load(path, mmap_mode="r"))
    return Stored(path, np.arange(count) if kept is None else np.flatnonzero(kept))


def chunk_size(values: int) -> int:
    """How many items of so many values make a piece."""
    return max(1, CHUNK // values)


def chunks(items: Items, values: int = 0) -> Iterator[np.ndarray]:
    """The items in order, one piece at least; `values` of an item as floats, if not as many as it has now."""
    size = chunk_size(values or prod(items.shape[1:]))
    with giving_back():
        for start in range(0, max(1, len(items)), size):
            yield items[start : start + size]


def sampled(items: Items, most: int, rng: np.random.Generator) -> np.ndarray:
    """At most so many of the items, a random choice in their order, in memory."""
    rows = np.sort(rng.choice(len(items), min(len(items), most), replace=False))
    few = np.empty((len(rows), *items.shape[1:]), items[:1].dtype)
    size = chunk_size(prod(items.shape[1:]))
    for start in range(0, len(rows), size):
        few[start : start + size] = items[rows[start : start + size]]
    return few
