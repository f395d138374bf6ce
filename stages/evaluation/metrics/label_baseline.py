"""What a plain reader of words finds in texts: logistic regression on TF-IDF, taught on the train split.

It owes nothing to the models or to the judges, and says two things of each modality of labels, beside each of texts.
`text_to_label`: how often it finds the label of those test texts that the models were given; theirs is `coherence` (or
`attribute`) of the same direction. Floor: always the label most frequent in training. Ceiling: the label itself.
`label.x_to_text`: how often it finds in what was made of `x` the label of the sample. Floor: the same texts, shuffled.
Ceiling: the true texts.
Source of the measure: TF-IDF, Salton and Buckley 1988, doi:10.1016/0306-4573(88)90021-0.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from stages.common.modality import kind_of, suffix_of
from stages.common.modality_subsets import subset_name
from stages.common.shards import read_shard
from stages.data.kinds import text
from stages.evaluation.metrics.evaluated_data import CLEAN, MADE, Dataset
from stages.evaluation.metrics.result import Result, share

WORD = r"\w+"
ITERATIONS = 1000  # of the regression, at most

Told = Mapping[str, tuple[str, str]]  # sample -> its text and its label


@dataclass(frozen=True)
class Reader:
    """What finds labels in texts."""

    regression: Pipeline
    usual: str  # the label that is most frequent in training, the first of several

    def find(self, texts: Sequence[str]) -> np.ndarray:
        """(n,) of str."""
        return np.array(self.regression.predict(texts), str)


def label_baseline(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each direction from a text alone to a label and for each to a text; none where either is missing."""
    texts, labels = ([name for name in dataset.names if kind_of(name) == kind] for kind in ("text", "label"))
    results = []
    for name, label in product(texts, labels):
        if (reader := taught(told(dataset, "train", name, label))) is None:
            continue
        test = told(dataset, "test", name, label)
        for observed, outputs in dataset.conditional.items():
            direction = f"{subset_name(observed)}_to"
            if observed == (name,) and (keys := [key for key in outputs.keys if key in test]):
                known, wanted = both(test, keys)
                parts = (reader.find(known), np.full(len(keys), reader.usual), wanted)
                results.append(right(f"label_baseline.{direction}_{label}", parts, wanted, rng))
            if name in outputs.items:
                made = written(subset_name(observed), name)
                if keys := [key for key in made if key in test]:
                    known, wanted = both(test, keys)
                    found = reader.find([made[key] for key in keys])
                    parts = (found, rng.permutation(found), reader.find(known))
                    results.append(right(f"label_baseline.{label}.{direction}_{name}", parts, wanted, rng))
    return results


def right(metric: str, parts: Sequence[np.ndarray], wanted: np.ndarray, rng: np.random.Generator) -> Result:
    """How often the labels of each part, (n,), are those that are wanted: value, floor and ceiling."""
    value, floor, ceiling = ([part == wanted] for part in parts)
    return share(metric, value, floor, ceiling, rng)


def taught(train: Told) -> Reader | None:
    """The reader of the samples of the train split; none where there is nothing to tell apart, or to tell it by."""
    texts, labels = both(train, list(train))
    values, counts = np.unique(labels, return_counts=True)
    if len(values) < 2 or not any(re.search(WORD, one) for one in texts):
        return None
    regression = make_pipeline(TfidfVectorizer(token_pattern=WORD), LogisticRegression(max_iter=ITERATIONS))
    return Reader(regression.fit(texts, labels), str(values[counts.argmax()]))


def both(samples: Told, keys: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Texts and labels of some samples, (n,) each."""
    return [samples[key][0] for key in keys], np.array([samples[key][1] for key in keys], str)


def told(dataset: Dataset, split: str, name: str, label: str) -> dict[str, tuple[str, str]]:
    """The samples of a split that have both, the text as far as there is room for it."""
    picked = (dataset.samples["split"] == split).to_numpy()
    rows = np.load(CLEAN / f"{name}.clean.npy", mmap_mode="r")[picked]
    table = dataset.samples[picked]
    there = (table[f"has_{name}"] & table[f"has_{label}"]).astype(bool)
    said = dataset.real[split][label].captions or []
    return {
        key: (text.write(tokens, dataset.fitted[name]).decode("utf-8", "replace"), found)
        for key, tokens, found, whole in zip(table["id"], rows, said, there, strict=True) if whole
    }  # fmt: skip


def written(tar: str, name: str) -> dict[str, str]:
    """The texts of one modality in a tar of what was made, by sample."""
    suffix = suffix_of(name)
    return {
        key: files[suffix].decode("utf-8", "replace") for key, files in read_shard(MADE / f"{tar}.tar", only=[suffix])
    }
