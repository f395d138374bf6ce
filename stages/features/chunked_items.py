"""Items of one modality, read in pieces: an array in memory or some rows of one on disk.

A file mapped into memory stays there as far as it was read; so each access maps it anew, and what a piece needed is
given back when it is done with: the memory of a stage does not grow with its data.
Axes: N items.
"""

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from math import prod
from pathlib import Path
from typing import Protocol

import numpy as np

CHUNK = 2**22  # values of a piece: 16 MiB as floats
LARGE = 2**20  # bytes of a block that the system gets back at once
MMAP_THRESHOLD = -3  # the name of that setting, in malloc.h


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


@cache
def free_large_blocks() -> None:
    """Tell the C library to give large blocks back to the system as soon as they are free, mallopt(3).

    Left alone, glibc comes to keep blocks of up to 32 MiB for later. A result of a few KiB behind each of them, which
    stays, then keeps them from being used again: 20 GiB were seen where 1 is needed.
    """
    with suppress(AttributeError, OSError):  # other libraries have no such setting, and no such habit
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, LARGE)


def chunks(items: Items, values: int = 0) -> Iterator[np.ndarray]:
    """The items in order, one piece at least; `values` of an item as floats, if not as many as it has now."""
    free_large_blocks()
    size = chunk_size(values or prod(items.shape[1:]))
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
