"""Fidelity and diversity of samples in judge features.

Kernel distance: unbiased squared maximum mean discrepancy with a cubic kernel (Binkowski et al. 2018,
arXiv:1801.01401). Coverage: share of real items whose neighbourhood holds a sample (Naeem et al. 2020,
arXiv:2002.09797). Features are scaled to unit mean square length
before (`unit`), so that distances mean the same for every judge. Axes: N real items, n samples, E features.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances, polynomial_kernel
from sklearn.neighbors import NearestNeighbors

Rows: TypeAlias = Any  # (N, E) array, dense or sparse
NEIGHBOURS = 5  # k of the neighbourhoods, as Naeem et al. advise


@dataclass(frozen=True)
class Kernels:
    """Similarities within the samples (n, n), within the real items (N, N) and across (n, N)."""

    samples: np.ndarray
    real: np.ndarray
    across: np.ndarray

    def distance(self, samples: np.ndarray, real: np.ndarray) -> float:
        """Unbiased MMD^2 where sample i counts `samples[i]` times and real item j `real[j]` times (bootstrap)."""
        within = sum(
            (count @ kernel @ count - (count**2) @ kernel.diagonal()) / (count.sum() ** 2 - (count**2).sum())
            for kernel, count in ((self.samples, samples), (self.real, real))
        )
        return float(within - 2 * samples @ self.across @ real / (samples.sum() * real.sum()))


def kernels(samples: Rows, real: Rows) -> Kernels:
    """Cubic kernels of (n, E) and (N, E) features."""
    return Kernels(_kernel(samples, samples), _kernel(real, real), _kernel(samples, real))


def kernel_distance(samples: Rows, real: Rows) -> float:
    """Unbiased MMD^2 between (n, E) and (N, E); around 0, and below it by chance, when both have one source."""
    return kernels(samples, real).distance(np.ones(samples.shape[0]), np.ones(real.shape[0]))


def _kernel(left: Rows, right: Rows) -> np.ndarray:
    kernel: np.ndarray = polynomial_kernel(left, right, degree=3, gamma=1.0, coef0=1)
    return kernel


def coverage(samples: Rows, real: Rows) -> float:
    """Share of (N, E) real items that have one of the (n, E) samples within the distance of their k-th neighbour."""
    return float(np.mean(covered(samples, real)))


def covered(samples: Rows, real: Rows) -> np.ndarray:
    """(N,) bool: which real items have a sample in their neighbourhood."""
    radius = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(real).kneighbors(real)[0][:, -1]  # itself is the first
    nearest: np.ndarray = euclidean_distances(real, samples).min(1)
    return nearest <= radius + 1e-9


def copied(samples: Rows, train: Rows) -> np.ndarray:
    """(n,) bool: is the sample nearer to a training item than that item's own nearest other neighbour is?"""
    neighbours = NearestNeighbors(n_neighbors=2).fit(train)
    apart = neighbours.kneighbors(train)[0][:, 1]  # (N,)
    distance, item = neighbours.kneighbors(samples, n_neighbors=1)
    return np.asarray(distance[:, 0] < apart[item[:, 0]])
