"""Membership inference: can someone who has a sample tell that the generator learned from it?

The likelihood-ratio attack (LiRA, Carlini et al. 2022, arXiv:2112.03570, section V): shadow models learn from random
halves of what is audited, and tell how a sample's losses lie when it was learned from and when it was not. With few
shadows their spread is taken to be the same for all samples (section VI-C), and the gap between the two likewise, as
far as the samples' own gaps are but chance. The losses are those of prior and decoders, at the same noise and times for
all samples. Features and fusion are those of the attacked models, so what these give away is not in it; the loss of a
codec is an attack of its own, without shadows (Yeom et al. 2018, arXiv:1709.01604).
Axes: S shadows, U units, K losses.
"""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import roc_auc_score

from stages.evaluation.intervals import LEVEL
from stages.evaluation.metrics.result import Result

REPLICATES = 400  # bootstrap samples
RATES = {"1_percent": 0.01, "1_permille": 0.001}  # of false alarms, at which those that are found are counted


def likelihood_ratios(target: np.ndarray, shadows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """How much likelier each unit (U,) is one that was learned from, as a logarithm but for a constant.

    From losses (U, K) of the attacked models, those (S, U, K) of shadows, and which of them learned it, (S, U) bool.
    A loss that a unit has not, such as of a modality, is NaN and tells nothing.
    """
    total = np.zeros(len(target))
    for loss in range(target.shape[1]):
        has = np.isfinite(target[:, loss])
        mine, others, inside = target[has, loss], shadows[:, has, loss], known[:, has]
        means = [(others * side).sum(0) / side.sum(0) for side in (inside, ~inside)]  # (U,) each
        left = others - np.where(inside, *means)
        spread = (left**2).sum() / (left.size - 2 * left.shape[1])  # variance of a loss around its mean
        gap, chance = means[1] - means[0], spread * np.mean(1 / inside.sum(0) + 1 / (~inside).sum(0))
        own = max(0.0, 1 - chance / gap.var()) if gap.var() else 0.0
        gap = gap.mean() + own * (gap - gap.mean())
        total[has] += gap * (sum(means) / 2 - mine) / max(spread, np.finfo(float).tiny)
    return total


def figures(name: str, scores: np.ndarray, member: np.ndarray, rng: np.random.Generator) -> list[Result]:
    """The area under the curve of an attack whose scores (U,) are higher for members (U,) bool, and how many members it
    finds at each of the RATES of false alarms that can be told apart from none; 95 % bootstrap intervals. Floor: what
    chance scores."""
    results = [measured(f"membership.{name}", scores, member, 0.5, area, rng)]
    for word, rate in RATES.items():
        if rate * (~member).sum() < 1:
            continue

        def found(inside: np.ndarray, outside: np.ndarray, rate: float = rate) -> float:
            return found_at(inside, outside, rate)

        results.append(measured(f"membership.{name}.at_{word}", scores, member, rate, found, rng))
    return results


def measured(
    metric: str, scores: np.ndarray, member: np.ndarray, chance: float, figure: Callable[..., float],
    rng: np.random.Generator,
) -> Result:  # fmt: skip
    """A figure of the scores inside and outside, with its interval."""
    sides = scores[member], scores[~member]
    drawn = [figure(*(side[rng.integers(len(side), size=len(side))] for side in sides)) for _ in range(REPLICATES)]
    low, high = np.percentile(drawn, LEVEL)
    return Result(metric, figure(*sides), float(low), float(high), len(scores), chance, np.nan)


def area(inside: np.ndarray, outside: np.ndarray) -> float:
    """The chance that a member has the higher score."""
    scores = np.concatenate([inside, outside])
    return float(roc_auc_score(np.repeat([1, 0], [len(inside), len(outside)]), scores))


def found_at(inside: np.ndarray, outside: np.ndarray, rate: float) -> float:
    """The share of members above the score that at most a `rate` of the others exceeds."""
    ranked = np.sort(outside)[::-1]
    return float((inside > ranked[min(len(ranked) - 1, int(rate * len(ranked)))]).mean())
