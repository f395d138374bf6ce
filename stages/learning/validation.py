"""Which state of a training is the best: that with the lowest loss on items that are not learned from.

Few data are learned by heart sooner than a training ends; the state before that is kept (early stopping, which stops
nothing here: the learning rate falls to the end, and the curve shows what came of it).
"""

import math
from collections.abc import Callable

import torch
from torch import Generator

from stages.learning.training import Losses, stream

FEWEST = 8  # held-out items without which no choice is made
ENOUGH = 2048  # items that a score is the mean of; fewer are looked at repeatedly, each time under other noise


def mean_loss(loss: Callable[[Generator], Losses], batch: int, *, seed: int, name: str) -> Callable[[], float]:
    """What measures a loss over enough batches of so many items, always the same ones under the same noise."""

    def score() -> float:
        chance, rounds = stream(seed, f"{name}/validation"), math.ceil(ENOUGH / batch)
        with torch.no_grad():
            return sum(torch.stack([*loss(chance).values()]).sum().item() for _ in range(rounds)) / rounds

    return score
