"""The identity codec: the features of an item are its levels, from -1 to 1. Nothing is learned.

For generators that make pictures (or spectra) themselves, as the article's do.
Axes: B batch, P values of an item.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stages.common.params import Strict
from stages.features.bottleneck import Bottleneck
from stages.features.chunked_items import Items

HALF = 127.5  # of the levels of a byte


class Settings(Strict):
    """Sections `extract.image.pixels` and `extract.audio.pixels`: there is nothing to set, not the width either."""


class Pixels(nn.Module):
    """Bytes of an item <-> P features in [-1, 1], the range of a hyperbolic tangent."""

    sizes = None  # all features count alike

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.card = {"shape": list(shape)}

    def encode(self, items: np.ndarray) -> Tensor:
        """(B, *shape) uint8 -> (B, P)."""
        return torch.tensor(items, dtype=torch.float32).flatten(1) / HALF - 1

    def decode(self, features: Tensor) -> np.ndarray:
        """(B, P) -> (B, *shape) uint8."""
        levels = ((features + 1) * HALF).round().clamp(0, 2 * HALF).to(torch.uint8)
        return levels.cpu().numpy().reshape(-1, *self.shape)


def build(card: Mapping[str, Any]) -> Pixels:
    """The codec that a card describes."""
    return Pixels(tuple(card["shape"]))


def fit(
    bottleneck: Bottleneck, settings: Settings, items: Items, held: Items | None = None, *,
    seed: int, name: str, state: Path,
) -> tuple[Pixels, None]:  # fmt: skip
    """The codec of (N, *shape) uint8 `items`, and no loss curve."""
    return Pixels(tuple(items.shape[1:])), None
