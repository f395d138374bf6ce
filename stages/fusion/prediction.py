"""How the network fusions learn: from a random subset of the modalities, predict the features of all.

A regression alone spends the representation on what has many features (a caption's wording) and loses what has
few (the weight of a stroke). Contrast turns it to what the modalities share: the representation of a subset must
pick out, among a batch, that of the same sample's other modalities (InfoNCE, van den Oord et al. 2018,
arXiv:1807.03748; across modalities as in CLIP, Radford et al. 2021, arXiv:2103.00020).
Noise on the representation bounds what it can hold; the generator later models it with that noise.
Axes: B batch, M modality, W features of all modalities, U unified width.
"""

from pathlib import Path
from typing import Protocol

import pandas as pd
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from stages.common.learning import optimise, stream
from stages.common.networks import Perceptron, initialise
from stages.common.subsets import random_halves
from stages.features.bank import Bank

CONTRAST = 0.5  # its weight beside the prediction's
TEMPERATURE = 0.1  # of the contrast
AVERAGE = 0.99  # decay of the moving average of the weights


class Mixer(Protocol):
    """What a network fusion offers: tokens once, then the representation of any subset of them."""

    def tokenise(self, features: Tensor) -> Tensor: ...
    def mix(self, tokens: Tensor, seen: Tensor) -> Tensor: ...


def fit_by_prediction(
    fusion: nn.Module,
    bank: Bank,
    *,
    unified: int,
    noise: float,
    feature_noise: float,
    hidden: int,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    state: Path,
) -> tuple[nn.Module, pd.DataFrame]:
    """Train `fusion`, a Mixer, in place; returns the predictor, (B, U) -> (B, W), and the loss curve."""
    predict = predictor(unified, sum(bank.widths), hidden)
    compare = nn.Linear(unified, unified)
    together = nn.ModuleList([fusion, predict, compare])
    initialise(together, stream(seed, "fuse/weights"))

    def loss(stream: Generator) -> dict[str, Tensor]:
        features, there = bank.draw(batch, stream)  # (B, W), (B, M)
        tokens = fusion.tokenise(features + feature_noise * torch.randn(features.shape, generator=stream))
        seen = random_halves(there, stream)
        views = [fusion.mix(tokens, view) for view in (seen, there & ~seen, there)]  # (B, U) each
        noised = [view + noise * torch.randn(view.shape, generator=stream) for view in views]
        some, rest, whole = (normalize(compare(view).float(), dim=-1) for view in noised)
        known = bank.columns(there)
        errors = [(predict(view).float() - features) ** 2 * known for view in (noised[0], noised[2])]
        return {
            "prediction": sum(error.sum() for error in errors) / known.sum(),
            "contrast": CONTRAST * (contrast(some, rest) + contrast(whole, some) + contrast(whole, rest)) / 3,
        }

    curve = optimise(
        together, loss, steps=steps, learning_rate=learning_rate, average=AVERAGE, seed=seed, name="fuse", state=state
    )
    return predict, curve


def predictor(unified: int, features: int, hidden: int) -> nn.Module:
    """An untrained map from a representation (B, U) to features (B, W)."""
    return Perceptron(unified, features, width=hidden, depth=1)


def contrast(left: Tensor, right: Tensor) -> Tensor:
    """InfoNCE both ways between (B, U) unit vectors whose rows belong together; 0 for no rows."""
    if len(left) == 0:
        return left.sum()
    likeness = left @ right.T / TEMPERATURE  # (B, B)
    same = torch.arange(len(left))
    return (cross_entropy(likeness, same) + cross_entropy(likeness.T, same)) / 2
