"""Collapse, seen from four sides: how evenly labels come out, how many there are, how sure judges are, and how much
is left to chance where the observed side says nothing.
"""

from collections import Counter
from itertools import product

import numpy as np
import pandas as pd

from stages.evaluation.intervals import LEVEL, centred_interval
from stages.evaluation.metrics.coherence import given
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.judge_inference import MALFORMED, UNSTATED
from stages.evaluation.metrics.result import Result, share

REPLICATES = 200  # bootstrap samples


def named(labels: np.ndarray) -> np.ndarray:
    """The labels that name a value."""
    return labels[(labels != UNSTATED) & (labels != MALFORMED)]


def balance(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """Largest relative deviation of a label's share among joint samples from its share in the whole data set."""
    results = []
    for name, predicted in dataset.joint.items.items():
        for attribute, labels in predicted.labels.items():
            real, said = named(dataset.samples[attribute].to_numpy(str)), named(labels)
            parts = pd.Series(real).value_counts(normalize=True)

            def deviation(drawn: np.ndarray, parts: pd.Series = parts) -> float:
                counts = Counter(drawn.tolist())
                return max(abs(counts[value] / len(drawn) / part - 1) for value, part in parts.items())

            if len(said):
                low, high = np.percentile([deviation(rng.choice(said, len(said))) for _ in range(REPLICATES)], LEVEL)
                chance = [deviation(rng.choice(real, len(said))) for _ in range(REPLICATES)]
                least, most = np.percentile(chance, LEVEL)
                one_label = deviation(np.full(len(said), parts.index[0]))
                metric = f"balance.{name}.{attribute}"
                results.append(
                    Result(
                        metric, deviation(said), low, high, len(said), one_label, float(np.mean(chance)), least, most
                    )
                )
    return results


def recognisability(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """Does a judge recognise what was made from nothing, and how many of the key attribute's values are there?

    Certainty is about the key attribute where the judge finds it, else the mean over attributes; of captions that the
    grammar reads it is the share that can be read at all.
    """
    results, items = [], dataset.joint.items
    for name, predicted in items.items():
        if not predicted.labels:
            continue
        lost, real = dataset.decoded_noise[name].confidence, dataset.present("test", name).confidence
        results.append(share(f"confidence.{name}", [predicted.confidence], [lost], [real], rng))
        if dataset.key is not None and dataset.key in predicted.labels:
            said = named(predicted.labels[dataset.key])
            drawn = [len(set(rng.choice(said, len(said)))) for _ in range(REPLICATES)] if len(said) else [0]
            low, high = np.percentile(drawn, LEVEL)
            most = float(len(set(named(dataset.real["test"][name].labels[dataset.key]))))
            results.append(Result(f"classes.{name}", len(set(said)), low, high, len(said), 1.0, most, most, most))
    return results


def entropy_left(dataset: Dataset, replicates: int, rng: np.random.Generator) -> list[Result]:
    """Entropy, in bits, of each attribute that the observed side leaves open, for each value of the key attribute.

    Floor: one answer for all. Ceiling: the real partners of the same samples. A collapsed model is far below it.
    """
    results: list[Result] = []
    if dataset.key is None:
        return results
    for (observed, outputs), attribute in product(dataset.conditional.items(), dataset.shown_by):
        determined = given(observed, attribute, outputs.truth, outputs.real, dataset.shown_by)
        for target in outputs.items:
            if (
                attribute == dataset.key
                or attribute not in outputs.items[target].labels
                or (determined != UNSTATED).any()
            ):
                continue
            key, sides = outputs.truth[dataset.key], (outputs.items, outputs.real)
            made, real = (joint_counts(key, side[target].labels[attribute]) for side in sides)
            if made.sum() and real.sum():
                value, ceiling = entropy(made), entropy(real)
                low, high = centred_interval(entropies(made, replicates, rng), value)
                ends = centred_interval(entropies(real, replicates, rng), ceiling)
                metric = f"entropy.{attribute}.{'+'.join(observed)}_to_{target}"
                results.append(Result(metric, value, low, high, int(made.sum()), 0.0, ceiling, *ends))
    return results


def joint_counts(key: pd.Series, labels: np.ndarray) -> np.ndarray:
    """How often each label comes with each value of the `key` attribute: (key values, labels)."""
    rows = (labels != UNSTATED) & (labels != MALFORMED) & (key != UNSTATED).to_numpy()
    counts = pd.crosstab(key.to_numpy(str)[rows], labels[rows])
    return np.asarray(counts.to_numpy(), float)


def entropies(counts: np.ndarray, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """The entropy of bootstrap samples of a table of counts."""
    total = int(counts.sum())
    drawn = rng.multinomial(total, (counts / total).ravel(), replicates).reshape(replicates, *counts.shape)
    return np.array([entropy(table) for table in drawn.astype(float)])


def entropy(counts: np.ndarray) -> float:
    """Conditional entropy of the columns given the rows, bits."""
    joint = counts / counts.sum()
    rows = joint.sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = joint * np.log2(joint / rows)
    return float(-np.nansum(parts))
