"""Fidelity and diversity of samples in judge features.

Kernel distance: unbiased squared maximum mean discrepancy with a cubic kernel (Binkowski et al. 2018,
arXiv:1801.01401). Frechet distance: between Gaussians with the means and covariances of both sides (Heusel et al. 2017,
arXiv:1706.08500). Precision and recall: share of samples in the neighbourhood of a real item, and the other way round
(Kynkaanniemi et al. 2019, arXiv:1904.06991). Density and coverage: how many neighbourhoods of real items hold a sample,
and the share of real items whose neighbourhood holds one (Naeem et al. 2020, arXiv:2002.09797).
The tests hold them against torchmetrics and prdc. Features are scaled to unit mean square length before, so that
distances mean the same for every judge. Axes: N real items, n samples, E features.
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
    """Similarities within the samples (n, n), within the real items (N, N) and across (n, N), in double precision."""

    samples: np.ndarray
    real: np.ndarray
    across: np.ndarray

    @property
    def distance(self) -> float:
        """Unbiased MMD^2; around 0, and below it by chance, when both sides have one source."""
        return float(self.distances(*(np.ones((1, count)) for count in self.across.shape))[0])

    def distances(self, samples: np.ndarray, real: np.ndarray) -> np.ndarray:
        """(R,) of it where sample i counts `samples[r, i]` times and real item j `real[r, j]` times (bootstrap)."""
        within = sum(
            ((count @ kernel * count).sum(1) - count**2 @ kernel.diagonal()) / (count.sum(1) ** 2 - (count**2).sum(1))
            for kernel, count in ((self.samples, samples), (self.real, real))
        )
        across = (samples @ self.across * real).sum(1) / (samples.sum(1) * real.sum(1))
        return np.asarray(within - 2 * across)

    def redrawn(self, times: int, rng: np.random.Generator) -> np.ndarray:
        """(R,) distances, each between a bootstrap sample of either side."""
        samples, real = (rng.multinomial(n, np.full(n, 1 / n), times).astype(float) for n in self.across.shape)
        return self.distances(samples, real)


def kernels(samples: Rows, real: Rows) -> Kernels:
    """Cubic kernels of (n, E) and (N, E) features."""
    return Kernels(_kernel(samples, samples), _kernel(real, real), _kernel(samples, real))


def kernel_distance(samples: Rows, real: Rows) -> float:
    """Unbiased MMD^2 between (n, E) and (N, E)."""
    return kernels(samples, real).distance


def _kernel(left: Rows, right: Rows) -> np.ndarray:
    return np.asarray(polynomial_kernel(left, right, degree=3, gamma=1.0, coef0=1), float)


def frechet_distance(samples: np.ndarray, real: np.ndarray) -> float:
    """|m - m'|^2 + tr(C + C' - 2 (C C')^1/2) between (n, E) and (N, E); grows with few items, so compare equal n."""
    gap = samples.mean(0) - real.mean(0)
    left, right = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (samples.astype(float), real.astype(float)))
    # The root of a product of two covariances is not symmetric; its trace is that of the eigenvalues' roots.
    root = np.sqrt(np.linalg.eigvals(left @ right).real.clip(0)).sum()
    return float(gap @ gap + np.trace(left) + np.trace(right) - 2 * root)


@dataclass(frozen=True)
class Neighbourhoods:
    """Outcomes of the four neighbourhood metrics, an array each."""

    precision: np.ndarray  # (n,) bool: does the sample lie in the neighbourhood of a real item?
    recall: np.ndarray  # (N,) bool: does the real item lie in the neighbourhood of a sample?
    density: np.ndarray  # (n,): neighbourhoods of real items that hold the sample, over k; 1 for real ones
    coverage: np.ndarray  # (N,) bool: does the neighbourhood of the real item hold a sample?


def neighbourhoods(samples: Rows, real: Rows) -> Neighbourhoods:
    """Of (n, E) samples among (N, E) real items."""
    across = euclidean_distances(real, samples)  # (N, n)
    inside = across <= (radii(real) + 1e-9)[:, None]
    return Neighbourhoods(
        precision=inside.any(0),
        recall=(across <= radii(samples) + 1e-9).any(1),
        density=inside.sum(0) / min(NEIGHBOURS, real.shape[0] - 1),
        coverage=inside.any(1),
    )


def radii(rows: Rows) -> np.ndarray:
    """(N,) distance of each item to its k-th neighbour; to the last one where there are fewer."""
    count = min(NEIGHBOURS, rows.shape[0] - 1) + 1  # itself is the first
    distances: np.ndarray = NearestNeighbors(n_neighbors=count).fit(rows).kneighbors(rows)[0][:, -1]
    return distances
