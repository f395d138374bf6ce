"""A codec of pictures that learned elsewhere: a folder in Hugging Face's layout, with weights as safetensors.

A team with some hundreds of pictures stands on an autoencoder that has seen millions. It learns nothing more here; its
latents, each moved and scaled to mean 0 and variance 1 over the pictures at hand, are the features: tokens, one a place
of their grid. That takes the place of the scale and the shift in its config, which are the same for all latents.
The weights are kept with the codec, so what was made needs the folder no more.
Source: the autoencoder of latent diffusion, Rombach et al. 2022, arXiv:2112.10752, section 3.1.
Axes: B batch, H W C picture, h w grid of the latents, T = h w token, D channels of the latents.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.features.bottleneck import Bottleneck
from stages.features.chunked_items import Items, chunks, sampled
from stages.features.hugging_face import Source, library, load, read_source
from stages.learning.device import device

ARCHITECTURES = ("AutoencoderKL", "AutoencoderTiny")  # classes of diffusers
WHERE = "extract.image.pretrained.path"
ROOT = Path("models/image")
WEIGHTS = "diffusion_pytorch_model"
BATCH = 16  # pictures at a time
MEASURED = 2000  # pictures that show how the latents lie
LEAST = 1e-3  # of the largest spread: what varies less, as of a white border, does not vary
HALF = 127.5  # of the levels of a byte; an autoencoder's go from -1 to 1


class Settings(Strict):
    """Section `extract.image.pretrained`."""

    path: str  # folder below models/image


class Pretrained(nn.Module):
    """Bytes of a picture <-> (T, D) features."""

    middle: Tensor
    spread: Tensor

    def __init__(self, shape: tuple[int, ...], source: Source, autoencoder: Any) -> None:
        """Raises ValueError when the autoencoder can't work with pictures of this shape, (H, W, C)."""
        super().__init__()
        self.card = {"shape": list(shape), "source": source}
        self.autoencoder = autoencoder.requires_grad_(False)  # PyTorch takes other kernels where it is to be trained
        self.grid = fitting(self.autoencoder, shape)
        self.register_buffer("middle", torch.zeros(self.grid))
        self.register_buffer("spread", torch.ones(self.grid))

    @property
    def sizes(self) -> Tensor:
        """(T D,): the size that each feature has among the latents."""
        return tokens(self.spread[None]).flatten()

    def latents(self, pictures: np.ndarray) -> Tensor:
        """(B, H, W, C) uint8 -> (B, D, h, w), as the autoencoder has them."""
        levels = torch.from_numpy(pictures).to(self.middle.device).permute(0, 3, 1, 2) / HALF - 1
        with torch.no_grad():
            return torch.cat([encoded(self.autoencoder, part) for part in levels.split(BATCH)])

    def encode(self, pictures: np.ndarray) -> Tensor:
        """(B, H, W, C) uint8 -> (B, T, D) features, on the CPU."""
        return tokens((self.latents(pictures) - self.middle) / self.spread).cpu()

    def decode(self, features: Tensor) -> np.ndarray:
        """(B, T, D) features -> (B, H, W, C) uint8."""
        latents = features.mT.unflatten(2, self.grid[1:]).to(self.middle.device) * self.spread + self.middle
        with torch.no_grad():
            levels = torch.cat([self.autoencoder.decode(part).sample.cpu() for part in latents.split(BATCH)])
        return ((levels + 1) * HALF).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def tokens(latents: Tensor) -> Tensor:
    """(B, D, h, w) -> (B, T, D)."""
    return latents.flatten(2).mT


def encoded(autoencoder: Any, levels: Tensor) -> Tensor:
    """(B, C, H, W) from -1 to 1 -> (B, D, h, w): where the autoencoder is variational, the mean."""
    found = autoencoder.encode(levels)
    latents: Tensor = found.latents if hasattr(found, "latents") else found.latent_dist.mode()
    return latents


def architecture(source: Source) -> Any:
    """The class of diffusers that the config names. Raises ValueError when it is another."""
    name = source["config"].get("_class_name")
    if name not in ARCHITECTURES:
        raise ValueError(f"{WHERE}: expected an {' or '.join(ARCHITECTURES)}, got {name}; take another model")
    with library(WHERE):
        import diffusers  # takes seconds to start, and only this codec needs it

        diffusers.utils.logging.set_verbosity_error()
        return getattr(diffusers, name)


def fitting(autoencoder: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the latents (D, h, w) of a picture (H, W, C). Raises ValueError when it does not come back whole."""
    height, width, channels = shape
    takes = autoencoder.config.in_channels
    if takes != channels:
        raise ValueError(
            f"{WHERE}: expected a model for pictures of {channels} channels, got one for {takes}; "
            "change preprocess.image.colour or take another model"
        )
    with torch.no_grad():
        latents = encoded(autoencoder, torch.zeros(1, channels, height, width))
        made = autoencoder.decode(latents).sample.shape
    if made != (1, channels, height, width):
        raise ValueError(
            f"preprocess.image.size: expected a side that the autoencoder gives back, got {height}, of which it makes "
            f"{made[2]}; set it to {made[2]}"
        )
    return tuple(latents.shape[1:])


def shape_of(settings: Settings, shape: tuple[int, ...]) -> tuple[int, int]:
    """Of the features (T, D) of a picture (H, W, C). Raises ValueError when the folder has no model for it."""
    source = read_source(settings.path, ROOT, WHERE, WEIGHTS)
    width, *grid = Pretrained(shape, source, architecture(source).from_config(source["config"])).grid
    return math.prod(grid), width


def build(card: Mapping[str, Any]) -> Pretrained:
    """The codec that a card describes, of random weights."""
    source = card["source"]
    return Pretrained(tuple(card["shape"]), source, architecture(source).from_config(source["config"]))


def fit(
    bottleneck: Bottleneck, settings: Settings, items: Items, held: Items | None = None, *,
    seed: int, name: str, state: Path,
) -> tuple[Pretrained, None]:  # fmt: skip
    """The autoencoder of the folder, its latents measured on (N, H, W, C) uint8 `items`; and no loss curve."""
    source = read_source(settings.path, ROOT, WHERE, WEIGHTS)
    model = build({"shape": items.shape[1:], "source": source})
    model.autoencoder.load_state_dict(load(architecture(source), source, WHERE, low_cpu_mem_usage=False).state_dict())
    model.to(device()).eval()
    measured = sampled(items, MEASURED, draws(seed, f"{name}/items"))
    latents = torch.cat([model.latents(part) for part in chunks(measured)])
    spread = latents.std(0, correction=0)
    model.middle.copy_(latents.mean(0))
    model.spread.copy_(spread.where(spread > LEAST * spread.max(), torch.ones(())))
    return model, None
