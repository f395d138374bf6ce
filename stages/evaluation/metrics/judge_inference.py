"""What the judges find in items, real or generated, all read by `stages/data/kinds/generated_to_tensors.py`.

Axes: N items, E judge features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stages.common.modality import kind_of
from stages.data.kinds import number
from stages.data.kinds.generated_to_tensors import tensors
from stages.data.kinds.modalities import MODALITIES
from stages.data.sources import caption_grammar
from stages.evaluation.judges.backbones import WIDTH
from stages.evaluation.judges.inputs import as_tensor, input_batches
from stages.evaluation.judges.loading import CLASSIFIER, EXACT, GRAMMAR, Judges
from stages.learning.device import device

UNSTATED = ""  # a caption is well formed and leaves the attribute out
MALFORMED = "?"  # no sentence of the grammar


@dataclass(frozen=True)
class Predictions:
    """Items of one modality as their judge sees them."""

    labels: dict[str, np.ndarray]  # attribute -> (N,) of str
    confidence: np.ndarray  # (N,) probability of the likeliest label (`confidence_of`); 0 where none is asked for
    features: np.ndarray | None = None  # (N, E); captions that the grammar reads have none of their own
    captions: list[str] | None = None  # of these, and what labels and numbers say
    embedded: np.ndarray | None = None  # (N, S) unit vectors, where there is a matcher

    def take(self, rows: np.ndarray) -> "Predictions":
        """The items at `rows`, which are numbers or a mask."""
        numbers = np.arange(len(self.confidence))[rows]
        return Predictions(
            {attribute: labels[numbers] for attribute, labels in self.labels.items()},
            self.confidence[numbers],
            None if self.features is None else self.features[numbers],
            None if self.captions is None else [self.captions[number] for number in numbers],
            None if self.embedded is None else self.embedded[numbers],
        )


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Items of one modality that were looked at piece by piece."""
    first = parts[0]

    def all_of(name: str) -> np.ndarray | None:
        return None if getattr(first, name) is None else np.concatenate([getattr(part, name) for part in parts])

    return Predictions(
        {attribute: np.concatenate([part.labels[attribute] for part in parts]) for attribute in first.labels},
        np.concatenate([part.confidence for part in parts]),
        all_of("features"),
        None if first.captions is None else [text for part in parts for text in part.captions or ()],
        all_of("embedded"),
    )


def judge_files(
    name: str, payloads: Sequence[bytes], judges: Judges, fitted: Any, values: Mapping[str, list[str]], key: str | None
) -> Predictions:
    """Labels and features of files of one modality."""
    if judges.readers[name] == EXACT:
        return stated(name, [payload.decode("utf-8", "replace") for payload in payloads], fitted, judges.reads[name])
    if judges.readers[name] == GRAMMAR:  # it reads what is written, not what the tokens leave of it
        texts = [payload.decode("utf-8", "replace") for payload in payloads]
        return replace(read_captions(texts, values), embedded=embedded(name, tensors(name, payloads, fitted), judges))
    return judge(name, tensors(name, payloads, fitted), judges, fitted, values, key)


def judge(
    name: str, items: np.ndarray, judges: Judges, fitted: Any, values: Mapping[str, list[str]], key: str | None
) -> Predictions:
    """Labels and features of (N, ...) tensors of one modality."""
    if judges.readers[name] == EXACT:
        texts = [MODALITIES[kind_of(name)].write(item, fitted).decode() for item in items]
        return stated(name, texts, fitted, judges.reads[name])
    if judges.readers[name] == GRAMMAR:
        texts = [MODALITIES[kind_of(name)].write(tokens, fitted).decode("utf-8", "replace") for tokens in items]
        return replace(read_captions(texts, values), embedded=embedded(name, items, judges))
    if judges.readers[name] == CLASSIFIER:
        return replace(classified(name, items, judges, key), embedded=embedded(name, items, judges))
    assert judges.matcher is not None, "judge.needs_matcher"
    batches = (judges.matcher.features(name, part) for part in input_batches(name, as_tensor(items)))
    rows = torch.cat([torch.zeros(0, WIDTH, device=device()), *batches])  # (N, E)
    found = judges.matcher.embed(name, rows).cpu().numpy()
    return Predictions({}, np.zeros(len(rows)), rows.cpu().numpy(), embedded=found)


def classified(name: str, items: np.ndarray, judges: Judges, key: str | None) -> Predictions:
    """What a classifier finds in (N, ...) tensors."""
    classifier = judges.classifiers[name]
    rows = classifier.features(as_tensor(items))  # (N, E)
    scores = {name: score.cpu() for name, score in classifier.scores(rows).items()}  # (N, K) each
    labels = {a: np.array(classifier.values[a])[score.argmax(-1).numpy()] for a, score in scores.items()}
    return Predictions(labels, confidence_of(scores, key).numpy(), rows.cpu().numpy())


def confidence_of(scores: Mapping[str, Tensor], key: str | None) -> Tensor:
    """(N,) probability of the likeliest label of the key attribute; without it, the mean over all attributes."""
    asked = [scores[key]] if key is not None and key in scores else list(scores.values())
    return torch.stack([score.softmax(-1).amax(-1) for score in asked]).mean(0)


def embedded(name: str, items: np.ndarray, judges: Judges) -> np.ndarray | None:
    """The embeddings of (N, ...) tensors by the matcher, if there is one: (N, S) unit vectors."""
    if judges.matcher is None:
        return None
    return torch.cat([judges.matcher(name, part) for part in input_batches(name, as_tensor(items))]).cpu().numpy()


def stated(name: str, texts: list[str], fitted: Any, reads: Sequence[str]) -> Predictions:
    """What labels and numbers say; as features which word it is, (N, K) ones among zeros, or the rank (N, 1)."""
    if kind_of(name) == "number":
        ranks = [number.tensor(number.parsed(told) or 0.0, fitted) for told in texts]
        rows = np.array(ranks, np.float32).reshape(len(texts), 1) / number.LEVELS
        return Predictions({}, np.ones(len(texts), np.float32), rows, captions=texts)
    found, known = np.array(texts, str), np.array(fitted.words)
    rows = (found[:, None] == known[None]).astype(np.float32)
    said = np.where(rows.any(1), found, MALFORMED)
    return Predictions(dict.fromkeys(reads, said), rows.any(1).astype(np.float32), rows, captions=texts)


def read_captions(texts: list[str], values: Mapping[str, list[str]]) -> Predictions:
    """What captions say, by the grammar that wrote the real ones."""
    known = {attribute: tuple(options) for attribute, options in values.items()}
    found = [caption_grammar.read(caption, known) for caption in texts]
    labels = {
        attribute: np.array([MALFORMED if said is None else said.get(attribute, UNSTATED) for said in found])
        for attribute in values
    }
    return Predictions(labels, np.array([said is not None for said in found], np.float32), captions=texts)
