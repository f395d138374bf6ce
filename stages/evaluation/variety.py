"""Collapse, seen from four sides: how evenly labels come out, how many there are, how sure judges are, and how much
is left to chance where the observed side says nothing.
"""

from collections import Counter
from itertools import product

import numpy as np
import pandas as pd

from stages.evaluation.coherence import given
from stages.evaluation.figure import LEVEL, Figure, bootstrap, share
from stages.evaluation.labels import MALFORMED, UNTOLD
from stages.evaluation.scene import Scene

REPLICATES = 200  # bootstrap samples


def named(labels: np.ndarray) -> np.ndarray:
    """The labels that name a value."""
    return labels[(labels != UNTOLD) & (labels != MALFORMED)]


def balance(scene: Scene, rng: np.random.Generator) -> list[Figure]:
    """Largest relative deviation of a label's share among joint samples from its share in the whole data set."""
    figures = []
    for name, judged in scene.joint.items.items():
        for attribute, labels in judged.labels.items():
            real, said = scene.samples[attribute], named(labels)
            parts = real[real != UNTOLD].value_counts(normalize=True)

            def deviation(drawn: np.ndarray, parts: pd.Series = parts) -> float:
                counts = Counter(drawn.tolist())
                return max(abs(counts[value] / len(drawn) / part - 1) for value, part in parts.items())

            if len(said):
                low, high = np.percentile([deviation(rng.choice(said, len(said))) for _ in range(REPLICATES)], LEVEL)
                chance = [deviation(rng.choice(real, len(said))) for _ in range(REPLICATES)]
                least, most = np.percentile(chance, LEVEL)
                one_label = deviation(np.full(len(said), parts.index[0]))
                metric = f"balance.{name}.{attribute}"
                figures.append(
                    Figure(
                        metric, deviation(said), low, high, len(said), one_label, float(np.mean(chance)), least, most
                    )
                )
    return figures


def health(scene: Scene, rng: np.random.Generator) -> list[Figure]:
    """Does a judge recognise what was made from nothing, and how many of the key attribute's values are there?

    Certainty is about the key attribute where the judge finds it, else the mean over attributes; of captions that the
    grammar reads it is the share that can be read at all.
    """
    figures, items = [], scene.joint.items
    for name, judged in items.items():
        if not judged.labels:
            continue
        lost, real = scene.untrained[name].certainty, scene.present("test", name).certainty
        figures.append(share(f"confidence.{name}", [judged.certainty], [lost], [real], rng))
        if scene.key is not None and scene.key in judged.labels:
            said = named(judged.labels[scene.key])
            drawn = [len(set(rng.choice(said, len(said)))) for _ in range(REPLICATES)] if len(said) else [0]
            low, high = np.percentile(drawn, LEVEL)
            most = float(len(set(named(scene.real["test"][name].labels[scene.key]))))
            figures.append(Figure(f"classes.{name}", len(set(said)), low, high, len(said), 1.0, most, most, most))
    return figures


def freedom(scene: Scene, replicates: int, rng: np.random.Generator) -> list[Figure]:
    """Entropy, in bits, of each attribute that the observed side leaves open, for each value of the key attribute.

    Floor: one answer for all. Ceiling: the real partners of the same samples. A collapsed model is far below it.
    """
    figures: list[Figure] = []
    if scene.key is None:
        return figures
    for (observed, way), attribute in product(scene.observing.items(), scene.shown):
        determined = given(observed, attribute, way.truth, way.real, scene.shown)
        for target in way.items:
            if attribute == scene.key or attribute not in way.items[target].labels or (determined != UNTOLD).any():
                continue
            key, sides = way.truth[scene.key], (way.items, way.real)
            made, real = (spread_of(key, side[target].labels[attribute]) for side in sides)
            if made.sum() and real.sum():
                value, ceiling = entropy(made), entropy(real)
                low, high = bootstrap(entropies(made, replicates, rng), value)
                ends = bootstrap(entropies(real, replicates, rng), ceiling)
                metric = f"freedom.{attribute}.{'+'.join(observed)}_to_{target}"
                figures.append(Figure(metric, value, low, high, int(made.sum()), 0.0, ceiling, *ends))
    return figures


def spread_of(key: pd.Series, labels: np.ndarray) -> np.ndarray:
    """How often each label comes with each value of the `key` attribute: (key values, labels)."""
    rows = (labels != UNTOLD) & (labels != MALFORMED) & (key != UNTOLD).to_numpy()
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
