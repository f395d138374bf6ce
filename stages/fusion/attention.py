"""Fusion by self-attention over modality tokens.

Each observed modality is a token; one more token, always there, lets the empty subset have a representation too.
softmax(Q K^T / sqrt(d_k)) V mixes them (Vaswani et al. 2017, arXiv:1706.03762, section 3.2), and a missing
modality is never read.
Axes: B batch, V view (a subset of what there is), M modality, H head, D token width, U unified width.
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
    """Section `fuse.attention`."""

    token_width: PositiveInt  # D
    heads: PositiveInt  # H, divides D
    hidden: PositiveInt  # width of the perceptrons around the attention
    depth: PositiveInt  # residual blocks of each


class Fusion(NetworkFusion):
    def __init__(self, shapes: list[Shape], unified: int, settings: Settings) -> None:
        super().__init__(shapes, unified)
        width, across = settings.token_width, {"width": settings.hidden, "depth": settings.depth}
        self.heads = settings.heads
        self.tokens = nn.ModuleList(reader(shape, width, **across) for shape in shapes)
        self.always = nn.Parameter(torch.zeros(width))
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.head = Perceptron(width, unified, **across)

    def tokenise(self, features: Tensor) -> Tensor:
        """(B, W) features -> (B, 1 + M, 4 D): tokens, the constant one first, with their queries, keys and values.

        None of these depends on what is seen, so they serve every subset.
        """
        parts = zip(self.tokens, features.split(self.widths, -1), strict=True)
        tokens = torch.stack([self.always.expand(features.shape[0], -1), *(token(part) for token, part in parts)], 1)
        return torch.cat([tokens, self.qkv(self.norm(tokens))], -1)

    def mix(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """What `tokenise` gives, and which modalities each view sees, (B, V, M) bool -> (B, V, U)."""
        tokens, seen = prepared(tokens, seen)
        own, _, _, value = tokens.chunk(4, -1)  # (B, 1 + M, D) each
        weight = self.attend(tokens, seen)  # (B, H, V, 1 + M)
        attended = (weight @ self.by_head(value)).transpose(1, 2).flatten(2)  # (B, V, D)
        mean = seen / seen.sum(-1, keepdim=True) @ own + self.out(attended)  # (B, V, D)
        return layer_norm(self.head(mean).float(), (self.unified,))

    def weights(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features and (B, M) bool -> (B, 1 + M): what the representation attends to, summing to one.

        The mean over heads; the constant token first.
        """
        return self.attend(*prepared(self.tokenise(features * self.scale), seen[:, None])).mean(1)[:, 0]

    def attend(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """How much each view reads each token, (B, H, V, 1 + M): the mean over the tokens that it sees.

        What follows is linear in the values until the mean of all tokens is taken, so the mean can be taken here.
        """
        _, query, key, _ = (self.by_head(part) for part in tokens.chunk(4, -1))  # (B, H, 1 + M, D / H) each
        score = query @ key.mT / math.sqrt(key.shape[-1])  # (B, H, 1 + M, 1 + M), the same for every view
        seen = seen[:, None]  # (B, 1, V, 1 + M)
        score = score[:, :, None].masked_fill(~seen[..., None, :], -math.inf)  # a missing modality is never read
        return (score.softmax(-1) * seen[..., None]).sum(-2) / seen.sum(-1, keepdim=True)

    def by_head(self, values: Tensor) -> Tensor:
        """(B, 1 + M, D) -> (B, H, 1 + M, D / H)."""
        return values.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def prepared(tokens: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens, nothing in place of what no view sees, even of what is no number; (B, V, 1 + M), the constant seen."""
    seen = with_constant(seen)
    return tokens.masked_fill(~seen.any(1)[..., None], 0.0), seen


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
