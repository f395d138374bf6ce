"""The judge of a modality that shows labels: one trunk, one head an attribute.

Axes: N or B items, E judge features, K classes.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from stages.common.learning import Training, optimise, stream
from stages.common.networks import initialise
from stages.common.sizing import sized
from stages.common.together import together
from stages.evaluation.senses import TRUNKS, WIDTH, kinds, stirred

UNLABELLED = -1  # in place of a class
SMOOTHING = 0.05  # of the labels: a judge should not be surer than its data
AVERAGE = 0.99  # decay of the moving average of the weights


class Classifier(nn.Module):
    """Items of one modality, as `senses` shows them -> (B, E) features -> scores of every attribute's classes."""

    def __init__(self, name: str, inputs: int, values: Mapping[str, list[str]]) -> None:
        super().__init__()
        self.card = {"inputs": inputs, "values": dict(values)}
        self.values = values
        self.trunk = TRUNKS[name](inputs)
        self.heads = nn.ModuleDict({attribute: nn.Linear(WIDTH, len(known)) for attribute, known in values.items()})

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.trunk(x)
        return features  # (B, E)

    def scores(self, features: Tensor) -> dict[str, Tensor]:
        return {name: head(features) for name, head in self.heads.items()}  # (B, K) each


def teach(
    name: str, items: Tensor, columns: pd.DataFrame, values: Mapping[str, list[str]], training: Training, *,
    seed: int, state: Path,
) -> tuple[Classifier, pd.DataFrame]:  # fmt: skip
    """The judge of one modality and its loss curve, from (N, ...) real `items` and the columns of their labels."""
    labels = {attribute: classes(columns[attribute], known) for attribute, known in values.items()}
    judge = Classifier(name, kinds(name, items), values)
    initialise(judge, stream(seed, f"judge/{name}/weights"))
    training = sized(training, len(items))

    def loss(stream: Generator) -> dict[str, Tensor]:
        drawn = torch.randint(len(items), (training.batch,), generator=stream)
        scores = judge.scores(together(judge, stirred(name, items[drawn], stream)))
        return {attribute: labelled_loss(score, labels[attribute][drawn]) for attribute, score in scores.items()}

    return judge, optimise(judge, loss, training, average=AVERAGE, seed=seed, name=f"judge/{name}", state=state)


def classes(column: pd.Series, values: list[str]) -> Tensor:
    """The position of each label among the attribute's values, UNLABELLED where there is none: (N,) int64."""
    place = {value: number for number, value in enumerate(values)}
    return torch.tensor([place.get(str(label), UNLABELLED) for label in column])


def labelled_loss(scores: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy of (B, K) scores over those of (B,) classes that are known; 0 where none is."""
    known = wanted != UNLABELLED
    if not known.any():
        return scores.sum() * 0
    return cross_entropy(scores[known].float(), wanted[known], label_smoothing=SMOOTHING)
