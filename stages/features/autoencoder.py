"""A deterministic autoencoder whose features are regularised by noise.

A fixed linear map onto the leading principal components takes the pictures' and spectra's redundancy away, an encoder
goes on to D normalised features, and its mirror comes back. Each is a linear map and a perceptron beside it: at first
the D leading components, of variance 1, and nothing, so that only what a PCA lacks is to be learned. The decoder only
ever sees features with noise on them, so it learns to decode a whole neighbourhood alike: a generator's small errors
decode well. Items that were held out tell which state of the training is the best.
Under privacy the map goes onto fixed cosines (`cosines.py`).
Sources of the ideas: denoising autoencoders (Vincent et al. 2010), here with the noise on the features; residual
branches that begin at zero (Zhang et al. 2019, arXiv:1901.09321).
Axes: B batch, P values of an item, K principal components, D features.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import PositiveInt
from torch import Generator, Tensor, nn
from torch.nn.functional import layer_norm, mse_loss

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.features import cosines
from stages.features.bottleneck import Bottleneck
from stages.features.chunked_items import Items, chunk_size, chunks
from stages.features.linear import Linear
from stages.features.randomised_pca import PCA, fit_pca, levels
from stages.learning.curve import Curve
from stages.learning.data_parallel import data_parallel
from stages.learning.device import device, take_rows, to_device
from stages.learning.networks import Perceptron, initialise
from stages.learning.privacy import Private
from stages.learning.training import add_noise, optimise, stream

LEVELS = 255.0  # both pictures and spectra come as bytes


class Settings(Strict):
    """Sections `extract.image.autoencoder` and `extract.audio.autoencoder`."""

    components: PositiveInt  # K, principal components in front, as far as the items have so many
    hidden: PositiveInt  # width of the perceptrons
    depth: PositiveInt  # residual blocks of each


class LinearWithResidual(nn.Module):
    """(B, inputs) -> (B, outputs): a linear map, and what a perceptron adds to it."""

    def __init__(self, inputs: int, outputs: int, *, width: int, depth: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.rest = Perceptron(inputs, outputs, width=width, depth=depth)

    def forward(self, x: Tensor) -> Tensor:
        mapped: Tensor = self.linear(x) + self.rest(x)
        return mapped

    def begin(self, scales: Tensor) -> None:
        """Each input times its scale, (min(inputs, outputs),), is the output of the same number."""
        with torch.no_grad():
            self.linear.weight.zero_()
            self.linear.weight.diagonal().copy_(scales)
            nn.init.zeros_(self.rest.get_parameter(f"{len(self.rest) - 1}.weight"))


class Autoencoder(nn.Module):
    """Bytes of an item <-> D features. Features have mean 0 and variance 1 over D."""

    sizes = None  # all features count alike
    middle: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...], width: int, settings: Settings) -> None:
        super().__init__()
        size, components = int(np.prod(shape)), settings.components
        self.shape, self.width = shape, width
        self.card = {"shape": list(shape), "width": width, "settings": settings.model_dump()}
        self.register_buffer("middle", torch.zeros(size))
        self.register_buffer("basis", torch.zeros(components, size))
        self.register_buffer("scale", torch.ones(()))
        across = {"width": settings.hidden, "depth": settings.depth}
        self.encoder = LinearWithResidual(components, width, **across)
        self.decoder = LinearWithResidual(width, components, **across)

    def plain(self, items: Items, private: Private) -> Linear:
        """The cosines that it began with, as a codec; from the same look at the items, so it tells no more of them."""
        found = cosines.look(items, len(self.basis), private)
        made = Linear(self.shape, self.width, None)
        lacking = max(0, self.width - len(found.variances))  # features that vary in no way
        components = nn.functional.pad(found.components[: self.width], (0, 0, 0, lacking))
        made.set_components(PCA(found.mean, components, nn.functional.pad(found.variances[: self.width], (0, lacking))))
        return made.to(self.middle.device)

    def project(self, items: np.ndarray) -> Tensor:
        """(B, *shape) uint8 -> (B, K) principal components."""
        values = levels(items).to(self.middle.device)  # (B, P)
        return (values - self.middle) @ self.basis.T / self.scale

    def features(self, components: Tensor) -> Tensor:
        return layer_norm(self.encoder(components).float(), (self.width,))  # (B, D)

    def encode(self, items: np.ndarray) -> Tensor:
        """(B, *shape) uint8 -> (B, D) features, on the CPU."""
        return torch.cat([self.features(self.project(part)).cpu() for part in chunks(items)])

    def decode(self, features: Tensor) -> np.ndarray:
        """(B, D) features -> (B, *shape) uint8."""
        return np.concatenate([self.restored(part) for part in features.split(chunk_size(len(self.middle)))])

    def restored(self, features: Tensor) -> np.ndarray:
        components = self.decoder(features.to(self.middle.device)).float()  # (B, K)
        values = components * self.scale @ self.basis + self.middle  # (B, P)
        made = (values * LEVELS).round().clamp(0, LEVELS).to(torch.uint8)
        return made.cpu().numpy().reshape(-1, *self.shape)


def build(card: Mapping[str, Any]) -> Autoencoder:
    """The codec that a card describes, untrained."""
    return Autoencoder(tuple(card["shape"]), card["width"], Settings(**card["settings"]))


def fit(
    bottleneck: Bottleneck, settings: Settings, items: Items, held: Items | None = None, *,
    seed: int, name: str, state: Path, private: Private | None = None,
) -> tuple[Autoencoder, Curve]:  # fmt: skip
    """Learn a codec from (N, *shape) uint8 `items`; returns it and its loss curve.

    Of the states of the training it is the one that loses least of the items `held` out; the last, if there are none.
    """
    most = int(np.prod(items.shape[1:])) if private else min(len(items), int(np.prod(items.shape[1:])))
    settings = settings.model_copy(update={"components": min(settings.components, most)})
    model = Autoencoder(items.shape[1:], bottleneck.width, settings)
    initialise(model, stream(seed, f"{name}/weights"))
    model.to(device())
    if private is None:
        begin_as(model, fit_pca(items, len(model.basis), draws(seed, f"{name}/components")))
    else:
        begin_as(model, cosines.look(items, len(model.basis), private))
    components = to_device(torch.cat([model.project(part).cpu() for part in chunks(items)]))  # (N, K)

    def loss(stream: Generator, rows: Tensor | None = None) -> dict[str, Tensor]:
        if rows is None:
            rows = torch.randint(len(components), (bottleneck.batch,), generator=stream, device=stream.device)
        batch = take_rows(components, rows)
        features = data_parallel(model.features, batch)
        made = data_parallel(model.decoder, add_noise(features, bottleneck.noise, stream))
        return {"reconstruction": mse_loss(made.float(), batch)}

    score = None if held is None else validation_loss(model, held)
    return model, optimise(model, loss, bottleneck, seed=seed, name=name, state=state, score=score, private=private)


def validation_loss(model: Autoencoder, held: Items) -> Callable[[], float]:
    """What measures how much of the items the model loses now; of their principal components, which are all it gets."""
    components = torch.cat([model.project(part) for part in chunks(held)])  # (N, K)

    def score() -> float:
        with torch.no_grad():
            given = components.to(model.middle.device)
            return mse_loss(model.decoder(model.features(given)).float(), given).item()

    return score


def begin_as(model: Autoencoder, found: PCA) -> None:
    """Set the fixed linear map, and begin with the leading components as features."""
    model.middle.copy_(found.mean)
    model.basis.copy_(found.components)
    scale = found.variances.mean().sqrt()
    model.scale.copy_(scale)
    spread = (found.variances.sqrt() / scale)[: model.width]
    model.encoder.begin(torch.where(spread > 0, 1 / spread, 0))
    model.decoder.begin(spread)
