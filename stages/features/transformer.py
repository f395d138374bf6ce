"""A codec of captions whose features are tokens, one for each of the caption's: nothing has to be squeezed together.

Each token of the vocabulary has a code of D numbers, of mean 0 and variance 1, which is learned; the codes of a caption
are its features. So captions come back whole whatever words they have, also where training never saw these.
The writer sees the codes with noise on them and gives each token a score: how near its code lies, and what a
transformer adds that sees the whole caption. This begins at zero, so the codec begins as the nearest code, which is the
likeliest of tokens that are as frequent as each other; the context is what is learned. All tokens are written at once.
Source of diffusion on learned codes of tokens: Diffusion-LM, Li et al. 2022, arXiv:2205.14217, section 4.2.
Axes: B batch, T token but the first, which is START, D features of a token, E width of the writer, V vocabulary.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import PositiveInt
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, layer_norm

from stages.common.params import Strict
from stages.common.special_tokens import END, PAD, START
from stages.features.bottleneck import Bottleneck
from stages.features.chunked_items import Items, chunk_size
from stages.learning.curve import Curve
from stages.learning.data_parallel import data_parallel
from stages.learning.device import take_rows, to_device
from stages.learning.networks import ZeroLinear, initialise
from stages.learning.privacy import Private
from stages.learning.training import add_noise, optimise, stream
from stages.learning.transformer_block import Block

LEAST_NOISE = 0.1  # at which nearness is measured, if captions are learned with less


class Settings(Strict):
    """Section `extract.text.transformer`."""

    hidden: PositiveInt  # E
    depth: PositiveInt  # blocks


class Transformer(nn.Module):
    """(1 + T,) tokens <-> (T, D) features."""

    sizes = None  # all features count alike

    def __init__(self, length: int, vocabulary: int, width: int, noise: float, settings: Settings) -> None:
        super().__init__()
        self.length, self.width, self.noise = length, width, max(noise, LEAST_NOISE)
        self.card = {
            "shape": [length], "vocabulary": vocabulary, "width": width, "noise": noise,
            "settings": settings.model_dump(),
        }  # fmt: skip
        self.embed = nn.Embedding(vocabulary, width)
        self.enter, self.leave = nn.Linear(width, settings.hidden), ZeroLinear(settings.hidden, width)
        self.embed_place = nn.Parameter(torch.zeros(length - 1, settings.hidden))
        self.blocks = nn.Sequential(*(Block(settings.hidden) for _ in range(settings.depth)))
        self.norm = nn.LayerNorm(settings.hidden)

    def codes(self) -> Tensor:
        """(V, D)."""
        return layer_norm(self.embed.weight, (self.width,))

    def features(self, tokens: Tensor) -> Tensor:
        """(B, 1 + T) -> (B, T, D)."""
        return layer_norm(self.embed(tokens[:, 1:]), (self.width,))

    def scores(self, features: Tensor) -> Tensor:
        """Log probabilities but for a constant: (B, T, D) -> (B, T, V)."""
        seen = self.blocks(self.enter(features) + self.embed_place)  # (B, T, E)
        moved = features / self.noise**2 + self.leave(self.norm(seen))
        return moved @ self.codes().T

    def encode(self, tokens: np.ndarray) -> Tensor:
        """(B, 1 + T) uint16 -> (B, T, D) features, on the CPU."""
        size = chunk_size(self.length * self.width)
        return torch.cat([self.features(part).cpu() for part in self.known(tokens).split(size)])

    def known(self, tokens: np.ndarray) -> Tensor:
        """(B, 1 + T) uint16 -> (B, 1 + T) int64 beside the weights; what training has not seen is nothing."""
        seen = np.where(tokens < self.embed.num_embeddings, tokens, PAD)
        return torch.from_numpy(seen.astype(np.int64)).to(self.embed.weight.device)

    def decode(self, features: Tensor) -> np.ndarray:
        """(B, T, D) features -> (B, 1 + T) uint16: the likeliest token of each place, until END."""
        size = chunk_size(self.length * self.embed.num_embeddings)
        chosen = [self.scores(part.to(self.embed.weight.device)).argmax(-1) for part in features.split(size)]
        tokens = torch.cat(chosen).cpu()  # (B, T)
        over = (tokens == END).cumsum(1) - (tokens == END).long()  # after an END
        start = torch.full((len(tokens), 1), START)
        return torch.cat([start, tokens.masked_fill(over > 0, PAD)], 1).numpy().astype(np.uint16)


def build(card: Mapping[str, Any]) -> Transformer:
    """The codec that a card describes, untrained."""
    settings = Settings(**card["settings"])
    return Transformer(card["shape"][0], card["vocabulary"], card["width"], card["noise"], settings)


def fit(
    bottleneck: Bottleneck, settings: Settings, items: Items, held: Items | None = None, *,
    seed: int, name: str, state: Path, private: Private | None = None,
) -> tuple[Transformer, Curve]:  # fmt: skip
    """Learn a codec from (N, 1 + T) uint16 `items`; returns it and its loss curve.

    Of the states of the training it is the one that loses least of the items `held` out; the last, if there are none.
    """
    captions = items[:].astype(np.int64)  # they are short: all of them fit into memory
    tokens = to_device(torch.from_numpy(captions))
    model = Transformer(tokens.shape[1], int(captions.max()) + 1, bottleneck.width, bottleneck.noise, settings)
    initialise(model, stream(seed, f"{name}/weights"))

    def surprise(batch: Tensor, stream: Generator) -> Tensor:
        noised = add_noise(data_parallel(model.features, batch), bottleneck.noise, stream)
        return cross_entropy(data_parallel(model.scores, noised).flatten(0, 1).float(), batch[:, 1:].flatten())

    def loss(stream: Generator, rows: Tensor | None = None) -> dict[str, Tensor]:
        if rows is None:
            rows = torch.randint(len(tokens), (bottleneck.batch,), generator=stream, device=stream.device)
        return {"reconstruction": surprise(take_rows(tokens, rows), stream)}

    def score(held: Items) -> float:
        """How much the held-out tokens surprise the writer, always under the same noise."""
        chance, known = stream(seed, f"{name}/validation"), model.known(held[:])
        with torch.no_grad():
            parts = known.split(chunk_size(model.length * model.embed.num_embeddings))
            return sum(surprise(part, chance).item() * len(part) for part in parts) / len(known)

    measure = None if held is None else partial(score, held)
    return model, optimise(model, loss, bottleneck, seed=seed, name=name, state=state, score=measure, private=private)
