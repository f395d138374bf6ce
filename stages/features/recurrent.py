"""A recurrent codec of captions: a perceptron reads a caption into D features, a recurrent decoder writes it back.

The decoder is autoregressive: each token depends on the features and on the tokens before it. As in
`autoencoder.py` it is trained on noised features.
Source of the decoder: gated recurrent units, Cho et al. 2014, arXiv:1406.1078.
Axes: B batch, T token, D features, V vocabulary.
"""

from collections.abc import Callable, Mapping
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
from stages.learning.networks import Perceptron, initialise
from stages.learning.privacy import Private
from stages.learning.training import add_noise, optimise, stream

CHUNK = 4096  # captions read together


class Settings(Strict):
    """Section `extract.text.recurrent`."""

    token_width: PositiveInt  # of a token's embedding
    hidden: PositiveInt  # width of reader and writer
    depth: PositiveInt  # residual blocks of the reader


class Recurrent(nn.Module):
    """(T,) tokens <-> D features. Features have mean 0 and variance 1 over D."""

    sizes = None  # all features count alike

    def __init__(self, length: int, vocabulary: int, width: int, settings: Settings) -> None:
        super().__init__()
        self.length, self.width = length, width
        self.card = {
            "shape": [length], "vocabulary": vocabulary, "width": width, "settings": settings.model_dump()
        }  # fmt: skip
        self.embed_read = nn.Embedding(vocabulary, settings.token_width)
        self.embed_write = nn.Embedding(vocabulary, settings.token_width)
        self.reader = Perceptron(length * settings.token_width, width, width=settings.hidden, depth=settings.depth)
        self.start = nn.Linear(width, settings.hidden)
        self.writer = nn.GRU(settings.token_width + width, settings.hidden, batch_first=True)
        self.choose = nn.Linear(settings.hidden, vocabulary)

    def features(self, tokens: Tensor) -> Tensor:
        read = self.reader(self.embed_read(tokens).flatten(1))  # (B, T x E) -> (B, D)
        return layer_norm(read.float(), (self.width,))

    def logits(self, features: Tensor, before: Tensor) -> Tensor:
        """Scores of the next token after each of `before` (B, T): (B, T, V)."""
        repeated = features[:, None].expand(-1, before.shape[1], -1)  # (B, T, D)
        inputs = torch.cat([self.embed_write(before), repeated], -1)
        hidden, _ = self.writer(inputs, self.start(features).tanh()[None])  # (B, T, H)
        scores: Tensor = self.choose(hidden)
        return scores

    def encode(self, tokens: np.ndarray) -> Tensor:
        """(B, T) uint16 -> (B, D) features."""
        return torch.cat([self.features(part).cpu() for part in self.known(tokens).split(CHUNK)])

    def known(self, tokens: np.ndarray) -> Tensor:
        """(B, T) uint16 -> (B, T) int64 beside the weights; what training has not seen is nothing."""
        seen = np.where(tokens < self.embed_read.num_embeddings, tokens, PAD)
        return torch.from_numpy(seen.astype(np.int64)).to(self.choose.weight.device)

    def decode(self, features: Tensor) -> np.ndarray:
        """(B, D) features -> (B, T) uint16: the likeliest next token, again and again, until END."""
        features = features.to(self.choose.weight.device)
        token = torch.full((len(features), 1), START, device=features.device)
        hidden, written = self.start(features).tanh()[None], [token]
        for _ in range(self.length - 1):
            inputs = torch.cat([self.embed_write(token), features[:, None]], -1)  # (B, 1, E + D)
            output, hidden = self.writer(inputs, hidden)
            over = (written[-1] == END) | (written[-1] == PAD)
            token = self.choose(output).argmax(-1).masked_fill(over, PAD)  # (B, 1)
            written.append(token)
        return torch.cat(written, 1).cpu().numpy().astype(np.uint16)


def build(card: Mapping[str, Any]) -> Recurrent:
    """The codec that a card describes, untrained."""
    return Recurrent(card["shape"][0], card["vocabulary"], card["width"], Settings(**card["settings"]))


def fit(
    bottleneck: Bottleneck, settings: Settings, items: Items, held: Items | None = None, *,
    seed: int, name: str, state: Path, private: Private | None = None,
) -> tuple[Recurrent, Curve]:  # fmt: skip
    """Learn a codec from (N, T) uint16 `items`; returns it and its loss curve.

    Of the states of the training it is the one that loses least of the items `held` out; the last, if there are none.
    """
    captions = items[:].astype(np.int64)  # they are short: all of them fit into memory
    tokens = to_device(torch.from_numpy(captions))
    model = Recurrent(tokens.shape[1], int(captions.max()) + 1, bottleneck.width, settings)
    initialise(model, stream(seed, f"{name}/weights"))

    def loss(stream: Generator, rows: Tensor | None = None) -> dict[str, Tensor]:
        if rows is None:
            rows = torch.randint(len(tokens), (bottleneck.batch,), generator=stream, device=stream.device)
        batch = take_rows(tokens, rows)
        features = data_parallel(model.features, batch)
        noised = add_noise(features, bottleneck.noise, stream)
        scores = data_parallel(model.logits, noised, batch[:, :-1])  # (B, T - 1, V)
        return {"reconstruction": cross_entropy(scores.flatten(0, 1).float(), batch[:, 1:].flatten(), ignore_index=PAD)}

    score = None if held is None else validation_loss(model, held)
    return model, optimise(model, loss, bottleneck, seed=seed, name=name, state=state, score=score, private=private)


def validation_loss(model: Recurrent, held: Items) -> Callable[[], float]:
    """What measures how much the tokens of the captions surprise the model as it is now.

    Not the share that it gets wrong: of few captions many states get all tokens right, and the first is not the best.
    """
    captions = held[:]

    def score() -> float:
        with torch.no_grad():
            tokens, surprise = model.known(captions), 0.0
            for part in tokens.split(chunk_size(model.length * model.choose.out_features)):
                scores = model.logits(model.features(part), part[:, :-1]).flatten(0, 1)
                surprise += cross_entropy(scores, part[:, 1:].flatten(), ignore_index=PAD, reduction="sum").item()
            return surprise / int((tokens[:, 1:] != PAD).sum().clamp(min=1))

    return score
