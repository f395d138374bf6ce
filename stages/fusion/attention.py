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
        """(B, W) features -> (B, 1 + M, D) tokens, the constant one first."""
        parts = zip(self.tokens, features.split(self.widths, -1), strict=True)
        return torch.stack([self.always.expand(len(features), -1), *(token(part) for token, part in parts)], 1)

    def mix(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """Tokens and which modalities are seen, (B, M) bool -> (B, U)."""
        tokens, seen = prepared(tokens, seen)
        score, value = self.attend(tokens, seen)
        tokens = tokens + self.out((score @ value).transpose(1, 2).flatten(2))  # (B, 1 + M, D)
        mean = (tokens * seen[..., None]).sum(1) / seen.sum(1, keepdim=True)  # (B, D)
        return layer_norm(self.head(mean).float(), (self.unified,))

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features and (B, M) bool -> (B, U)."""
        return self.mix(self.tokenise(features), seen)

    def weights(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features and (B, M) bool -> (B, 1 + M): what the representation attends to, summing to one.

        The mean over heads and over the tokens that are there, all of which count alike in it; the constant one first.
        """
        tokens, seen = prepared(self.tokenise(features), seen)
        score = self.attend(tokens, seen)[0].mean(1)  # (B, 1 + M, 1 + M)
        return (score * seen[..., None]).sum(1) / seen.sum(1, keepdim=True)

    def attend(self, tokens: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Attention (B, H, 1 + M, 1 + M) and values (B, H, 1 + M, D / H)."""
        q, k, v = self.qkv(self.norm(tokens)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        score = q @ k.mT / math.sqrt(k.shape[-1])  # (B, H, 1 + M, 1 + M)
        score = score.masked_fill(~seen[:, None, None], -math.inf)  # a missing modality is never read
        return score.softmax(-1), v


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
