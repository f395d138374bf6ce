"""Fusion by matrices: linear, in closed form.

The representation of a whole sample is what the modalities share linearly: generalised canonical correlations
(MAXVAR, Kettenring 1971), found as the leading principal components of the modalities' whitened features side by
side. The representation of a subset is the ridge regression of that on the subset's features, a matrix a subset. What a
subset leaves open a regression shrinks, so each is scaled to variance 1: else the noise on it would hide what it says.
Axes: N samples, B batch, M modality, W features of all modalities, U unified width.
"""

from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from stages.common.params import Strict
from stages.fusion.dataset import FeatureDataset, Shape, widths_of
from stages.fusion.objective import Learning
from stages.learning.device import device
from stages.learning.masks import columns, subset_number


class Settings(Strict):
    """Section `fuse.matrix`."""

    ridge: Annotated[float, Field(gt=0)]  # penalty of the regressions, beside N times a feature's variance


class Fusion(nn.Module):
    """Features of any subset of modalities -> one unified representation, mean 0 and, over U, variance 1."""

    weight: Tensor
    bias: Tensor

    def __init__(self, widths: list[int], unified: int) -> None:
        super().__init__()
        subsets = 2 ** len(widths)
        self.widths = widths
        self.register_buffer("weight", torch.zeros(subsets, sum(widths), unified))  # by `number` of the subset
        self.register_buffer("bias", torch.zeros(subsets, unified))

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features and (B, M) bool -> (B, U)."""
        known = torch.where(columns(seen, self.widths), features, 0.0)  # (B, W)
        subset = subset_number(seen)  # (B,)
        unified = self.bias[subset]  # (B, U)
        for which in subset.unique().tolist():
            rows = subset == which
            unified[rows] += known[rows] @ self.weight[which]
        return unified


def build(shapes: list[Shape], unified: int, settings: Settings) -> Fusion:
    """A fusion of zeros."""
    return Fusion(widths_of(shapes), unified)


def fit(
    dataset: FeatureDataset, settings: Settings, learning: Learning, *, seed: int, state: Path
) -> tuple[Fusion, None]:
    """Solve for the fusion of the modalities of `dataset`; there is no loss curve.

    Raises ValueError when no train sample has all modalities, or the representation is asked to be too wide.
    """
    from sklearn.decomposition import PCA  # a second to load, which no other fusion needs
    from sklearn.linear_model import Ridge

    complete = dataset.train_available.all(1)
    features, variants = dataset.targets[complete].cpu().numpy(), dataset.augmented.shape[1]  # (N, W)
    width = min(len(features), features.shape[1])
    if learning.unified_width >= width:
        raise ValueError(
            f"fuse.unified_width: expected less than {width} for 'matrix' (samples with all modalities, or features), "
            f"got {learning.unified_width}; lower it or choose another fuse.method"
        )
    whitened = [PCA(whiten=True, svd_solver="full").fit_transform(part) for part in split(features, dataset.widths)]
    shared = PCA(learning.unified_width, whiten=True, svd_solver="full").fit_transform(
        np.concatenate(whitened, 1)
    )  # (N, U)
    fusion = build(dataset.shapes, learning.unified_width, settings)
    copies, targets = (
        dataset.augmented[complete.to(dataset.augmented.device)].flatten(0, 1).cpu().numpy(),
        np.repeat(shared, variants, axis=0),
    )
    for subset in product((False, True), repeat=len(dataset.widths)):
        if any(subset):
            which, chosen = subset_number(torch.tensor([subset]))[0], np.repeat(subset, dataset.widths)
            found = Ridge(settings.ridge * len(copies), solver="cholesky").fit(copies[:, chosen], targets)
            size = found.predict(copies[:, chosen]).std()
            fusion.weight[which, torch.from_numpy(chosen)] = torch.from_numpy(found.coef_.T / size)
            fusion.bias[which] = torch.from_numpy(found.intercept_ / size)
    return fusion.to(device()), None


def split(features: np.ndarray, widths: list[int]) -> list[np.ndarray]:
    """(N, W) -> the modalities' own columns."""
    return np.split(features, np.cumsum(widths)[:-1], axis=1)
