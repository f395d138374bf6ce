"""Memorisation: are samples nearer to training items than these are to each other?

The control is fresh real data: what real test items do, samples may do too.
Axes: N training items, n samples, E features.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from stages.evaluation.metrics.distribution_measures import Rows


@dataclass(frozen=True)
class Nearest:
    """For each sample (n,) its nearest training item, and how near: below 1, nearer than that item's own neighbour."""

    item: np.ndarray
    ratio: np.ndarray

    @property
    def copied(self) -> np.ndarray:
        return self.ratio < 1


def nearest(samples: Rows, train: Rows) -> Nearest:
    """Of (n, E) samples among (N, E) training items. Training items that are equal have no neighbour to compare with:
    a sample counts as a copy of them only when it is nearer still, which it can't be."""
    neighbours = NearestNeighbors(n_neighbors=2).fit(train)
    apart = neighbours.kneighbors(train)[0][:, 1]  # (N,)
    distance, item = neighbours.kneighbors(samples, n_neighbors=1)
    near, gap = distance[:, 0], apart[item[:, 0]]
    ratio = np.divide(near, gap, out=np.full(len(near), np.inf), where=gap > 0)
    return Nearest(item[:, 0], ratio)


def copied(samples: Rows, train: Rows) -> np.ndarray:
    """(n,) bool: is the sample nearer to a training item than that item's own nearest other neighbour is?"""
    return nearest(samples, train).copied
