"""Fusion by gates: each modality says what it means and how much it should count.

A perceptron for each modality gives values and gates, dimension by dimension; the values of what is seen are
averaged with weights that are the softmax of the gates over what is seen, one constant modality included, so that
the empty subset has a representation too.
Source: gated multimodal units, Arevalo et al. 2017, arXiv:1702.01992, section 3, whose gates see all modalities;
here a gate sees its own alone, so that any subset can be fused.
Axes: B batch, V view, M modality, D token width, U unified width.
"""

import math
from pathlib import Path

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from stages.common.params import Strict
from stages.fusion.dataset import FeatureDataset, Shape
from stages.fusion.objective import Learning, NetworkFusion, fit_by_prediction
from stages.fusion.token_reader import reader
from stages.learning.curve import Curve
from stages.learning.masks import with_constant
from stages.learning.networks import Perceptron
from stages.learning.privacy import Private


class Settings(Strict):
    """Section `fuse.gated`."""

    token_width: PositiveInt  # D, values and gates of a modality
    hidden: PositiveInt  # width of the perceptrons
    depth: PositiveInt  # residual blocks of each


class Fusion(NetworkFusion):
    def __init__(self, shapes: list[Shape], unified: int, settings: Settings) -> None:
        super().__init__(shapes, unified)
        width, across = settings.token_width, {"width": settings.hidden, "depth": settings.depth}
        self.tokens = nn.ModuleList(reader(shape, 2 * width, **across) for shape in shapes)
        self.always = nn.Parameter(torch.zeros(2 * width))
        self.head = Perceptron(width, unified, **across)

    def tokenise(self, features: Tensor) -> Tensor:
        """(B, W) features -> (B, 1 + M, 2 D) values and gates, the constant modality first."""
        parts = zip(self.tokens, features.split(self.widths, -1), strict=True)
        return torch.stack([self.always.expand(features.shape[0], -1), *(token(part) for token, part in parts)], 1)

    def mix(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """Values and gates and which modalities each view sees, (B, V, M) bool -> (B, V, U)."""
        value, gate = tokens.float()[:, None].chunk(2, -1)  # (B, 1, 1 + M, D) each
        hidden = ~with_constant(seen)[..., None]  # (B, V, 1 + M, 1)
        weight = gate.masked_fill(hidden, -math.inf).softmax(2)  # (B, V, 1 + M, D)
        value = value.masked_fill(hidden, 0.0)  # a missing modality is never read
        return layer_norm(self.head((weight * value).sum(2)).float(), (self.unified,))


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
