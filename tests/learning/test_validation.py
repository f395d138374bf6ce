"""Few data are learned by heart: the curves show it, and the page says it."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Generator, Tensor

from stages.common.params import read_yaml
from stages.evaluation.page.curves import charts, learned_by_heart, lowest_step
from stages.fusion.dataset import FeatureDataset
from stages.fusion.objective import Learning
from stages.fusion.trained_fusion import FUSIONS
from stages.generation.pairs import Pairs
from stages.generation.train import Job, Train, fit
from stages.learning.training import stream
from stages.learning.validation import ENOUGH, mean_loss
from tests.clones import ROOT

FEW, WIDTH = 24, 6


def unrelated(name: str) -> Pairs:
    """Pairs of targets and conditions that have nothing to do with each other: there is nothing to learn but them."""
    chance = stream(1, name)
    targets, conditions = (torch.randn(FEW, WIDTH, generator=chance) for _ in range(2))

    return Pairs(FEW, 1, lambda rows, _: (targets[rows], conditions[rows]))


@pytest.mark.parametrize("family", ["flow", "vae"])
def test_a_model_that_learns_by_heart_is_left_as_it_is_and_told_of(family: str, tmp_path: Path) -> None:
    section = read_yaml(ROOT / "tests/tiny.yaml")["train"] | {"model": family}
    section["prior"] |= {"hidden": 64, "depth": 2, "steps": 400, "batch": FEW, "learning_rate": 0.005}
    settings, held = Train.model_validate(section), unrelated("held")
    plain, _, _ = fit("prior", Job(unrelated("known"), settings.prior), settings, 1, tmp_path / "plain")
    model, _, curve = fit("prior", Job(unrelated("known"), settings.prior, held), settings, 1, tmp_path / "watched")
    assert all(torch.equal(*both) for both in zip(plain.parameters(), model.parameters(), strict=True))
    scores = curve.table()["validation"].dropna()
    measure = mean_loss(partial(of_pairs, model, held), FEW, seed=1, name="train/prior")
    assert len(scores) == 20 and scores.iloc[-1] == pytest.approx(measure(), rel=1e-6)
    long = curve.table().melt("step", var_name="loss").assign(stage="train/prior").dropna()
    (sentence,) = learned_by_heart(long)
    assert f"after {lowest_step(long)} of 400 steps" in sentence and scores.iloc[-1] > 1.2 * scores.min()


def of_pairs(model: torch.nn.Module, pairs: Pairs, stream: Generator) -> dict[str, Tensor]:
    found: dict[str, Tensor] = model.losses(*pairs(FEW, stream), stream)  # type: ignore[operator]  # a density
    return found


def test_a_gan_has_no_loss_to_watch(tmp_path: Path) -> None:
    section = read_yaml(ROOT / "tests/tiny.yaml")["train"] | {"model": "gan"}
    section["prior"] |= {"steps": 4, "batch": FEW}
    settings = Train.model_validate(section)
    *_, curve = fit("prior", Job(unrelated("known"), settings.prior, unrelated("held")), settings, 1, tmp_path)
    assert "validation" not in curve.table()


@pytest.mark.parametrize("held_out", [0, 7, 8, 40])
def test_a_fusion_is_watched_by_samples_that_it_does_not_learn_from(held_out: int, tmp_path: Path) -> None:
    features = torch.randn(60 + held_out, WIDTH, generator=stream(1, "features"))
    split = np.array(["train"] * 60 + ["validation"] * held_out)
    there = torch.ones(len(split), 2, dtype=torch.bool)
    copies = features[:60, None]
    dataset = FeatureDataset(("image", "text"), [(4,), (2,)], features, there, split, copies, torch.ones(WIDTH))
    own = FUSIONS["concat"].Settings(**read_yaml(ROOT / "tests/tiny.yaml")["fuse"]["concat"])
    learning = Learning(
        unified_width=4, noise=0.1, feature_noise=0.1, hidden=16, steps=40, batch=32, learning_rate=0.01
    )
    _, curve = FUSIONS["concat"].fit(dataset, own, learning, seed=1, state=tmp_path)
    scores = curve.table().get("validation", pd.Series(dtype=float)).dropna()
    assert len(scores) == (20 if held_out >= 8 else 0)


@pytest.mark.parametrize("batch", [8, 100, ENOUGH, 5000])
def test_a_score_is_the_mean_of_enough_items_and_always_the_same(batch: int) -> None:
    drawn: list[float] = []

    def loss(chance: Generator) -> dict[str, Tensor]:
        drawn.append(torch.rand((), generator=chance).item())
        return {"a": torch.tensor(drawn[-1]), "b": torch.tensor(1.0)}

    score = mean_loss(loss, batch, seed=1, name="test")
    first, second = score(), score()
    half = len(drawn) // 2
    assert first == second and drawn[:half] == drawn[half:]
    assert half * batch >= ENOUGH > (half - 1) * batch
    assert first == pytest.approx(1 + np.mean(drawn))


def test_a_chart_marks_the_lowest() -> None:
    steps = [10, 20, 30, 40]
    rows = pd.DataFrame({"stage": "fuse", "loss": "fit", "step": steps, "value": [4.0, 3, 2, 1]})
    assert lowest_step(rows) is None and charts(rows)[0].lowest is None
    scored = pd.concat([rows, rows.assign(loss="validation", value=[3.0, 2, 2, 2.3])], ignore_index=True)
    assert lowest_step(scored) == 30, "of equals the last"
    assert charts(scored)[0].lowest == 40 + 0.75 * (300 - 40 - 6)
    assert learned_by_heart(scored) == [], "15 % above is not much"
