"""Fidelity, diversity and memorisation of samples made from nothing, per modality, and within each label of the key.

Floor: decoded noise; within a label, as many samples of any label (untrained models make too few that carry one); for
memorisation, training items themselves. Ceiling: as many training items as there are samples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from stages.evaluation.intervals import bootstrap_interval, centred_interval, normal_interval
from stages.evaluation.metrics.distribution_measures import (
    Neighbourhoods,
    Rows,
    frechet_distance,
    kernels,
    neighbourhoods,
)
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.judge_inference import Predictions
from stages.evaluation.metrics.memorisation import copied
from stages.evaluation.metrics.result import Result, share

FEWEST = 20  # items of one value of the key attribute on each side, for a figure within it
DENSE = 64  # width of the features of captions where a covariance is asked for
SIDES = ("made", "real", "train", "floor")


@dataclass(frozen=True)
class FeatureSets:
    """One modality's items on each of the `SIDES`."""

    rows: Mapping[str, Rows]  # features of unit mean square length
    dense: Mapping[str, np.ndarray]  # the same, narrow enough for a covariance
    labels: Mapping[str, np.ndarray]  # the key attribute as the judge reads it; none where it has none

    def of(self, value: str, rng: np.random.Generator) -> "FeatureSets":
        """The items that carry one value of the key attribute; the floor are as many samples, whatever they carry."""
        picked = {side: np.flatnonzero(labels == value) for side, labels in self.labels.items()}
        picked["floor"] = rng.permutation(self.count("made"))[: len(picked["made"])]
        source = {side: "made" if side == "floor" else side for side in SIDES}
        return FeatureSets(
            {side: self.rows[source[side]][picked[side]] for side in SIDES},
            {side: self.dense[source[side]][picked[side]] for side in SIDES},
            {side: self.labels[source[side]][picked[side]] for side in SIDES},
        )

    def count(self, side: str) -> int:
        return int(self.rows[side].shape[0])


@cache
def measured(dataset: Dataset, name: str) -> Callable[[Predictions], Rows]:
    """What gives the features of items: the judge's, or of captions without one TF-IDF of words, 1- to 3-grams."""
    real = dataset.present("test", name).features
    if real is None:
        words = TfidfVectorizer(ngram_range=(1, 3), token_pattern=r"\w+").fit(dataset.present("judge", name).captions)
        return lambda items: words.transform(items.captions)
    scale = np.sqrt((real**2).sum(1).mean())
    return lambda items: None if items.features is None else items.features / scale


@cache
def feature_sets(dataset: Dataset, name: str) -> FeatureSets:
    """Features and labels of one modality."""
    predicted: dict[str, Predictions] = {
        "made": dataset.joint.items[name],
        "real": dataset.present("test", name),
        "train": dataset.present("train", name),
        "floor": dataset.decoded_noise[name],
    }
    key = dataset.key or ""
    labels = {side: items.labels.get(key, np.full(len(items.confidence), "")) for side, items in predicted.items()}
    rows = {side: measured(dataset, name)(items) for side, items in predicted.items()}
    if predicted["real"].features is not None:
        return FeatureSets(rows, rows, labels)
    words = measured(dataset, name)(dataset.present("judge", name))
    few = TruncatedSVD(min(DENSE, words.shape[1] - 1), random_state=0).fit(words)
    return FeatureSets(rows, {side: few.transform(part) for side, part in rows.items()}, labels)


def distribution(dataset: Dataset, replicates: int, stream: Callable[[str], np.random.Generator]) -> list[Result]:
    """All figures, a random stream each family and modality."""
    results = []
    for name in dataset.joint.items:
        all_items, chance = feature_sets(dataset, name), stream(f"within/{name}")
        within = [
            part
            for part in (all_items.of(value, chance) for value in dataset.values.get(dataset.key or "", []))
            if min(part.count(side) for side in ("made", "real", "train")) >= FEWEST
        ]
        for suffix, parts in ((name, [all_items]), (f"{name}.within", within)):
            if parts:
                results += distances(suffix, parts, replicates, stream(f"distances/{suffix}"))
                results += shares(suffix, parts, stream(f"neighbours/{suffix}"))
        results.append(memorisation(name, all_items, stream(f"memorisation/{name}")))
    return results


def training_sample(part: FeatureSets, rng: np.random.Generator) -> np.ndarray:
    """Rows of as many training items as there are samples."""
    return rng.permutation(part.count("train"))[: part.count("made")]


def distances(suffix: str, parts: list[FeatureSets], replicates: int, rng: np.random.Generator) -> list[Result]:
    """Kernel distance, the mean over `parts`, and Frechet distance, which needs more items than a part has."""
    picks = [training_sample(part, rng) for part in parts]
    count, results = sum(part.count("made") for part in parts), []
    for family, measure in (("fidelity", kernel_mean), ("frechet", frechet_mean))[: 2 if len(parts) == 1 else 1]:
        tables = [part.rows if family == "fidelity" else part.dense for part in parts]
        value, (low, high) = measure([(rows["made"], rows["real"]) for rows in tables], replicates, rng)
        floor, (least, most) = measure([(rows["floor"], rows["real"]) for rows in tables], replicates, rng)
        pairs = [(rows["train"][pick], rows["real"]) for rows, pick in zip(tables, picks, strict=True)]
        ceiling, ends = measure(pairs, replicates, rng)
        metric = f"{family}.{suffix}"
        results.append(Result(metric, value, low, high, count, floor, ceiling, *ends, floor_low=least, floor_high=most))
    return results


Pairs = list[tuple[Rows, Rows]]
Interval = tuple[float, float]


def kernel_mean(pairs: Pairs, replicates: int, rng: np.random.Generator) -> tuple[float, Interval]:
    """The mean kernel distance over pairs of rows, with its interval."""
    between = [kernels(left, right) for left, right in pairs]
    value = float(np.mean([one.distance for one in between]))
    return value, centred_interval(np.mean([one.redrawn(replicates, rng) for one in between], 0), value)


def frechet_mean(pairs: Pairs, replicates: int, rng: np.random.Generator) -> tuple[float, Interval]:
    """The mean Frechet distance over pairs of rows, with its interval."""

    def again(rows: np.ndarray) -> np.ndarray:
        return rows[rng.integers(len(rows), size=len(rows))]

    def mean(pairs: Pairs) -> float:
        return float(np.mean([frechet_distance(left, right) for left, right in pairs]))

    value = mean(pairs)
    drawn = [mean([(again(left), again(right)) for left, right in pairs]) for _ in range(replicates)]
    return value, centred_interval(np.array(drawn), value)


def shares(suffix: str, parts: list[FeatureSets], rng: np.random.Generator) -> list[Result]:
    """Precision, recall, density and coverage, the mean over `parts`."""

    def found(side: str) -> list[Neighbourhoods]:
        rows = [part.rows[side] if side != "train" else part.rows[side][training_sample(part, rng)] for part in parts]
        pairs = zip(rows, parts, strict=True)
        return [neighbourhoods(row, part.rows["real"]) for row, part in pairs if row.shape[0] > 1]

    made, floor, ceiling = found("made"), found("floor"), found("train")
    results = []
    for family in ("precision", "recall", "density", "coverage"):
        cells, floors, ceilings = ([getattr(one, family) for one in found] for found in (made, floor, ceiling))
        results.append(share(f"{family}.{suffix}", cells, floors, ceilings, rng))
    return results


def memorisation(name: str, part: FeatureSets, rng: np.random.Generator) -> Result:
    """Share of copies, less that of real test items."""
    train = part.rows["train"]
    control, least, most = normal_interval([copied(part.rows["real"], train)])
    value, low, high = bootstrap_interval([copied(part.rows["made"], train)], rng)
    twins, fewest, utmost = normal_interval([copied(train, train)])
    return Result(
        f"memorisation.{name}", value - control, low - control, high - control, part.count("made"), twins - control,
        0.0, least - control, most - control, floor_low=fewest - control, floor_high=utmost - control,
    )  # fmt: skip
