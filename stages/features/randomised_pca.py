"""The leading principal components of items of any size, in memory that grows with the size and not with its square.

Randomised subspace iteration (Halko et al. 2011, arXiv:0909.4061, algorithm 4.4): a random subspace, wider than what
is asked for, is multiplied by the covariance again and again and made orthonormal each time, while the items pass by
in pieces. scikit-learn's randomised PCA wants all items as floats in memory; its incremental one does not, but what it
forgets between two pieces it never sees again.
Axes: N items, P values of an item, K components, L width of the subspace.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stages.features.chunked_items import Items, chunks, sampled
from stages.learning.device import device

SAMPLE = 8192  # items that the components are found from, at most
SPARE = 2  # L / K
PASSES = 6  # over the items; the subspace is then nearer than single precision was with the whole covariance
LEAST = 1e-7  # variance that is taken for rounding, as a share of the largest

Numbers = Callable[[np.ndarray], Tensor]  # (B, *shape) -> (B, P) float32


@dataclass(frozen=True)
class PCA:
    """Mean (P,), orthonormal components (K, P) with the largest variance first, and their variances (K,)."""

    mean: Tensor
    components: Tensor
    variances: Tensor


def levels(items: np.ndarray) -> Tensor:
    """(B, *shape) uint8 -> (B, P), from 0 to 1."""
    return torch.from_numpy(np.array(items)).flatten(1).float() / 255


def fit_pca(items: Items, count: int, rng: np.random.Generator, numbers: Numbers = levels) -> PCA:
    """The `count` leading components of a sample of the items; where they vary in fewer ways, the rest are zero."""
    few = sampled(items, SAMPLE, rng)
    size = numbers(few[:1]).shape[1]
    mean = torch.zeros(size, dtype=torch.float64, device=device())
    for part in chunks(few, size):
        mean += numbers(part).to(device()).sum(0, dtype=torch.float64) / len(few)
    found, variances = leading(few, mean.float(), min(SPARE * count, len(few), size), rng, numbers)
    known = variances > LEAST * variances[0]
    components, spread = torch.zeros(count, size), torch.zeros(count)
    kept = min(count, int(known.sum()))
    components[:kept], spread[:kept] = signed(found[:kept]).cpu(), variances[:kept].cpu()
    return PCA(mean.float().cpu(), components, spread)


def leading(
    items: np.ndarray, mean: Tensor, width: int, rng: np.random.Generator, numbers: Numbers
) -> tuple[Tensor, Tensor]:
    """An orthonormal basis (L, P) of the leading subspace, and the variances (L,) along it."""
    seed = rng.standard_normal((len(mean), width), dtype=np.float32)
    product = torch.from_numpy(seed).to(mean.device)  # (P, L)
    for _ in range(PASSES):
        basis = torch.linalg.qr(product)[0]  # (P, L)
        product = torch.zeros_like(basis)
        for part in chunks(items, len(mean)):
            values = numbers(part).to(mean.device) - mean  # (B, P)
            product.addmm_(values.T, values @ basis)
    within = (basis.T @ product).double() / max(1, len(items) - 1)  # (L, L), covariance inside the subspace
    variances, turn = torch.linalg.eigh((within + within.T) / 2)  # ascending
    return (basis @ turn.flip(1).float()).T, variances.flip(0).float()


def signed(components: Tensor) -> Tensor:
    """Each with its largest value positive, as scikit-learn has it: a sign means nothing, but it should not change."""
    largest = components.abs().argmax(1, keepdim=True)
    return components * components.gather(1, largest).sign()
