"""Fidelity and diversity: the same numbers as the libraries, and each moves the way it must (Raisa et al. 2025)."""

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import poly_mmd

from stages.evaluation.metrics.distribution_measures import frechet_distance, kernel_distance, kernels, neighbourhoods
from stages.evaluation.metrics.memorisation import copied, nearest

WIDTH, KINDS = 8, 5


def items(count: int, seed: int, kinds: int = KINDS) -> np.ndarray:
    """Features of `kinds` kinds of items, all of one source."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(99).normal(size=(KINDS, WIDTH))
    return (middles[np.arange(count) % kinds] + 0.3 * rng.normal(size=(count, WIDTH))) / np.sqrt(WIDTH)


def measured(samples: np.ndarray, real: np.ndarray) -> dict[str, float]:
    near = neighbourhoods(samples, real)
    shares = {name: float(getattr(near, name).mean()) for name in ("precision", "recall", "density", "coverage")}
    return shares | {"kernel": kernel_distance(samples, real), "frechet": frechet_distance(samples, real)}


REAL, MADE = items(500, 1), items(400, 2)
BEFORE = measured(MADE, REAL)
CHANGES = {  # what is done to the samples: which metrics must fall, and which must rise
    "noise": (("precision", "density", "coverage"), ("kernel", "frechet")),
    "kind dropped": (("recall", "coverage"), ("kernel", "frechet")),
    "duplicates": (("recall", "coverage"), ()),
}


def changed(change: str) -> np.ndarray:
    if change == "noise":
        return MADE + 0.4 * np.random.default_rng(3).normal(size=MADE.shape)
    if change == "kind dropped":
        return items(len(MADE), 2, kinds=KINDS - 1)
    return np.repeat(MADE[:20], len(MADE) // 20, axis=0)


@pytest.mark.parametrize("change", CHANGES)
def test_a_metric_moves_the_right_way(change: str) -> None:
    after, (fall, rise) = measured(changed(change), REAL), CHANGES[change]
    for name in fall:
        assert after[name] < BEFORE[name] - 0.05, name
    for name in rise:
        assert after[name] > BEFORE[name] + 0.02, name


def test_order_does_not_matter() -> None:
    again = measured(MADE[::-1], REAL[::-1])
    assert again == pytest.approx(BEFORE, abs=1e-9)


def test_fresh_items_score_as_real_ones() -> None:
    assert abs(BEFORE["kernel"]) < 0.02 and BEFORE["coverage"] > 0.9 and abs(BEFORE["density"] - 1) < 0.15


def test_neighbourhoods_are_those_of_prdc(capsys: pytest.CaptureFixture[str]) -> None:
    samples = MADE + 0.2
    theirs = compute_prdc(REAL, samples, nearest_k=5)
    capsys.readouterr()  # it prints
    ours = measured(samples, REAL)
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, abs=1e-9), name


def test_the_frechet_distance_is_that_of_torchmetrics() -> None:
    class Same(torch.nn.Module):
        num_features = WIDTH

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    theirs = FrechetInceptionDistance(Same(), normalize=True).set_dtype(torch.float64)
    theirs.update(torch.from_numpy(REAL), real=True)
    theirs.update(torch.from_numpy(MADE + 0.2), real=False)
    assert frechet_distance(MADE + 0.2, REAL) == pytest.approx(theirs.compute().item(), rel=1e-4)


def test_the_kernel_distance_is_that_of_torchmetrics() -> None:
    few = REAL[: len(MADE)]  # theirs wants as many of both
    between = kernels(MADE + 0.2, few)
    theirs = poly_mmd_of(between.samples, between.real, between.across)
    assert kernel_distance(MADE + 0.2, few) == pytest.approx(theirs, rel=1e-9)
    left, right = torch.from_numpy(MADE + 0.2), torch.from_numpy(few)
    assert kernel_distance(MADE + 0.2, few) == pytest.approx(poly_mmd(left, right, gamma=1.0).item(), rel=1e-6)


def poly_mmd_of(samples: np.ndarray, real: np.ndarray, across: np.ndarray) -> float:
    """The definition, term by term."""
    off = ~np.eye(len(samples), dtype=bool)
    return float(samples[off].mean() + real[off].mean() - 2 * across.mean())


def test_in_a_bootstrap_sample_an_item_counts_as_often_as_it_was_drawn_and_is_no_pair_with_itself() -> None:
    left, right = MADE[:6] + 0.2, REAL[:5]
    between, rng = kernels(left, right), np.random.default_rng(3)
    samples, real = rng.multinomial(6, [1 / 6] * 6, 3).astype(float), rng.multinomial(5, [1 / 5] * 5, 3).astype(float)
    for found, one, other in zip(between.distances(samples, real), samples.astype(int), real.astype(int), strict=True):
        parts = []
        for kernel, count in ((between.samples, one), (between.real, other)):
            drawn = np.repeat(np.arange(len(count)), count)
            parts.append(np.mean([kernel[i, j] for i in drawn for j in drawn if i != j]))
        across = between.across[np.repeat(np.arange(6), one)][:, np.repeat(np.arange(5), other)].mean()
        assert found == pytest.approx(parts[0] + parts[1] - 2 * across)
    drawn = kernels(MADE, REAL).redrawn(200, rng)
    assert drawn.shape == (200,) and abs(drawn.mean() - BEFORE["kernel"]) < 2 * drawn.std()


def test_a_generator_that_copies_is_flagged_and_fresh_data_pass() -> None:
    train, fresh = items(600, 4), items(300, 5)
    control = copied(items(300, 6), train).mean()
    thief = train[:300] + 0.01 * np.random.default_rng(7).normal(size=(300, WIDTH))
    assert copied(thief, train).mean() - control > 0.5
    assert abs(copied(fresh, train).mean() - control) < 0.1
    assert (nearest(thief, train).item == np.arange(300)).mean() > 0.99
    half = np.concatenate([thief[:60], fresh[:240]])
    assert copied(half, train).mean() - control > 0.08


def test_twins_among_training_items_hide_no_copy() -> None:
    """Twice each, as pictures that were described twice, and rounded a little."""
    train = np.repeat(items(50, 8), 2, axis=0) + 1e-6 * np.random.default_rng(1).normal(size=(100, WIDTH))
    assert copied(train[:10] + 1e-5, train).all()
    assert not copied(items(50, 9), train).all()


def test_nobody_owns_what_everybody_says() -> None:
    """An item that stands in the training data again and again is no one's to copy."""
    assert not copied(items(5, 8), np.repeat(items(5, 8), 20, axis=0)).any()
