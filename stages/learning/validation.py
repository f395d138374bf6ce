"""A loss of items that are not learned from: what it does while a training goes on is drawn beside the losses.

Few data are learned by heart long before a training ends. Codecs are kept as they were when they lost least of such
items. Fusion and generator are not: of 300 samples of digits, decoders that were kept as they were while this loss was
within a tenth of its lowest (early stopping) made pictures of which 25 % instead of 36 % showed the digit of the
caption. The rate at which they learned was still high then, and samples improve where this loss does not.
"""

import math
from collections.abc import Callable

import torch
from torch import Generator

from stages.learning.training import Losses, stream

FEWEST = 8  # items without which nothing is measured
ENOUGH = 2048  # items that a loss is the mean of; fewer are looked at repeatedly, each time under other noise


def mean_loss(loss: Callable[[Generator], Losses], batch: int, *, seed: int, name: str) -> Callable[[], float]:
    """What measures a loss over enough batches of so many items, always the same ones under the same noise."""

    def score() -> float:
        chance, rounds = stream(seed, f"{name}/validation"), math.ceil(ENOUGH / batch)
        with torch.no_grad():
            return sum(torch.stack([*loss(chance).values()]).sum().item() for _ in range(rounds)) / rounds

    return score
