"""What the judges find in items, real or generated, that came through the same door, `stages/data/reading.py`.

Axes: N items, E judge features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from stages.data.modalities import MODALITIES
from stages.data.sources import captions
from stages.evaluation.classifier import Classifier
from stages.evaluation.judge import SEEN

UNTOLD = ""  # a caption is well formed and leaves the attribute out
MALFORMED = "?"  # no sentence of the grammar
PIECE = 256  # items at a time


@dataclass(frozen=True)
class Judged:
    """Items of one modality as their judge sees them."""

    labels: dict[str, np.ndarray]  # attribute -> (N,) of str
    certainty: np.ndarray  # (N,) highest probability of a label, mean over the attributes
    features: np.ndarray | None = None  # (N, E); captions have none of their own
    captions: list[str] | None = None  # for text

    def take(self, rows: np.ndarray) -> "Judged":
        """The items at `rows`, which are numbers or a mask."""
        numbers = np.arange(len(self.certainty))[rows]
        return Judged(
            {attribute: labels[numbers] for attribute, labels in self.labels.items()},
            self.certainty[numbers],
            None if self.features is None else self.features[numbers],
            None if self.captions is None else [self.captions[number] for number in numbers],
        )


Judges = Mapping[str, tuple[Classifier, dict[str, list[str]]]]


def judge(name: str, items: np.ndarray, judges: Judges, fitted: Any, values: Mapping[str, list[str]]) -> Judged:
    """Labels and features of (N, ...) tensors of one modality."""
    if name == "text":
        told = [MODALITIES[name].write(tokens, fitted).decode("utf-8", "replace") for tokens in items]
        return read_captions(told, values)
    classifier, known = judges[name]
    rows = torch.cat([classifier(part) for part in SEEN[name](items).split(PIECE)])  # (N, E)
    scores = classifier.scores(rows)  # (N, K) each
    labels = {a: np.array(known[a])[score.argmax(-1).numpy()] for a, score in scores.items()}
    certainty = torch.stack([score.softmax(-1).amax(-1) for score in scores.values()]).mean(0)
    return Judged(labels, certainty.numpy(), rows.numpy())


def read_captions(told: list[str], values: Mapping[str, list[str]]) -> Judged:
    """What captions say, by the grammar that wrote the real ones."""
    known = {attribute: tuple(options) for attribute, options in values.items()}
    found = [captions.read(caption, known) for caption in told]
    labels = {
        attribute: np.array([MALFORMED if said is None else said.get(attribute, UNTOLD) for said in found])
        for attribute in values
    }
    return Judged(labels, np.array([said is not None for said in found], np.float32), captions=told)
