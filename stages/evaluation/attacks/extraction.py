"""Extraction: are items of the train split among what is made from nothing?

A sample counts as an item that came out when it lies far nearer to it than to others like it (Carlini et al. 2023,
arXiv:2301.13188, section 5.1): its distance is at most ALPHA of the mean distance to its NEAREST train items. Floor:
the same of real test items, which nobody has learned. Levels are compared as they are; what is made of tokens is a
matter of `memorisation`, because captions of few words are alike without being copied.
Axes: N train items, n samples, P values of an item.
"""

from collections.abc import Mapping

import numpy as np
from sklearn.neighbors import NearestNeighbors

from stages.evaluation.metrics.result import Result, share

ALPHA = 0.5
NEAREST = 50


def extracted(made: np.ndarray, train: np.ndarray) -> np.ndarray:
    """(n,) bool, of items (n, P) and train items (N, P)."""
    distances = NearestNeighbors(n_neighbors=min(NEAREST, len(train))).fit(train).kneighbors(made)[0]
    return distances[:, 0] <= ALPHA * distances.mean(1)


def extraction(
    sides: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], rng: np.random.Generator
) -> list[Result]:
    """A figure for each modality, of what was made, test items and train items, (.., P) each."""
    results = []
    for name, (made, test, train) in sides.items():
        found, control = extracted(made, train), extracted(test, train)
        results.append(share(f"extraction.{name}", [found], [control], [], rng))
    return results
