"""How much of an item survives its codec, beside the linear codec of the same width; and which of the two is kept.

Pictures and spectra: mean squared error, levels scaled to [0, 1]. Captions: share of wrong tokens, where the
linear map works on one-hot tokens and the likeliest token is taken.
Axes: N items, T tokens.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from stages.features.chunked_items import Items, chunks
from stages.learning.validation import FEWEST


class Codec(Protocol):
    """What every codec can do, learned or not."""

    card: dict[str, Any]

    @property
    def sizes(self) -> Tensor | None: ...  # (W,), that each feature has in the item; None: all the same

    def encode(self, items: np.ndarray) -> Tensor: ...
    def decode(self, features: Tensor) -> np.ndarray: ...


def encoded(codec: Codec, items: Items) -> np.ndarray:
    """(N, D) features of items that need not fit into memory."""
    with torch.no_grad():
        return np.concatenate([codec.encode(part).numpy() for part in chunks(items)])


def losses(items: np.ndarray, made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) each: squared errors of an item's levels, or its wrong tokens, and how many there are of either."""
    if items.dtype == np.uint16:  # (N, T) tokens
        return ((made != items) & (items > 0)).sum(1), (items > 0).sum(1)
    gap = (made.reshape(len(made), -1).astype(np.float32) - items.reshape(len(items), -1)) / 255
    return (gap**2).sum(1, dtype=np.float64), np.full(len(items), gap.shape[1])


def losses_of(codec: Codec, items: Items) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The losses of items that go through the codec and back, piece by piece."""
    with torch.no_grad():
        for part in chunks(items):
            yield losses(part, codec.decode(codec.encode(part)))


def error(codec: Codec, items: Items) -> float:
    """Their mean."""
    wrong, size = np.sum([(wrong.sum(), size.sum()) for wrong, size in losses_of(codec, items)], axis=0)
    return float(wrong / size)


def choose(learned: Codec, linear: Codec | None, held: Items) -> tuple[Codec, dict[str, Any]]:
    """The codec that loses less of the items `held` out, and the record of it.

    With fewer than FEWEST of them, or no other, it is the learned one, in its last state, whatever it loses.
    """
    if len(held) < FEWEST or linear is None:
        return learned, {"kept": "learned", "validation": {"items": len(held)}}
    both = {"learned": error(learned, held), "pca": error(linear, held)}
    kept = "learned" if both["learned"] <= both["pca"] else "linear"
    return learned if kept == "learned" else linear, {"kept": kept, "validation": both | {"items": len(held)}}
