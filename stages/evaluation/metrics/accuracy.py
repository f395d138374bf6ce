"""What the judges read in real test data, in what a codec gives back, and in voices that training never heard."""

import numpy as np
import pandas as pd

from stages.evaluation.intervals import bootstrap_interval, normal_interval
from stages.evaluation.metrics.dataset import Dataset
from stages.evaluation.metrics.figure import Figure
from stages.evaluation.metrics.judged import UNSTATED, Judged


def correct(judged: Judged, truth: pd.DataFrame, attribute: str) -> np.ndarray:
    """(N,) of 1 right, 0 wrong, NaN where the item does not say or no one knows."""
    labels, wanted = judged.labels[attribute], truth[attribute].to_numpy(str)
    return np.where((labels == UNSTATED) | (wanted == UNSTATED), np.nan, labels == wanted)


def asked(outcomes: np.ndarray) -> np.ndarray:
    return outcomes[~np.isnan(outcomes)]


def accuracy(
    metric: str, right: np.ndarray, truth: pd.Series, ceiling: tuple[float, float, float], rng: np.random.Generator
) -> list[Figure]:
    """A judge's accuracy, if it was asked at all; the floor is that of always naming the most frequent label."""
    if not len(right):
        return []
    known = truth[truth != UNSTATED]
    floor, low, high = normal_interval([(known == known.value_counts().idxmax()).to_numpy()])
    value = (*bootstrap_interval([right], rng), len(right))
    return [Figure(metric, *value, floor, *ceiling, floor_low=low, floor_high=high)]


def ceilings(dataset: Dataset, rng: np.random.Generator) -> list[Figure]:
    """What the judges reach on real test data: the key attribute's figure is `ceiling.<modality>`."""
    figures, test, all_right = [], dataset.rows("test"), (1.0, 1.0, 1.0)
    for name, judged in dataset.real["test"].items():
        for attribute in judged.labels:
            right = correct(judged, test, attribute)
            metric = f"ceiling.{name}" + ("" if attribute == dataset.key else f".{attribute}")
            figures += accuracy(metric, asked(right), test[attribute], all_right, rng)
            if name == "audio" and attribute == dataset.key and "voice_seen" in test:
                unheard = asked(right[(~test["voice_seen"].astype(bool)).to_numpy()])
                figures += accuracy("ceiling.audio.unheard_voices", unheard, test[attribute], all_right, rng)
    return figures


def reconstruction(dataset: Dataset, rng: np.random.Generator) -> list[Figure]:
    """What the judges find in test items that went through their codec and back."""
    figures, real, test = [], dataset.real["test"], dataset.rows("test")
    for name, judged in dataset.codecs.items.items():
        for attribute in judged.labels:
            right, ceiling = (
                asked(correct(judged, dataset.codecs.truth, attribute)),
                correct(real[name], test, attribute),
            )
            figures += accuracy(
                f"reconstruction.{name}.{attribute}",
                right,
                dataset.codecs.truth[attribute],
                normal_interval([asked(ceiling)]),
                rng,
            )
    return figures
