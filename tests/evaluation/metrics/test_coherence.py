"""Coherence: what is asked of which modalities, and what chance and the truth score."""

import numpy as np
import pandas as pd
import pytest

from stages.common.modality_subsets import proper_subsets
from stages.evaluation.metrics.coherence import coherence
from stages.evaluation.metrics.evaluated_data import Outputs, Predicted
from stages.evaluation.metrics.judge_inference import MALFORMED, UNSTATED, Predictions
from stages.evaluation.metrics.result import Result

COUNT = 600
SHOWN = {"digit": ["image", "audio"], "colour": ["image"], "pitch": ["audio"]}
VALUES = {"digit": list("0123456789"), "colour": ["red", "blue"], "pitch": ["low", "high"]}
RNG = np.random.default_rng(0)
TRUTH = pd.DataFrame({attribute: RNG.choice(values, COUNT) for attribute, values in VALUES.items()})
SILENT = RNG.random(COUNT) < 0.3  # captions that leave the digit out


def perfect(name: str) -> Predictions:
    """Items in which the judge finds what is true."""
    shown_by = [a for a in SHOWN if name == "text" or name in SHOWN[a]]
    labels = {attribute: TRUTH[attribute].to_numpy(str) for attribute in shown_by}
    if name == "text":
        labels["digit"] = np.where(SILENT, UNSTATED, labels["digit"])
    return Predictions(labels, np.ones(COUNT))


def results(names: tuple[str, ...], change: str = "") -> dict[str, Result]:
    """All figures of a generator that makes what is true; the modality `change` is made at random instead."""
    real: Predicted = {name: perfect(name) for name in names}
    made = {}
    for observed in proper_subsets(names):
        items = {name: perfect(name) for name in names if name not in observed}
        if change in items:
            items[change] = items[change].take(RNG.permutation(COUNT))
        made[observed] = Outputs(items, TRUTH, real, [])
    return {result.metric: result for result in coherence(made, SHOWN, "digit", np.random.default_rng(1))}


@pytest.mark.parametrize("names", [("image",), ("text",), ("audio",)])
def test_one_modality_has_nothing_to_agree_with(names: tuple[str, ...]) -> None:
    assert results(names) == {}


@pytest.mark.parametrize(
    "names", [("image", "audio"), ("image", "text"), ("text", "audio"), ("image", "text", "audio")]
)
def test_the_truth_scores_one_in_every_direction_that_exists(names: tuple[str, ...]) -> None:
    found = results(names)
    directions = {f"coherence.{a}_to_{b}" for a in names for b in names if a != b}
    assert directions <= set(found)
    assert ("coherence.hidden" in found) == (len(names) == 3)
    assert {result.value for result in found.values()} == {1.0} == {result.ceiling for result in found.values()}


def test_chance_scores_at_the_floor() -> None:
    for metric, result in results(("image", "text", "audio"), change="image").items():
        if metric.startswith("coherence.") and metric.endswith("to_image"):
            assert result.low <= 0.13 and result.value < 0.16, metric
            assert abs(result.value - result.floor) < 0.06, metric


def test_a_caption_outside_the_grammar_is_wrong_not_silent() -> None:
    broken = Predictions({"digit": np.full(COUNT, MALFORMED)}, np.zeros(COUNT))
    real = {name: perfect(name) for name in ("image", "text")}
    made = {
        (): Outputs({"image": real["image"], "text": broken}, TRUTH, real, []),
        ("image",): Outputs({"text": broken}, TRUTH, real, []),
        ("text",): Outputs({"image": real["image"]}, TRUTH, real, []),
    }
    found = {f.metric: f for f in coherence(made, {"digit": ["image"]}, "digit", np.random.default_rng(1))}
    assert found["coherence.image_to_text"].value == 0 and found["coherence.image_to_text"].n == COUNT
    assert found["coherence.joint"].value == 0 and found["coherence.joint"].n == COUNT
