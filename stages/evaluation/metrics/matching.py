"""Matching: does what was made belong to what it was made from? For data without an attribute that could tell.

`match`: share of the samples whose own output the matcher prefers to that of another sample (chance 1/2); joint: one
output of a sample made from nothing is preferred to the same of another, mean over pairs of modalities. `retrieval`:
the own output is the first among ten (chance 1/10). Both are exact over all draws of the other samples.
Where labels tell what belongs together, the second alone, and only if `judge.retrieval` asks for it.
Samples that look alike are each other's rivals, and the matcher knows only what its split taught it: read the figures
against the ceiling, which is what real pairs score. Floor: shuffled pairs.
Axes: N samples, S dimensions of the matcher's space.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from stages.common.modality import in_files
from stages.evaluation.judges.loading import MATCHER
from stages.evaluation.metrics.evaluated_data import Dataset, Outputs
from stages.evaluation.metrics.judge_inference import Predictions
from stages.evaluation.metrics.result import Result, share

CHOICES = {"match": 2, "retrieval": 10}  # family: the own output and its rivals


def first_of(wanted: np.ndarray, found: np.ndarray, choices: int) -> np.ndarray:
    """(N,) chance that, of `choices` of the (N, S) `found`, its own lies nearest to each of the (N, S) `wanted`.

    The other choices are drawn from those of the other samples without replacement; among equals a lot decides.

    >>> wanted, found = np.eye(3), np.eye(3)[[0, 2, 1]]  # the first is its own, the others are swapped
    >>> first_of(wanted, found, choices=2).tolist()
    [1.0, 0.25, 0.25]
    """
    similarity = np.round(wanted @ found.T, 9)  # (N, N); what is equal may differ in the last digits
    own, others = similarity.diagonal()[:, None], len(found) - 1
    beaten, equal = (similarity < own).sum(1), (similarity == own).sum(1) - 1
    wins = np.zeros(len(found))
    for lot in range(int(equal.max(initial=0)) + 1):  # the lot ranks the own before none to all of its equals
        rivals = beaten + lot
        chance = np.prod([(rivals - place).clip(0) / (others - place) for place in range(choices - 1)], 0)
        wins += np.where(lot <= equal, chance, 0)
    return wins / (equal + 1)


def matching(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """All matching figures; none without a matcher, or with one modality alone."""
    if dataset.judges.matcher is None or len(embedded(dataset)) < 2:
        return []
    needed = dataset.key is None or MATCHER in dataset.judges.readers.values()  # else coherence tells more than a match
    families = [family for family in CHOICES if needed or family == "retrieval"]
    results = [joint(dataset, rng)] if needed else []
    for observed, outputs in dataset.conditional.items():
        for target in [name for name in outputs.items if {*observed, name} <= set(embedded(dataset))]:
            results += directed(observed, outputs, target, families, rng)
    if directions := [f for f in results if f.metric.startswith("match.") and "_to_" in f.metric]:
        results.append(replace(min(directions, key=lambda f: f.value), metric="match.worst"))
    return results


def embedded(dataset: Dataset) -> list[str]:
    """The modalities that the matcher knows: those that are files."""
    return [name for name in dataset.names if in_files(name)]


def joint(dataset: Dataset, rng: np.random.Generator) -> Result:
    """Do the outputs of a sample made from nothing belong together?"""
    value, floor, ceiling, test = [], [], [], dataset.rows("test")
    for one, other in combinations(embedded(dataset), 2):
        left, right = (embeddings(dataset.joint.items[name]) for name in (one, other))
        value.append(first_of(left, right, 2))
        floor.append(first_of(left, rng.permutation(right), 2))
        both = (test[f"has_{one}"] & test[f"has_{other}"]).to_numpy(bool)
        if both.sum() > 1:
            left, right = (embeddings(dataset.real["test"][name])[both] for name in (one, other))
            ceiling.append(first_of(left, right, 2))
    return share("match.joint", value, floor, ceiling, rng)


def directed(
    observed: tuple[str, ...], outputs: Outputs, target: str, families: Sequence[str], rng: np.random.Generator
) -> list[Result]:
    """The figures of one direction, as far as there are rivals enough."""
    wanted = np.sum([embeddings(outputs.real[name]) for name in observed], 0)  # nearest to all that is observed
    made, real = embeddings(outputs.items[target]), embeddings(outputs.real[target])
    there = outputs.truth[f"has_{target}"].to_numpy(bool)
    results = []
    for family in families:
        choices = CHOICES[family]
        if len(made) >= choices:
            value, floor = first_of(wanted, made, choices), first_of(wanted, rng.permutation(made), choices)
            ceiling = [first_of(wanted[there], real[there], choices)] if there.sum() >= choices else []
            results.append(share(f"{family}.{'+'.join(observed)}_to_{target}", [value], [floor], ceiling, rng))
    return results


def embeddings(predicted: Predictions) -> np.ndarray:
    """(N, S) where the matcher places the items."""
    assert predicted.embedded is not None, "there is a matcher"
    return predicted.embedded.astype(float)
