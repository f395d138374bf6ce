"""The linear codec: the features of an item are its leading principal components, each of variance 1.

What every learned codec is measured against, and what stands in for one that has seen too few items to be better.
Captions are linear in which token stands where; the likeliest token is written.
Axes: B batch, P values of an item, D features, T token, V vocabulary.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stages.features.chunked_items import Items, chunk_size, chunks
from stages.features.randomised_pca import PCA, fit_pca, levels
from stages.learning.device import device

LEVELS = 255.0  # both pictures and spectra come as bytes


class Linear(nn.Module):
    """Bytes or tokens of an item <-> D features."""

    middle: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...], width: int, vocabulary: int | None) -> None:
        super().__init__()
        self.shape, self.width, self.vocabulary = shape, width, vocabulary
        self.card = {"codec": "linear", "shape": list(shape), "width": width, "vocabulary": vocabulary}
        size = int(np.prod(shape)) * (vocabulary or 1)
        self.register_buffer("middle", torch.zeros(size))
        self.register_buffer("basis", torch.zeros(width, size))
        self.register_buffer("scale", torch.ones(width))

    @property
    def sizes(self) -> Tensor:
        """(D,): the size that each feature has in the item."""
        return self.scale

    def numbers(self, items: np.ndarray) -> Tensor:
        """(B, *shape) -> (B, P): levels from 0 to 1, or tokens as ones among zeros."""
        if self.vocabulary is None:
            return levels(items)
        tokens = torch.from_numpy(items.astype(np.int64)).clamp(max=self.vocabulary - 1)  # training saw no others
        return nn.functional.one_hot(tokens, self.vocabulary).flatten(1).float()

    def set_components(self, found: PCA) -> None:
        """Take the components for the features."""
        self.middle.copy_(found.mean)
        self.basis.copy_(found.components)
        self.scale.copy_(found.variances.sqrt().where(found.variances > 0, torch.ones(())))

    def encode(self, items: np.ndarray) -> Tensor:
        """(B, *shape) -> (B, D) features, on the CPU."""
        return torch.cat([self.features(part) for part in chunks(items, len(self.middle))])

    def features(self, items: np.ndarray) -> Tensor:
        values = self.numbers(items).to(self.middle.device)  # (B, P)
        return ((values - self.middle) @ self.basis.T / self.scale).cpu()

    def decode(self, features: Tensor) -> np.ndarray:
        """(B, D) features -> (B, *shape) uint8, or uint16 tokens."""
        return np.concatenate([self.restored(part) for part in features.split(chunk_size(len(self.middle)))])

    def values(self, features: Tensor) -> Tensor:
        """(B, D) -> (B, P), on the device."""
        return features * self.scale @ self.basis + self.middle

    def restored(self, features: Tensor) -> np.ndarray:
        values = self.values(features.to(self.middle.device)).cpu()  # (B, P)
        if self.vocabulary is None:
            return (values * LEVELS).round().clamp(0, LEVELS).to(torch.uint8).numpy().reshape(-1, *self.shape)
        return values.unflatten(1, (-1, self.vocabulary)).argmax(-1).numpy().astype(np.uint16)  # (B, T)


def build(card: Mapping[str, Any]) -> Linear:
    """The codec that a card describes, of zeros."""
    return Linear(tuple(card["shape"]), card["width"], card["vocabulary"])


def fit(items: Items, width: int, rng: np.random.Generator) -> Linear:
    """The codec of (N, *shape) uint8 `items`, or of uint16 tokens, with `width` features."""
    tokens = items[:1].dtype == np.uint16
    vocabulary = 1 + max(int(part.max()) for part in chunks(items)) if tokens else None
    model = Linear(tuple(items.shape[1:]), width, vocabulary)
    model.set_components(fit_pca(items, width, rng, model.numbers))
    model.to(device())
    return model
