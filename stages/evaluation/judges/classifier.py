"""The judge of a modality that shows labels: one trunk, one head an attribute, as sure as it is right.

Labels are smoothed in training, which makes a judge less sure than it is right. So each head is divided by the
temperature that suits items it has not learnt from (Guo et al. 2017, arXiv:1706.04599, section 4.2): no label changes.

Axes: N or B items, E judge features, K classes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize_scalar
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from stages.common.modality import tensor_of
from stages.evaluation.judges.backbones import BACKBONES, WIDTH
from stages.evaluation.judges.inputs import INPUTS, augmented, input_batches, input_size
from stages.learning.budget import sized
from stages.learning.curve import Curve
from stages.learning.data_parallel import data_parallel
from stages.learning.device import device, take_rows, to_device
from stages.learning.networks import initialise
from stages.learning.training import Training, optimise, stream

UNLABELLED = -1  # in place of a class
SMOOTHING = 0.05  # of the labels: a judge should not be surer than its data
EMA_DECAY = 0.99  # decay of the moving average of the weights
TEMPERATURES = (0.01, 100.0)  # least and greatest of a head


class Classifier(nn.Module):
    """Items of one modality, as `inputs` gives them -> (B, E) features -> scores of every attribute's classes."""

    def __init__(self, name: str, network: str, inputs: int, values: Mapping[str, list[str]]) -> None:
        super().__init__()
        self.name, self.network, self.inputs, self.values = name, network, inputs, dict(values)
        self.trunk = BACKBONES[network][tensor_of(name)](inputs)
        self.heads = nn.ModuleDict({attribute: nn.Linear(WIDTH, len(known)) for attribute, known in values.items()})

    @property
    def card(self) -> dict[str, Any]:
        """What `__init__` needs to build it again."""
        return {"network": self.network, "inputs": self.inputs, "values": self.values}

    def forget(self, attribute: str) -> None:
        """Read this attribute no more."""
        del self.values[attribute], self.heads[attribute]

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.trunk(x)
        return features  # (B, E)

    def features(self, items: Tensor) -> Tensor:
        """(N, ...) clean items -> (N, E), on the device."""
        return torch.cat([self(batch) for batch in input_batches(self.name, items)])

    def scores(self, features: Tensor) -> dict[str, Tensor]:
        return {name: head(features) for name, head in self.heads.items()}  # (B, K) each


def train_classifier(
    name: str, network: str, items: Tensor, columns: pd.DataFrame, values: Mapping[str, list[str]], training: Training,
    *, seed: int, state: Path,
) -> tuple[Classifier, Curve]:  # fmt: skip
    """The judge of one modality and its loss curve, from (N, ...) clean `items` and the columns of their labels."""
    labels = {attribute: classes(columns[attribute], known).to(device()) for attribute, known in values.items()}
    judge = Classifier(name, network, input_size(name, items), values)
    initialise(judge, stream(seed, f"judge/{name}/weights"))
    training, items = sized(training, len(items)), to_device(items)

    def loss(stream: Generator) -> dict[str, Tensor]:
        drawn = torch.randint(len(items), (training.batch,), generator=stream, device=stream.device)
        seen = augmented(name, INPUTS[tensor_of(name)](take_rows(items, drawn)), stream)
        scores = judge.scores(data_parallel(judge, seen))
        return {attribute: labelled_loss(score, labels[attribute][drawn]) for attribute, score in scores.items()}

    return judge, optimise(judge, loss, training, ema_decay=EMA_DECAY, seed=seed, name=f"judge/{name}", state=state)


def classes(column: pd.Series, values: list[str]) -> Tensor:
    """The position of each label among the attribute's values, UNLABELLED where there is none: (N,) int64."""
    place = {value: number for number, value in enumerate(values)}
    return torch.tensor([place.get(str(label), UNLABELLED) for label in column])


def labelled_loss(scores: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy of (B, K) scores over those of (B,) classes that are known; 0 where none is."""
    known = (wanted != UNLABELLED).sum().clamp(min=1)
    loss = cross_entropy(scores.float(), wanted, ignore_index=UNLABELLED, label_smoothing=SMOOTHING, reduction="sum")
    return loss / known


@torch.no_grad()
def calibrate(judge: Classifier, items: Tensor, columns: pd.DataFrame) -> None:
    """Divide each head of `judge` by the temperature at which (N, ...) clean `items` surprise it least.

    Where all labels are found, the likeliest temperature would be 0: the chance of an error is set by the rule of
    succession, 1 / (N + 2). An attribute of which no label is known keeps its head.
    """
    scores = {name: found.cpu() for name, found in judge.scores(judge.features(items)).items()} if len(items) else {}
    for attribute, found in scores.items():
        wanted = classes(columns[attribute], judge.values[attribute])
        known = wanted != UNLABELLED
        if not known.any():
            continue

        def surprise(log: float, found: Tensor = found[known], wanted: Tensor = wanted[known]) -> float:
            slips = 1 / (len(wanted) + 2)
            return cross_entropy(found.double() / np.exp(log), wanted, label_smoothing=slips).item()

        best = minimize_scalar(surprise, bounds=np.log(TEMPERATURES), method="bounded")
        for weight in judge.heads[attribute].parameters():
            weight.div_(float(np.exp(best.x)))
