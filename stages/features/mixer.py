"""Principal components, and what a mixer of patches adds to the picture that they restore.

The features are the D leading principal components, each of variance 1. The decoder goes back to the levels and adds a
residual that is learned: the restored picture is cut into patches, a token each; tokens are mixed, then the values
within each token, and the patches that come out are added. Every branch begins at zero, so the codec begins as the PCA
and is kept only where it is better. It sees features with noise on them, so a generator's small errors decode well.
Mixing costs a tenth of convolutions of the same width and each patch sees the whole picture, which is what centred
pictures want.
Sources: MLP-Mixer (Tolstikhin et al. 2021, arXiv:2105.01601, section 2); residual branches that begin at zero (Zhang et
al. 2019, arXiv:1901.09321).
Axes: B batch, P values of an item, D features, C channels, H W picture, N tokens, E width of a token.
"""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import PositiveInt
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss, pad, pixel_shuffle, pixel_unshuffle

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.features.bottleneck import Bottleneck
from stages.features.chunked_items import Items, chunk_size, chunks, sampled
from stages.features.linear import Linear
from stages.features.randomised_pca import fit_pca, levels
from stages.learning.curve import Curve
from stages.learning.data_parallel import data_parallel
from stages.learning.device import device, take_rows, to_device
from stages.learning.networks import Within, ZeroLinear, initialise
from stages.learning.training import add_noise, optimise, stream

MOST = 2**29  # bytes of items that are learned from; of more, a random choice
PROBED = 1000  # items that show how much the components lack
FINEST = 1 / 255  # a level: components that lack less, as of few items, need no more


class Settings(Strict):
    """Sections `extract.image.mixer` and `extract.audio.mixer`."""

    patch: PositiveInt  # side of a patch
    hidden: PositiveInt  # E, width of a patch's token
    depth: PositiveInt  # blocks


class Block(nn.Module):
    """x + mix(norm(x)) over the tokens, then x + W2 silu(W1 norm(x)) within each: (B, N, E) -> (B, N, E)."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.norm, self.mix = nn.LayerNorm(width), ZeroLinear(tokens, tokens)
        self.norm_within, self.within = nn.LayerNorm(width), Within(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mix(self.norm(x).mT).mT
        changed: Tensor = x + self.within(self.norm_within(x))
        return changed


class Mixer(nn.Module):
    """(B, C, H, W) -> (B, C, H, W); H and W may be any.

    Every branch, and what comes out, is zero at first: drawn at random, they took a thousand steps to get going.
    """

    def __init__(self, picture: tuple[int, ...], settings: Settings) -> None:
        """`picture` is the shape of one: H, W, C."""
        super().__init__()
        self.patch, (height, width, channels) = settings.patch, picture
        self.rows, self.columns = math.ceil(height / settings.patch), math.ceil(width / settings.patch)
        values = channels * settings.patch**2
        self.enter, self.leave = nn.Linear(values, settings.hidden), ZeroLinear(settings.hidden, values)
        self.blocks = nn.Sequential(*(Block(self.rows * self.columns, settings.hidden) for _ in range(settings.depth)))
        self.norm = nn.LayerNorm(settings.hidden)

    def forward(self, pictures: Tensor) -> Tensor:
        height, width = pictures.shape[2:]
        padded = pad(pictures, (0, self.columns * self.patch - width, 0, self.rows * self.patch - height))
        tokens = pixel_unshuffle(padded, self.patch).flatten(2).mT  # (B, N, C x patch x patch)
        made = self.leave(self.norm(self.blocks(self.enter(tokens)))).mT.unflatten(2, (self.rows, self.columns))
        return pixel_shuffle(made, self.patch)[:, :, :height, :width]


class MixerCodec(Linear):
    """Bytes of an item <-> D features."""

    lacking: Tensor  # root mean square of what the components lack, levels from 0 to 1: the unit of the residual

    def __init__(self, shape: tuple[int, ...], width: int, settings: Settings) -> None:
        super().__init__(shape, width, None)
        self.card = {"shape": list(shape), "width": width, "settings": settings.model_dump()}
        self.picture = shape if len(shape) == 3 else (*shape, 1)  # (H, W, C); a spectrum has one channel
        self.residual = Mixer(self.picture, settings)
        self.register_buffer("lacking", torch.ones(()))

    def values(self, features: Tensor) -> Tensor:
        """(B, D) -> (B, P), on the device."""
        restored = super().values(features)
        pictures = restored.unflatten(1, self.picture).movedim(3, 1)  # (B, C, H, W)
        return restored + self.lacking * self.residual(pictures).movedim(1, 3).flatten(1).float()


def build(card: Mapping[str, Any]) -> MixerCodec:
    """The codec that a card describes, untrained."""
    return MixerCodec(tuple(card["shape"]), card["width"], Settings(**card["settings"]))


def fit(
    bottleneck: Bottleneck, settings: Settings, items: Items, held: Items | None = None, *,
    seed: int, name: str, state: Path,
) -> tuple[MixerCodec, Curve]:  # fmt: skip
    """Learn a codec from (N, *shape) uint8 `items`; returns it and its loss curve.

    Of the states of the training it is the one that loses least of the items `held` out; the last, if there are none.
    """
    model = MixerCodec(items.shape[1:], bottleneck.width, settings)
    initialise(model, stream(seed, f"{name}/weights"))
    model.set_components(fit_pca(items, bottleneck.width, draws(seed, f"{name}/components")))
    model.to(device())
    known = sampled(items, MOST // math.prod(items.shape[1:]), draws(seed, f"{name}/items"))
    pictures = to_device(torch.from_numpy(known.reshape(len(known), -1)))  # (N, P) uint8
    features = to_device(torch.cat([model.encode(part) for part in chunks(known)]))  # (N, D)
    model.lacking.copy_(max(FINEST, mean_loss(model, known[:: max(1, len(known) // PROBED)]) ** 0.5))

    def loss(stream: Generator) -> dict[str, Tensor]:
        which = torch.randint(len(features), (bottleneck.batch,), generator=stream, device=stream.device)
        noised = add_noise(take_rows(features, which), bottleneck.noise, stream)
        lost = mse_loss(data_parallel(model.values, noised), take_rows(pictures, which) / 255)
        return {"reconstruction": lost / model.lacking**2}  # 1: no better than the components

    def score(held: np.ndarray) -> float:
        return mean_loss(model, held) / model.lacking.item() ** 2

    measure = None if held is None else partial(score, held[:])
    return model, optimise(model, loss, bottleneck, seed=seed, name=name, state=state, score=measure)


def mean_loss(model: MixerCodec, items: np.ndarray) -> float:
    """The mean squared error of items (N, *shape) that go through the codec as it is now."""
    size, lost = chunk_size(math.prod(items.shape[1:])), 0.0
    with torch.no_grad():
        for start in range(0, len(items), size):
            part = items[start : start + size]
            made = model.values(model.encode(part).to(device())).cpu()
            lost += mse_loss(made, levels(part), reduction="sum").item()
    return lost / items.size
