"""What the judges read in real test data, in what a codec gives back, and in voices that training never heard."""

import numpy as np
import pandas as pd

from stages.evaluation.figure import Figure, around, mean_of_cells
from stages.evaluation.labels import UNTOLD, Judged
from stages.evaluation.scene import Scene


def correct(judged: Judged, truth: pd.DataFrame, attribute: str) -> np.ndarray:
    """(N,) of 1 right, 0 wrong, NaN where the item does not say or no one knows."""
    labels, wanted = judged.labels[attribute], truth[attribute].to_numpy(str)
    return np.where((labels == UNTOLD) | (wanted == UNTOLD), np.nan, labels == wanted)


def told(outcomes: np.ndarray) -> np.ndarray:
    return outcomes[~np.isnan(outcomes)]


def accuracy(
    metric: str, right: np.ndarray, truth: pd.Series, ceiling: tuple[float, float, float], rng: np.random.Generator
) -> list[Figure]:
    """A judge's accuracy, if it was asked at all; the floor is that of always naming the most frequent label."""
    if not len(right):
        return []
    known = truth[truth != UNTOLD]
    floor, low, high = around([(known == known.value_counts().idxmax()).to_numpy()])
    value = (*mean_of_cells([right], rng), len(right))
    return [Figure(metric, *value, floor, *ceiling, floor_low=low, floor_high=high)]


def ceilings(scene: Scene, rng: np.random.Generator) -> list[Figure]:
    """What the judges reach on real test data: the key attribute's figure is `ceiling.<modality>`."""
    figures, test, all_right = [], scene.rows("test"), (1.0, 1.0, 1.0)
    for name, judged in scene.real["test"].items():
        for attribute in judged.labels:
            right = correct(judged, test, attribute)
            metric = f"ceiling.{name}" + ("" if attribute == scene.key else f".{attribute}")
            figures += accuracy(metric, told(right), test[attribute], all_right, rng)
            if name == "audio" and attribute == scene.key and "voice_seen" in test:
                unheard = told(right[(~test["voice_seen"].astype(bool)).to_numpy()])
                figures += accuracy("ceiling.audio.unheard_voices", unheard, test[attribute], all_right, rng)
    return figures


def reconstruction(scene: Scene, rng: np.random.Generator) -> list[Figure]:
    """What the judges find in test items that went through their codec and back."""
    figures, real, test = [], scene.real["test"], scene.rows("test")
    for name, judged in scene.codecs.items.items():
        for attribute in judged.labels:
            right, ceiling = told(correct(judged, scene.codecs.truth, attribute)), correct(real[name], test, attribute)
            figures += accuracy(
                f"reconstruction.{name}.{attribute}", right, scene.codecs.truth[attribute], around([told(ceiling)]), rng
            )
    return figures
