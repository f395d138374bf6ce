"""Sanity of the metrics themselves: does each move as it must when samples are spoiled in a known way?

Real training items stand in for samples, so what is right is known: with noise on their features they are less like
real ones, without one digit or as twenty copies of a few they are less diverse, and their order means nothing.
A change counts when it is beyond twice its own spread over several draws: then one evaluation would see it.
Raisa et al. 2025 (arXiv:2505.22450) found that most metrics fail some such checks; ours do too, and what fails is
shown, not hidden.
Axes: n samples, N real items, E features.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import torch

from stages.evaluation.metrics.coherence import agreement
from stages.evaluation.metrics.distribution_measures import frechet_distance, kernel_distance, neighbourhoods
from stages.evaluation.metrics.evaluated_data import Dataset, Predicted
from stages.evaluation.metrics.judge_inference import Predictions
from stages.evaluation.metrics.memorisation import copied
from stages.evaluation.metrics.unconditional_quality import FeatureSets, feature_sets
from stages.learning.device import device

DRAWS = 8  # of each check
MOST = 1000  # samples a draw, and real items
KNOWN = 1500  # training items among which copies are looked for
NOISE = 1.0  # standard deviation of the noise on a feature, whose own is 1
COPIES = 20  # of each sample that is kept, when samples are duplicated
CLEAR = 2.0  # spreads by which a change must differ from none
CHECKS = ("noise", "label dropped", "duplicated", "reordered")
EXPECTED = {  # metric: what it must do under each check
    "fidelity": ("rises", "rises", "rises", "stays"),
    "frechet": ("rises", "rises", "rises", "stays"),
    "precision": ("falls", "stays", "stays", "stays"),
    "recall": ("falls or stays", "falls", "falls", "stays"),
    "density": ("falls", "stays", "stays", "stays"),
    "coverage": ("falls", "falls", "falls", "stays"),
    "memorisation": ("falls", "stays", "stays", "stays"),
    "coherence.joint": ("falls", "stays", "stays", "stays"),
}

Measured = dict[str, float]  # by metric
Found = Iterator[tuple[str, Measured, Measured]]  # check, before, after


def sanity(dataset: Dataset, rng: np.random.Generator) -> pd.DataFrame:
    """Columns metric, check, before, after, passes, expected: means over the draws. Needs a key attribute."""
    found = [*alone(dataset, dataset.key, rng), *together(dataset, dataset.key, rng)] if dataset.key else []
    rows = []
    for metric, check in product(EXPECTED, CHECKS):
        expected = EXPECTED[metric][CHECKS.index(check)]
        pairs = np.array(
            [(before[metric], after[metric]) for name, before, after in found if name == check and metric in before]
        )
        if len(pairs):
            rows.append((metric, check, *pairs.mean(0), holds(expected, pairs[:, 1] - pairs[:, 0]), expected))
    return pd.DataFrame(rows, columns=["metric", "check", "before", "after", "passes", "expected"])


def holds(expected: str, changes: np.ndarray) -> bool:
    """Does a metric that changed so in several draws do what it must?"""
    reach = CLEAR * changes.std() + 1e-9
    moved = "rises" if changes.mean() > reach else "falls" if changes.mean() < -reach else "stays"
    return moved in expected


def alone(dataset: Dataset, key: str, rng: np.random.Generator) -> Found:
    """Metrics of features, on the first modality whose judge has some, else the first."""
    predicted = [name for name in dataset.names if dataset.present("test", name).features is not None]
    name = (predicted or dataset.names)[0]
    part = feature_sets(dataset, name)
    real, train = (rows_of(dataset, key, part, side, name) for side in ("real", "train"))
    size = min(MOST, len(real[0]), 2 * len(train[0]) // 3)
    known = train[0][rng.permutation(len(train[0]))[:KNOWN]]
    control = float(copied(real[0], known).mean())

    def alike(samples: np.ndarray, against: np.ndarray) -> Measured:
        near = neighbourhoods(samples, against)
        shares = {one: float(getattr(near, one).mean()) for one in ("precision", "recall", "density", "coverage")}
        distances = {"fidelity": kernel_distance(samples, against), "frechet": frechet_distance(samples, against)}
        return shares | distances

    def copies(samples: np.ndarray, _: np.ndarray) -> Measured:
        return {"memorisation": float(copied(samples, known).mean()) - control}

    for _ in range(DRAWS):
        against = real[0][rng.permutation(len(real[0]))[:size]]
        for measure, (rows, labels), count in ((alike, train, size), (copies, real, 2 * len(real[0]) // 3)):
            pool = rng.permutation(len(rows))[: 3 * count // 2]
            before, after = spoiled(rows[pool], labels[pool] == dataset.values[key][0], count, rng)
            measured = measure(before, against)
            for check, samples in after.items():
                other = against[::-1] if check == "reordered" else against
                yield check, measured, measure(samples, other)


def rows_of(dataset: Dataset, key: str, part: FeatureSets, side: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, E) of real items and their true labels (N,)."""
    rows = dataset.rows({"real": "test", "train": "train"}[side])
    return part.dense[side], rows[key][rows[f"has_{name}"].astype(bool)].to_numpy(str)


def spoiled(
    rows: np.ndarray, dropped: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The first `count` of (n, E) rows, and what each check makes of them; n is larger, for one leaves some out."""
    before, kept = rows[:count], rows[~dropped][:count]
    after = {
        "noise": before + NOISE * before.std(0) * rng.normal(size=before.shape),
        "duplicated": np.resize(before[: max(2, count // COPIES)], before.shape),  # over and over
        "reordered": before[rng.permutation(count)],
    }
    return before, after | ({"label dropped": kept} if len(kept) > 1 else {})


def together(dataset: Dataset, key: str, rng: np.random.Generator) -> Found:
    """Agreement of the real modalities of a sample; judges look at features with noise on them."""
    items, labels = dataset.real["test"], dataset.rows("test")[key].to_numpy(str)
    names = [name for name in items if key in items[name].labels]
    if len(names) < 2:
        return

    def measure(part: Predicted, rows: np.ndarray) -> Measured:
        right = agreement({name: part[name].take(rows) for name in names}, key, names)
        return {"coherence.joint": float(right.mean()) if len(right) else 0.0}

    count = 2 * len(labels) // 3
    for _ in range(DRAWS):
        pool = rng.permutation(len(labels))
        rows, kept = pool[:count], pool[labels[pool] != dataset.values[key][0]][:count]
        before = measure(items, rows)
        noised = {name: blurred(dataset, key, name, predicted, rng) for name, predicted in items.items()}
        yield "noise", before, measure(noised, rows)
        yield "label dropped", before, measure(items, kept)
        yield "duplicated", before, measure(items, np.resize(rows[: max(2, count // COPIES)], count))
        yield "reordered", before, measure(items, rows[rng.permutation(count)])


def blurred(dataset: Dataset, key: str, name: str, predicted: Predictions, rng: np.random.Generator) -> Predictions:
    """What the judge finds in its features with noise on them; what is read exactly stays."""
    features = predicted.features
    if features is None or name not in dataset.judges.classifiers or key not in predicted.labels:
        return predicted
    classifier = dataset.judges.classifiers[name]
    noise = NOISE * features.std(0) * rng.normal(size=features.shape)
    noised = torch.from_numpy((features + noise).astype(np.float32)).to(device())
    found = np.array(classifier.values[key])[classifier.scores(noised)[key].argmax(-1).cpu().numpy()]
    return replace(predicted, labels=predicted.labels | {key: found})
