"""Memorisation: are samples nearer to training items than these are to each other?

The control is fresh real data: what real test items do, samples may do too. A training item's twin is no neighbour:
data may hold an item several times, such as a picture that was described twice.
Axes: N training items, n samples, E features.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from stages.evaluation.metrics.distribution_measures import Rows

SAME = 1e-3  # distance within which items are the same: features have unit mean square length, and are rounded
TWINS = 8  # items that are looked through for one that is not the same


@dataclass(frozen=True)
class Nearest:
    """For each sample (n,) its nearest training item, and how near: below 1, nearer than that item's own neighbour."""

    item: np.ndarray
    ratio: np.ndarray

    @property
    def copied(self) -> np.ndarray:
        return self.ratio < 1


def nearest(samples: Rows, train: Rows) -> Nearest:
    """Of (n, E) samples among (N, E) training items.

    An item that stands among them TWINS times or more has no neighbour to compare with: no sample counts as a copy of
    it, as what everybody says is nobody's.
    """
    neighbours = NearestNeighbors(n_neighbors=min(TWINS, train.shape[0])).fit(train)
    others = neighbours.kneighbors(train)[0]  # (N, TWINS)
    apart = np.where(others > SAME, others, np.inf).min(1)  # (N,)
    distance, item = neighbours.kneighbors(samples, n_neighbors=1)
    near, gap = distance[:, 0], apart[item[:, 0]]
    return Nearest(item[:, 0], np.divide(near, gap, out=np.full(len(near), np.inf), where=np.isfinite(gap)))


def copied(samples: Rows, train: Rows) -> np.ndarray:
    """(n,) bool: is the sample nearer to a training item than that item's own nearest other neighbour is?"""
    return nearest(samples, train).copied
