"""What the judges read in real test data, in what a codec gives back, and in voices that training never heard."""

import numpy as np
import pandas as pd

from stages.common.modality import kind_of
from stages.evaluation.intervals import bootstrap_interval, normal_interval
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.judge_inference import UNSTATED, Predictions
from stages.evaluation.metrics.result import Result


def correct(predicted: Predictions, truth: pd.DataFrame, attribute: str) -> np.ndarray:
    """(N,) of 1 right, 0 wrong, NaN where the item does not say or no one knows."""
    labels, wanted = predicted.labels[attribute], truth[attribute].to_numpy(str)
    return np.where((labels == UNSTATED) | (wanted == UNSTATED), np.nan, labels == wanted)


def asked(outcomes: np.ndarray) -> np.ndarray:
    return outcomes[~np.isnan(outcomes)]


def accuracy(
    metric: str, right: np.ndarray, truth: pd.Series, ceiling: tuple[float, float, float], rng: np.random.Generator
) -> list[Result]:
    """A judge's accuracy, if it was asked at all; the floor is that of always naming the most frequent label."""
    if not len(right):
        return []
    known = truth[truth != UNSTATED]
    floor, low, high = normal_interval([(known == known.value_counts().idxmax()).to_numpy()])
    value = (*bootstrap_interval([right], rng), len(right))
    return [Result(metric, *value, floor, *ceiling, floor_low=low, floor_high=high)]


def judge_accuracy(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """What the judges reach on real test data: the key attribute's figure is `ceiling.<modality>`."""
    results, test, all_right = [], dataset.rows("test"), (1.0, 1.0, 1.0)
    for name, predicted in dataset.real["test"].items():
        for attribute in predicted.labels:
            right = correct(predicted, test, attribute)
            metric = f"ceiling.{name}" + ("" if attribute == dataset.key else f".{attribute}")
            results += accuracy(metric, asked(right), test[attribute], all_right, rng)
            if kind_of(name) == "audio" and attribute == dataset.key and "voice_seen" in test:
                unheard = asked(right[(~test["voice_seen"].astype(bool)).to_numpy()])
                results += accuracy(f"ceiling.{name}.unheard_voices", unheard, test[attribute], all_right, rng)
    return results


def codec_accuracy(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """What the judges find in test items that went through their codec and back."""
    results, real, test = [], dataset.real["test"], dataset.rows("test")
    for name, predicted in dataset.reconstructed.items.items():
        for attribute in predicted.labels:
            right, ceiling = (
                asked(correct(predicted, dataset.reconstructed.truth, attribute)),
                correct(real[name], test, attribute),
            )
            results += accuracy(
                f"codec_accuracy.{name}.{attribute}",
                right,
                dataset.reconstructed.truth[attribute],
                normal_interval([asked(ceiling)]),
                rng,
            )
    return results
