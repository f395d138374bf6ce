"""What the judges find in items, real or generated, that came through the same door, `stages/data/reading.py`.

Axes: N items, E judge features.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stages.common.together import device
from stages.data.modalities import MODALITIES
from stages.data.reading import tensors
from stages.data.sources import captions
from stages.evaluation.judge import CLASSIFIER, GRAMMAR, Judges
from stages.evaluation.senses import PIECE, SEEN, WIDTH, as_tensor

UNTOLD = ""  # a caption is well formed and leaves the attribute out
MALFORMED = "?"  # no sentence of the grammar


@dataclass(frozen=True)
class Judged:
    """Items of one modality as their judge sees them."""

    labels: dict[str, np.ndarray]  # attribute -> (N,) of str
    certainty: np.ndarray  # (N,) probability of the likeliest label (`sure`); 0 where none is asked for
    features: np.ndarray | None = None  # (N, E); captions that the grammar reads have none of their own
    captions: list[str] | None = None  # of these
    placed: np.ndarray | None = None  # (N, S) unit vectors, where there is a matcher

    def take(self, rows: np.ndarray) -> "Judged":
        """The items at `rows`, which are numbers or a mask."""
        numbers = np.arange(len(self.certainty))[rows]
        return Judged(
            {attribute: labels[numbers] for attribute, labels in self.labels.items()},
            self.certainty[numbers],
            None if self.features is None else self.features[numbers],
            None if self.captions is None else [self.captions[number] for number in numbers],
            None if self.placed is None else self.placed[numbers],
        )


def joined(parts: Sequence[Judged]) -> Judged:
    """Items of one modality that were looked at piece by piece."""
    first = parts[0]

    def all_of(name: str) -> np.ndarray | None:
        return None if getattr(first, name) is None else np.concatenate([getattr(part, name) for part in parts])

    return Judged(
        {attribute: np.concatenate([part.labels[attribute] for part in parts]) for attribute in first.labels},
        np.concatenate([part.certainty for part in parts]),
        all_of("features"),
        None if first.captions is None else [told for part in parts for told in part.captions or ()],
        all_of("placed"),
    )


def judge_files(
    name: str, payloads: Sequence[bytes], judges: Judges, fitted: Any, values: Mapping[str, list[str]], key: str | None
) -> Judged:
    """Labels and features of files of one modality."""
    if judges.readers[name] == GRAMMAR:  # it reads what is written, not what the tokens leave of it
        told = [payload.decode("utf-8", "replace") for payload in payloads]
        return replace(read_captions(told, values), placed=placed(name, tensors(name, payloads, fitted), judges))
    return judge(name, tensors(name, payloads, fitted), judges, fitted, values, key)


def judge(
    name: str, items: np.ndarray, judges: Judges, fitted: Any, values: Mapping[str, list[str]], key: str | None
) -> Judged:
    """Labels and features of (N, ...) tensors of one modality."""
    if judges.readers[name] == GRAMMAR:
        told = [MODALITIES[name].write(tokens, fitted).decode("utf-8", "replace") for tokens in items]
        return replace(read_captions(told, values), placed=placed(name, items, judges))
    if judges.readers[name] == CLASSIFIER:
        return replace(classified(name, items, judges, key), placed=placed(name, items, judges))
    assert judges.matcher is not None, "judge.needs_matcher"
    none = torch.zeros(0, WIDTH, device=device())
    rows = torch.cat([none, *(judges.matcher.features(name, part) for part in seen_pieces(name, items))])  # (N, E)
    return Judged({}, np.zeros(len(rows)), rows.cpu().numpy(), placed=judges.matcher.place(name, rows).cpu().numpy())


def classified(name: str, items: np.ndarray, judges: Judges, key: str | None) -> Judged:
    """What a classifier finds in (N, ...) tensors."""
    classifier = judges.classifiers[name]
    rows = classifier.look(as_tensor(items))  # (N, E)
    scores = {name: score.cpu() for name, score in classifier.scores(rows).items()}  # (N, K) each
    labels = {a: np.array(classifier.values[a])[score.argmax(-1).numpy()] for a, score in scores.items()}
    return Judged(labels, sure(scores, key).numpy(), rows.cpu().numpy())


def sure(scores: Mapping[str, Tensor], key: str | None) -> Tensor:
    """(N,) probability of the likeliest label of the key attribute; without it, the mean over all attributes."""
    asked = [scores[key]] if key is not None and key in scores else list(scores.values())
    return torch.stack([score.softmax(-1).amax(-1) for score in asked]).mean(0)


def placed(name: str, items: np.ndarray, judges: Judges) -> np.ndarray | None:
    """Where the matcher, if there is one, places (N, ...) tensors: (N, S) unit vectors."""
    if judges.matcher is None:
        return None
    return torch.cat([judges.matcher(name, part) for part in seen_pieces(name, items)]).cpu().numpy()


def seen_pieces(name: str, items: np.ndarray) -> Iterator[Tensor]:
    """(N, ...) tensors as a judge sees them, piece by piece, on the device."""
    return (SEEN[name](part.to(device())) for part in as_tensor(items).split(PIECE))


def read_captions(told: list[str], values: Mapping[str, list[str]]) -> Judged:
    """What captions say, by the grammar that wrote the real ones."""
    known = {attribute: tuple(options) for attribute, options in values.items()}
    found = [captions.read(caption, known) for caption in told]
    labels = {
        attribute: np.array([MALFORMED if said is None else said.get(attribute, UNTOLD) for said in found])
        for attribute in values
    }
    return Judged(labels, np.array([said is not None for said in found], np.float32), captions=told)
