"""An untrained generator scores at the floor: through the code that generates, and the code that measures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from stages.common.modality_subsets import proper_subsets
from stages.common.params import read_yaml
from stages.evaluation.metrics.coherence import coherence
from stages.evaluation.metrics.evaluated_data import Outputs
from stages.evaluation.metrics.judge_inference import Predictions
from stages.fusion import concat
from stages.fusion.dataset import FeatureDataset
from stages.fusion.trained_fusion import TrainedFusion
from stages.generation.models.families import FAMILIES
from stages.generation.models.trained_generator import build
from stages.generation.sampler import Sampler
from stages.learning.masks import mask
from stages.learning.networks import initialise
from stages.learning.training import stream
from tests.clones import ROOT
from tests.generation.sampling import sampling

COUNT, WIDTH, UNIFIED = 1500, 10, 8
NAMES = ["image", "audio"]
SETTINGS = sampling(samples=COUNT, observed=COUNT, steps=4)
OWN: dict[str, Any] = read_yaml(ROOT / "params.yaml")["train"]


def untrained(family: str, features: Tensor, *, seed: int) -> Sampler:
    """A fusion and a generator whose weights are as they begin."""
    fusion = concat.build([(WIDTH,), (WIDTH,)], UNIFIED, concat.Settings(hidden=32, depth=1))
    shapes = [(UNIFIED, UNIFIED + len(NAMES)), (WIDTH, UNIFIED), (WIDTH, UNIFIED)]
    models = [
        build(family, {"width": width, "condition": condition, "hidden": 32, "depth": 1}, OWN[family])
        for width, condition in shapes
    ]
    for place, model in enumerate([fusion, *models]):
        initialise(model, stream(seed, f"weights/{place}"))
    there = torch.ones(len(features), len(NAMES), dtype=torch.bool)
    dataset = FeatureDataset(
        tuple(NAMES),
        [(WIDTH,), (WIDTH,)],
        features,
        there,
        np.full(len(features), "test"),
        features[:0, None],
        torch.ones(2 * WIDTH),
    )
    return Sampler(dataset, {}, {}, TrainedFusion(fusion, UNIFIED, 0.3), models[0], models[1:], SETTINGS, seed, Path())


def read(features: Tensor) -> dict[str, Predictions]:
    """Features are a number a digit, and the judge, which never errs, names the largest."""
    parts = zip(NAMES, features.split(WIDTH, -1), strict=True)
    return {
        name: Predictions({"digit": part.argmax(-1).numpy().astype(str)}, np.ones(len(part))) for name, part in parts
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_an_untrained_generator_scores_at_the_floor(family: str) -> None:
    digits = np.arange(COUNT) % WIDTH
    features = torch.eye(WIDTH)[digits].repeat(1, 2)  # a picture and a clip of the same digit
    truth, real = pd.DataFrame({"digit": digits.astype(str)}), read(features)
    gaps: dict[str, list[float]] = {}
    for seed in range(5):
        sampler = untrained(family, features, seed=seed)
        outputs = {}
        for observed in proper_subsets(NAMES):
            seen, chance = mask(observed, NAMES, COUNT), stream(seed, f"generate/{observed}")
            with torch.no_grad():
                made = read(sampler.draw(features, seen, sampler.noises(COUNT, chance)))
            outputs[observed] = Outputs({n: made[n] for n in NAMES if n not in observed}, truth, real, [])
        for result in coherence(outputs, {"digit": NAMES}, "digit", np.random.default_rng(seed)):
            assert result.ceiling == 1
            gaps.setdefault(result.metric, []).append(result.value - result.floor)
    assert {"coherence.joint", "coherence.image_to_audio", "coherence.audio_to_image"} <= gaps.keys()
    for metric, gap in gaps.items():  # by chance an untrained model favours some digits: in the mean, no right ones
        assert abs(np.mean(gap)) < 0.05, (metric, gap)
