"""Membership inference: what learned by heart is caught, who was not learned from is not, a bound is kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import vmap

from stages.common.files import write_json
from stages.common.params import Run, read_yaml
from stages.evaluation.attacks.membership import area, figures, found_at, likelihood_ratios
from stages.evaluation.attacks.settings import Attacks
from stages.evaluation.attacks.shadows import Audit, against_shadows, audit, halves
from stages.fusion.dataset import FeatureDataset
from stages.fusion.trained_fusion import TrainedFusion
from stages.generation.train import Train, fit, jobs_of, privately
from stages.learning.privacy import told
from stages.learning.training import stream
from tests.clones import ROOT
from tools.privacy import most_area

RNG = np.random.default_rng(1)
NAMES, WIDTH, SIDE, SHADOWS = ("image", "text"), 4, 60, 4
EPSILON, DELTA = 1.0, 1e-3


class Visible(torch.nn.Module):
    """A fusion that hides nothing of what is seen."""

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        return features * seen.repeat_interleave(WIDTH, -1)


FUSED = TrainedFusion(Visible(), width=2 * WIDTH, noise=0.05)


def dataset() -> FeatureDataset:
    """Samples with nothing in common: all that there is to learn is each of them. One in ten lacks its text."""
    rows = torch.randn(3 * SIDE, 2 * WIDTH, generator=stream(1, "rows"))
    split = np.repeat(["train", "test", "judge"], SIDE)
    there = torch.ones(3 * SIDE, 2, dtype=torch.bool)
    there[::10, 1] = False
    return FeatureDataset(NAMES, [(WIDTH,), (WIDTH,)], rows, there, split, rows[:SIDE, None], torch.ones(2 * WIDTH))


def settings(**changed: Any) -> Train:
    """Of a generator that goes a thousand times over its samples."""
    section = read_yaml(ROOT / "params.yaml")["train"] | changed
    steps = 400 if section["privacy"] is None else 60  # with so much noise nothing is learned in more
    for part in ("prior", "decoders"):
        section[part] |= {"hidden": 64, "depth": 2, "steps": steps, "batch": SIDE, "learning_rate": 0.004}
        section[part] |= {"condition_noise": 0.05, "max_epochs": None}
    return Train.model_validate(section)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stages before have been."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        write_json(Path("data/extract") / name / "codec.json", {"codec": "autoencoder"})
    lines = "\n".join(f"{number},train,True,{number % 10 != 0}" for number in range(SIDE))
    Path("data/preprocess").mkdir()
    Path("data/preprocess/samples.csv").write_text(f"id,split,has_image,has_text\n{lines}\n")


@torch.no_grad()
def attack(data: FeatureDataset, learned: Train, members: Audit, state: Path) -> np.ndarray:
    """The scores of the audited units, by a generator of the train split and by shadows."""
    plan, jobs = privately(learned, jobs_of(data, FUSED, learned), 1), jobs_of(data, FUSED, learned)
    card = {"privacy": told(plan)}
    mine = {}
    for number, (name, job) in enumerate(jobs.items()):
        job = job if plan is None else replace(job, private=plan.models[number])
        with torch.enable_grad():
            mine[name] = fit(name, job, learned, 1, state)[0]
    size = Attacks(shadows=SHADOWS, audited=SIDE, draws=8, unit="")
    run, rng = Run(seed=1, threads=1), np.random.default_rng(2)
    return likelihood_ratios(
        *against_shadows(mine, data, FUSED, members, size, learned, card, run, rng=rng, state=state / "shadows")
    )


def both_sides(one: str, other: str) -> Audit:
    """The samples of two splits, those of the first as if they had been learned from."""
    rows = np.concatenate([np.flatnonzero(dataset().split == split) for split in (one, other)])
    return Audit(rows, np.arange(2 * SIDE), np.arange(2 * SIDE) < SIDE)


@pytest.mark.slow
def test_a_generator_that_learned_by_heart_is_caught(tmp_path: Path) -> None:
    members = both_sides("train", "test")
    scores = attack(dataset(), settings(), members, tmp_path)
    found = figures("generator", scores, members.member, RNG)
    assert found[0].value >= 0.9 and found[0].low > 0.85
    assert [one.metric for one in found] == ["membership.generator"]  # of sixty no hundredth can be told


@pytest.mark.slow
def test_who_was_never_learned_from_is_not(tmp_path: Path) -> None:
    members = both_sides("judge", "test")
    found = figures("generator", attack(dataset(), settings(), members, tmp_path), members.member, RNG)[0]
    assert found.low <= 0.5 <= found.high


@pytest.mark.slow
def test_a_private_generator_keeps_below_what_its_epsilon_allows(tmp_path: Path) -> None:
    bound = {"epsilon": EPSILON, "delta": DELTA, "clip": 1.0, "unit": ""}
    members = both_sides("train", "test")
    scores = attack(dataset(), settings(privacy=bound), members, tmp_path)
    inside, outside = scores[members.member], scores[~members.member]
    assert area(inside, outside) < most_area(EPSILON, DELTA) < 0.9
    for rate in (0.05, 0.1, 0.2):
        assert found_at(inside, outside, rate) <= np.exp(EPSILON) * rate + DELTA + 3 * np.sqrt(rate / SIDE) + 1 / SIDE


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 2.0, 20.0])
def test_the_largest_area_is_that_below_both_bounds(epsilon: float) -> None:
    alarms = np.linspace(0, 1, 10001)
    found = np.minimum(np.exp(epsilon) * alarms + DELTA, 1 - np.exp(-epsilon) * (1 - DELTA - alarms)).clip(0, 1)
    assert most_area(epsilon, DELTA) == pytest.approx(np.trapezoid(found, alarms), abs=1e-4)


@pytest.mark.parametrize("gap", [0.0, 0.5, 3.0])
def test_the_ratio_tells_as_much_as_there_is(gap: float) -> None:
    """Of losses with a level of their own each, lower by a gap for who was learned: a threshold alone tells little."""
    units, shadows = 800, 8
    level, member = 5 * RNG.standard_normal((units, 2)), np.arange(units) < units // 2
    known = halves(member, shadows, RNG)
    others = level + RNG.standard_normal((shadows, units, 2)) - gap * known[..., None]
    mine = level + RNG.standard_normal((units, 2)) - gap * member[:, None]
    mine[::7, 1] = others[:, ::7, 1] = np.nan  # some lack a loss
    scores = likelihood_ratios(mine, others, known)
    found = figures("x", scores, member, RNG)
    assert np.isfinite(scores).all() and [one.floor for one in found] == [0.5, 0.01]
    best = 0.5 if gap == 0 else 1 - 0.5 * np.exp(-(gap**2))
    assert found[0].low - 0.03 <= best or found[0].value >= 0.9
    if gap == 0:
        assert found[0].low <= 0.5 <= found[0].high
    if gap == 3:
        assert found[0].value > 0.95 > area(-mine[member, 0], -mine[~member, 0]) and found[1].value > 0.5


def test_alarms_are_counted_at_the_score_that_so_many_others_exceed() -> None:
    outside = np.arange(100.0)
    assert found_at(np.array([98.5, 99.5, 97.0]), outside, 0.01) == pytest.approx(2 / 3)  # one of them may be above
    assert found_at(np.array([98.5, 99.5, 97.0]), outside, 0.0) == pytest.approx(1 / 3)
    assert found_at(outside, outside, 0.1) == pytest.approx(0.1)


def test_who_is_audited_and_what_shadows_learn_of_them() -> None:
    split = np.repeat(["train", "test", "judge"], [40, 24, 10])
    units = np.concatenate([np.repeat(np.arange(20), 2), np.repeat(np.arange(19, 31), 2), np.arange(90, 100)])
    found = audit(split, units, 50, RNG)
    assert found.member.sum() == (~found.member).sum() == 11  # one of the test split is of the train split, too
    assert set(split[found.samples]) == {"train", "test"}
    assert (found.member[found.units] == (split[found.samples] == "train")).all()
    assert (np.bincount(found.units) == 2).all()
    known = halves(found.member, 6, RNG)
    assert (known.sum(0) == 3).all() and (known[::2] ^ known[1::2]).all()
    assert np.abs(known[:, found.member].sum(1) - 5.5).max() == 0.5
    rows = RNG.standard_normal((len(found.samples), 1))
    assert found.by_unit(rows)[3, 0] == pytest.approx(rows[found.units == 3].mean())


def test_every_row_meets_the_same_noise() -> None:
    def loss(row: Tensor) -> Tensor:
        return row * 0 + torch.randn(1, generator=chance).sum()

    chance = stream(1, "same")
    assert vmap(loss, randomness="same")(torch.arange(5.0)).unique().numel() == 1
