"""Consistency: does the generator say the same thing when it gets there another way?

Chained: clips made from a picture against clips made from the caption that was made from it, and so for every order
of three modalities. Marginals: clips made from nothing against clips made from each other subset. The measure is the
total variation distance between the distributions of an attribute's labels, half the sum of absolute differences of
shares: 0 is the same, 1 has nothing in common. What a caption leaves out, or says outside the grammar, is a label too.
In a chain the key attribute's labels are told apart by the true one, so that swapped digits are seen; samples whose
picture, caption or clip in the middle does not tell it are left out, for that is lost honestly.
Floor: labels of decoded noise. Ceiling: two draws of as many real items, which differ by chance; for a chain, of items
with the same true label.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stages.evaluation.intervals import LEVEL
from stages.evaluation.metrics.coherence import given
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.judge_inference import UNSTATED
from stages.evaluation.metrics.result import Result

REPLICATES = 200  # bootstrap samples


@dataclass(frozen=True)
class Drift:
    """One distance with what surrounds it; each array has a replicate an entry."""

    metric: str
    value: float
    replicates: np.ndarray
    n: int
    floor: float
    chance: np.ndarray  # the distance between two draws of real items


def consistency(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for every way, target and attribute, and the mean of each family."""
    results: list[Result] = []
    for family, drifts in (("chained", chained(dataset, rng)), ("marginals", marginals(dataset, rng))):
        if drifts:
            results += [result(f"consistency.{family}", drifts), *(result(drift.metric, [drift]) for drift in drifts)]
    return results


def result(metric: str, drifts: Sequence[Drift]) -> Result:
    """The mean of some distances. Replicates lie further apart than the sets themselves: they are centred."""
    value, floor = (float(np.mean([getattr(drift, part) for drift in drifts])) for part in ("value", "floor"))
    spread, chance = (np.mean([getattr(drift, part) for drift in drifts], 0) for part in ("replicates", "chance"))
    low, high = np.maximum(value + np.percentile(spread, LEVEL) - spread.mean(), 0)
    ends = np.percentile(chance, LEVEL)
    return Result(
        metric, value, float(low), float(high), sum(drift.n for drift in drifts), floor, float(chance.mean()), *ends
    )


def chained(dataset: Dataset, rng: np.random.Generator) -> list[Drift]:
    """Direct against by way of another modality, the same test samples observed."""
    drifts: list[Drift] = []
    if (key := dataset.key) is None:
        return drifts
    for (first, middle, last), outputs in dataset.chains.items():
        direct = dataset.outputs[first,].of(outputs.keys)
        if key not in direct.items[middle].labels:
            continue
        stated = given([first], key, direct.truth, direct.real, dataset.shown_by) != UNSTATED
        stated &= direct.items[middle].labels[key] != UNSTATED
        for attribute in outputs.items[last].labels:
            by_key = direct.truth[key].to_numpy(str) if attribute == key else np.full(len(stated), "")

            def labels(part: np.ndarray, rows: np.ndarray = stated, by_key: np.ndarray = by_key) -> np.ndarray:
                return np.char.add(np.char.add(by_key, "/"), part)[rows]

            one, other, real = (
                labels(part[last].labels[attribute]) for part in (direct.items, outputs.items, direct.real)
            )
            noise = labels(rng.choice(dataset.decoded_noise[last].labels[attribute], len(stated)))
            metric = f"consistency.chained.{attribute}.{first}_{middle}_{last}"
            if len(one):
                drifts.append(drift(metric, one, other, real, noise, rng, strata=by_key[stated]))
    return drifts


def marginals(dataset: Dataset, rng: np.random.Generator) -> list[Drift]:
    """Made from nothing against made from a subset, whatever was observed."""
    drifts = []
    for observed, outputs in dataset.conditional.items():
        for target, predicted in outputs.items.items():
            for attribute, labels in predicted.labels.items():
                alone = dataset.joint.items[target].labels[attribute]
                real, noise = (items[target].labels[attribute] for items in (outputs.real, dataset.decoded_noise))
                metric = f"consistency.marginals.{attribute}.{'+'.join(observed)}_to_{target}"
                drifts.append(drift(metric, alone, labels, real, noise, rng))
    return drifts


def drift(
    metric: str,
    one: np.ndarray,
    other: np.ndarray,
    real: np.ndarray,
    noise: np.ndarray,
    rng: np.random.Generator,
    *,
    strata: np.ndarray | None = None,
) -> Drift:
    """Between the labels (n,) `one` and (m,) `other`.

    With `strata` (n,) both were made from the same samples: a bootstrap draws pairs of them together, and what real
    items do by chance is drawn within each stratum, for how many are in it is no chance.
    """
    known, codes = np.unique(np.concatenate([one, other, real, noise]), return_inverse=True)
    left, right, true, lost = np.split(codes, np.cumsum([len(one), len(other), len(real)]))

    def shares(labels: np.ndarray) -> np.ndarray:
        return np.bincount(labels, minlength=len(known)) / len(labels)

    def drawn(count: int, size: int) -> np.ndarray:
        return rng.integers(count, size=size)

    def again() -> float:
        rows = drawn(len(left), len(left))
        columns = drawn(len(right), len(right)) if strata is None else rows
        return variation(shares(left[rows]), shares(right[columns]))

    def fresh() -> float:
        return variation(*(shares(true[alike(len(side))]) for side in (left, right)))

    def alike(size: int) -> np.ndarray:
        return drawn(len(true), size) if strata is None else within(strata, rng)

    return Drift(
        metric, variation(shares(left), shares(right)), replicates(again), len(other),
        variation(shares(lost), shares(left)), replicates(fresh),
    )  # fmt: skip


def within(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) rows drawn with replacement, as many from each stratum as are in it."""
    _, place, count = np.unique(strata, return_inverse=True, return_counts=True)
    first = np.cumsum(count) - count
    chosen = first[place] + (count[place] * rng.random(len(strata))).astype(int)
    return np.asarray(np.argsort(place, kind="stable")[chosen])


def replicates(measure: Callable[[], float]) -> np.ndarray:
    return np.array([measure() for _ in range(REPLICATES)])


def variation(one: np.ndarray, other: np.ndarray) -> float:
    """Total variation distance between two distributions over the same labels.

    >>> variation(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    0.5
    """
    return float(np.abs(one - other).sum() / 2)
