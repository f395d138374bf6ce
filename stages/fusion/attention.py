"""Fusion by self-attention over modality tokens.

Each observed modality is a token; one more token, always there, lets the empty subset have a representation too.
softmax(Q K^T / sqrt(d_k)) V mixes them (Vaswani et al. 2017, arXiv:1706.03762, section 3.2), and a missing
modality is never read.
Axes: B batch, M modality, H head, D token width, U unified width.
"""

import math
from pathlib import Path

import pandas as pd
import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from stages.common.networks import Perceptron
from stages.common.params import Strict
from stages.features.bank import Bank
from stages.fusion.prediction import Learning, fit_by_prediction


class Settings(Strict):
    """Section `fuse.attention`."""

    token_width: PositiveInt  # D
    heads: PositiveInt  # H, divides D
    hidden: PositiveInt  # width of the perceptrons around the attention
    depth: PositiveInt  # residual blocks of each


class Fusion(nn.Module):
    """Features of any subset of modalities -> one unified representation, mean 0 and variance 1 over U."""

    def __init__(self, widths: list[int], unified: int, settings: Settings) -> None:
        super().__init__()
        width, across = settings.token_width, {"width": settings.hidden, "depth": settings.depth}
        self.widths, self.unified, self.heads = widths, unified, settings.heads
        self.tokens = nn.ModuleList(Perceptron(features, width, **across) for features in widths)
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
        tokens = torch.stack([self.always.expand(len(features), -1), *(token(part) for token, part in parts)], 1)
        return torch.cat([tokens, self.qkv(self.norm(tokens))], -1)

    def mix(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """What `tokenise` gives, and which modalities are seen, (B, M) bool -> (B, U)."""
        tokens, seen = prepared(tokens, seen)
        weight = self.attend(tokens, seen)  # (B, H, 1 + M)
        own, value = tokens.chunk(4, -1)[0], tokens.chunk(4, -1)[3]
        attended = (weight[..., None] * value.unflatten(-1, (self.heads, -1)).transpose(1, 2)).sum(2)  # (B, H, D / H)
        mean = (own * seen[..., None]).sum(1) / seen.sum(1, keepdim=True) + self.out(attended.flatten(1))  # (B, D)
        return layer_norm(self.head(mean).float(), (self.unified,))

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features and (B, M) bool -> (B, U)."""
        return self.mix(self.tokenise(features), seen)

    def weights(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features and (B, M) bool -> (B, 1 + M): what the representation attends to, summing to one.

        The mean over heads; the constant token first.
        """
        return self.attend(*prepared(self.tokenise(features), seen)).mean(1)

    def attend(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """How much each token is read, (B, H, 1 + M): the mean over the tokens that are there, which all count alike.

        What follows is linear in the values until the mean of all tokens is taken, so the mean can be taken here.
        """
        _, query, key, _ = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in tokens.chunk(4, -1))
        score = query @ key.mT / math.sqrt(key.shape[-1])  # (B, H, 1 + M, 1 + M)
        score = score.masked_fill(~seen[:, None, None], -math.inf).softmax(-1)  # a missing modality is never read
        return (score * seen[:, None, :, None]).sum(2) / seen.sum(1)[:, None, None]


def prepared(tokens: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens with nothing where none is seen, not even what is no number, and (B, 1 + M): the constant one is."""
    seen = torch.cat([seen.new_ones(len(seen), 1), seen], 1)
    return tokens.masked_fill(~seen[..., None], 0.0), seen


def build(widths: list[int], unified: int, settings: Settings) -> Fusion:
    """An untrained fusion."""
    return Fusion(widths, unified, settings)


def fit(bank: Bank, settings: Settings, learning: Learning, *, seed: int, state: Path) -> tuple[Fusion, pd.DataFrame]:
    """Learn to fuse the modalities of `bank`; returns the fusion and its loss curve."""
    fusion = build(bank.widths, learning.unified, settings)
    return fusion, fit_by_prediction(fusion, bank, learning, seed=seed, state=state)
