"""Fusion by masked concatenation: the plainest network that takes any subset.

The features of all modalities side by side, zero where a modality is missing, and the mask, which tells such zeros
from measured ones, go through one perceptron.
Axes: B batch, V view, M modality, W features of all modalities, U unified width.
"""

from pathlib import Path

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn.functional import layer_norm

from stages.common.params import Strict
from stages.fusion.dataset import FeatureDataset, Shape
from stages.fusion.objective import Learning, NetworkFusion, fit_by_prediction
from stages.learning.curve import Curve
from stages.learning.masks import columns
from stages.learning.networks import Perceptron
from stages.learning.privacy import Private


class Settings(Strict):
    """Section `fuse.concat`."""

    hidden: PositiveInt  # width of the perceptron
    depth: PositiveInt  # its residual blocks


class Fusion(NetworkFusion):
    def __init__(self, shapes: list[Shape], unified: int, settings: Settings) -> None:
        super().__init__(shapes, unified)
        self.head = Perceptron(sum(self.widths) + len(shapes), unified, width=settings.hidden, depth=settings.depth)

    def tokenise(self, features: Tensor) -> Tensor:
        """The features are their own tokens: (B, W)."""
        return features

    def mix(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """Features and which modalities each view sees, (B, V, M) bool -> (B, V, U)."""
        known = torch.where(columns(seen, self.widths), tokens[:, None], 0.0)  # (B, V, W)
        return layer_norm(self.head(torch.cat([known, seen], -1)).float(), (self.unified,))


def build(shapes: list[Shape], unified: int, settings: Settings) -> Fusion:
    """An untrained fusion."""
    return Fusion(shapes, unified, settings)


def fit(
    dataset: FeatureDataset, settings: Settings, learning: Learning, *,
    seed: int, state: Path, private: Private | None = None,
) -> tuple[Fusion, Curve]:  # fmt: skip
    """Learn to fuse the modalities of `dataset`; returns the fusion and its loss curve."""
    fusion = build(dataset.shapes, learning.unified_width, settings)
    return fusion, fit_by_prediction(fusion, dataset, learning, seed=seed, state=state, private=private)
