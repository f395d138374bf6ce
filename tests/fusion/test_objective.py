"""Learning to fuse: what is shared is found from any side."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.common.params import read_yaml
from stages.fusion import matrix, objective
from stages.fusion.dataset import FeatureDataset
from stages.fusion.objective import CONTRAST, PREDICTION, Learning, NetworkFusion, fit_by_prediction
from stages.fusion.trained_fusion import FUSIONS
from stages.learning.contrastive import info_nce
from stages.learning.masks import mask
from stages.learning.training import stream
from tests.clones import ROOT

NAMES, SHAPES, SAMPLES = ("image", "text"), [(4,), (2, 2)], 300


@pytest.fixture(scope="module")
def dataset() -> FeatureDataset:
    """Both modalities show one of four classes, each in its own way, with noise; one in ten lacks its text."""
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 4, SAMPLES)
    shown = 3 * np.concatenate([np.eye(4)[kinds], np.eye(4)[(kinds * 3 + 1) % 4]], 1)
    copies = torch.tensor(shown[:, None] + 0.3 * rng.standard_normal((SAMPLES, 2, 8)), dtype=torch.float32)
    there = torch.ones(SAMPLES, 2, dtype=torch.bool)
    there[::10, 1] = False
    return FeatureDataset(NAMES, SHAPES, copies[:, 0], there, np.full(SAMPLES, "train"), copies, torch.ones(8))


LEARNING = Learning(unified_width=6, noise=0.2, feature_noise=0.1, hidden=32, steps=150, batch=64, learning_rate=0.005)


@pytest.mark.parametrize("method", [name for name in FUSIONS if name != "none"])
def test_either_side_alone_tells_what_both_share(method: str, dataset: FeatureDataset, tmp_path: Path) -> None:
    module = FUSIONS[method]
    settings = module.Settings(**read_yaml(ROOT / "tests/tiny.yaml")["fuse"][method])
    fusion, curve = module.fit(dataset, settings, LEARNING, seed=1, state=tmp_path)
    if curve:  # a closed form has none
        parts = curve.table().drop(columns="step")
        assert np.isfinite(parts.to_numpy()).all()
        assert (parts.iloc[-5:].mean() < 0.6 * parts.iloc[0]).all()
    whole = dataset.available.all(1)
    with torch.no_grad():
        one, other = (
            torch.nn.functional.normalize(fusion(dataset.clean, mask([name], NAMES, SAMPLES)), dim=-1)[whole]
            for name in NAMES
        )
    kinds = dataset.clean[whole, :4].argmax(-1)
    nearest = (one @ other.T).argmax(-1)
    assert (kinds[nearest] == kinds).float().mean() > 0.95
    for names in (["image"], ["text"], NAMES):  # noise on them is of a fixed size, so they must be too
        with torch.no_grad():
            size = fusion(dataset.clean, mask(names, NAMES, SAMPLES))[whole].square().mean()
        torch.testing.assert_close(size, torch.tensor(1.0), atol=0.1, rtol=0)


def test_matrices_refuse_a_representation_wider_than_what_it_is_made_of(
    dataset: FeatureDataset, tmp_path: Path
) -> None:
    learning = LEARNING.model_copy(update={"unified_width": 8})
    with pytest.raises(ValueError, match=r"fuse\.unified_width: expected less than 8 .* got 8; lower it"):
        matrix.fit(dataset, matrix.Settings(ridge=0.001), learning, seed=1, state=tmp_path)


@pytest.mark.parametrize("method", ["concat", "gated", "attention"])
def test_a_network_sees_features_in_the_size_that_they_have(method: str, dataset: FeatureDataset) -> None:
    settings = FUSIONS[method].Settings(**read_yaml(ROOT / "tests/tiny.yaml")["fuse"][method])
    fusion, scale = FUSIONS[method].build(SHAPES, 6, settings), torch.linspace(0.5, 2, 8)
    with torch.no_grad():
        expected = fusion(dataset.clean * scale, dataset.available)
        fusion.scale.copy_(scale)
        torch.testing.assert_close(fusion(dataset.clean, dataset.available), expected)


class Deaf(NetworkFusion):
    """A fusion that says nothing, and remembers what it was shown: some, the rest and all of each sample."""

    def __init__(self) -> None:
        super().__init__(SHAPES, LEARNING.unified_width)
        self.shown: list[Tensor] = []

    def tokenise(self, features: Tensor) -> Tensor:
        return features

    def mix(self, tokens: Tensor, seen: Tensor) -> Tensor:
        self.shown.append(seen)
        return torch.zeros(*seen.shape[:2], LEARNING.unified_width)


def test_what_is_predicted_is_what_was_not_seen(
    dataset: FeatureDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Networks that say 0: the error is the mean square of the features held back, the contrast a blind guess.

    Features count as much as they do in the item.
    """
    dataset = replace(dataset, scale=torch.linspace(0.5, 2, 8))
    caught: dict[str, Any] = {}
    monkeypatch.setattr(objective, "optimise", lambda networks, loss, *_, **__: caught.update(of=networks, loss=loss))
    fusion = Deaf()
    fit_by_prediction(fusion, dataset, LEARNING, seed=1, state=tmp_path)
    for weight in caught["of"].parameters():
        torch.nn.init.zeros_(weight)
    losses = caught["loss"](stream(1, "loss"))
    some, rest, there = fusion.shown[0].unbind(1)
    rows, _ = dataset.draw(LEARNING.batch, stream(1, "loss"))
    assert (
        torch.equal(there, dataset.train_available[rows])
        and torch.equal(some | rest, there)
        and not (some & rest).any()
    )
    hidden = (dataset.targets * dataset.scale)[rows].unflatten(1, (2, 4))[rest]
    assert losses["prediction"].item() == pytest.approx(PREDICTION * hidden.square().mean().item())
    assert losses["contrast"].item() == pytest.approx(CONTRAST * math.log(rest.any(1).sum().item()))


def test_contrast_is_that_of_a_case_by_hand() -> None:
    """Temperature 0.1. Forth, both e_0 meet e_0 and e_1, the second's partner; back, each meets the same twice."""
    forth, back = 5 + math.log1p(math.exp(-10)), math.log(2)
    one, other = torch.eye(2, dtype=torch.float64)
    found = info_nce(torch.stack([one, one]), torch.stack([one, other]))
    assert found.item() == pytest.approx((forth + back) / 2)
    among = torch.eye(5, dtype=torch.float64)
    assert info_nce(among, among).item() == pytest.approx(math.log1p(4 * math.exp(-10)))


def test_contrast_is_least_for_what_belongs_together() -> None:
    left = torch.nn.functional.normalize(torch.randn(20, 8, generator=stream(1, "left")), dim=-1)
    assert info_nce(left, left) < 0.1 < info_nce(left, left.roll(1, 0))
    assert info_nce(left[:0], left[:0]) == 0
    assert info_nce(left[:1], left[:1]) == 0
    torch.testing.assert_close(info_nce(left, left.roll(1, 0)), info_nce(left.roll(1, 0), left))
