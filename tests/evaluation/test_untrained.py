"""An untrained generator scores at the floor: through the code that generates, and the code that measures."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from stages.common.learning import stream
from stages.common.networks import initialise
from stages.common.params import read_yaml
from stages.common.subsets import mask, proper_subsets
from stages.evaluation.coherence import coherence
from stages.evaluation.labels import Judged
from stages.evaluation.scene import Way
from stages.fusion import concat
from stages.fusion.fuse import Fused
from stages.generation.families import FAMILIES, Density
from stages.generation.generate import Generate, draw
from stages.generation.train import build
from tests.clones import ROOT

COUNT, WIDTH, UNIFIED = 1500, 10, 8
NAMES = ["image", "audio"]
SETTINGS = Generate(samples=COUNT, observed=COUNT, steps=4, temperature=1.0, temperature_parts=1.0)
OWN: dict[str, Any] = read_yaml(ROOT / "params.yaml")["train"]


def untrained(family: str, *, seed: int) -> tuple[Fused, tuple[Density, list[Density]]]:
    """A fusion and a generator whose weights are as they begin."""
    fusion = concat.build([WIDTH, WIDTH], UNIFIED, concat.Settings(hidden=32, depth=1))
    shapes = [(UNIFIED, UNIFIED + len(NAMES)), (WIDTH, UNIFIED), (WIDTH, UNIFIED)]
    models = [
        build(family, {"width": width, "condition": condition, "hidden": 32, "depth": 1}, OWN[family])
        for width, condition in shapes
    ]
    for place, model in enumerate([fusion, *models]):
        initialise(model, stream(seed, f"weights/{place}"))
    return Fused(fusion, UNIFIED, 0.3), (models[0], models[1:])


def read(features: Tensor) -> dict[str, Judged]:
    """Features are a number a digit, and the judge, which never errs, names the largest."""
    parts = zip(NAMES, features.split(WIDTH, -1), strict=True)
    return {name: Judged({"digit": part.argmax(-1).numpy().astype(str)}, np.ones(len(part))) for name, part in parts}


@pytest.mark.parametrize("family", FAMILIES)
def test_an_untrained_generator_scores_at_the_floor(family: str) -> None:
    digits = np.arange(COUNT) % WIDTH
    features = torch.eye(WIDTH)[digits].repeat(1, 2)  # a picture and a clip of the same digit
    truth, real = pd.DataFrame({"digit": digits.astype(str)}), read(features)
    gaps: dict[str, list[float]] = {}
    for seed in range(5):
        fused, generator = untrained(family, seed=seed)
        ways = {}
        for observed in proper_subsets(NAMES):
            seen, chance = mask(observed, NAMES, COUNT), stream(seed, f"generate/{observed}")
            with torch.no_grad():
                made = read(draw(fused, generator, features, seen, SETTINGS, chance))
            ways[observed] = Way({n: made[n] for n in NAMES if n not in observed}, truth, real, [])
        for figure in coherence(ways, {"digit": NAMES}, "digit", np.random.default_rng(seed)):
            assert figure.ceiling == 1
            gaps.setdefault(figure.metric, []).append(figure.value - figure.floor)
    assert {"coherence.joint", "coherence.image_to_audio", "coherence.audio_to_image"} <= gaps.keys()
    for metric, gap in gaps.items():  # by chance an untrained model favours some digits: in the mean, no right ones
        assert abs(np.mean(gap)) < 0.05, (metric, gap)
