"""What each observed modality contributes to what is made of it: leave-one-out and Shapley values.

A game for each target and attribute: the players are the other modalities, and v(S) is the share of test samples whose
target carries their true label when S was observed. v of nothing is the share of the most frequent label, the best
guess of who sees nothing. A player's Shapley value is its mean gain over all orders in which players can join (Shapley
1953). It is told where every subset was generated, so it is exact, and the values of all players add up to v(all) -
v(nothing).
Axes: P players, N samples, R bootstrap replicates.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd

from stages.evaluation.intervals import LEVEL, REPLICATES
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.judge_accuracy import correct
from stages.evaluation.metrics.judge_inference import UNSTATED

COLUMNS = (
    "target", "attribute", "observed", "shapley", "low", "high", "alone", "left_out", "nothing", "everything", "n",
)  # fmt: skip

Coalition = tuple[str, ...]  # in the order of the modalities
Values = Mapping[Coalition, np.ndarray]  # v of every coalition, one or more of them at once


def coalitions(players: Sequence[str]) -> list[Coalition]:
    """Every subset of the players, the empty one first, all of them last."""
    return [some for size in range(len(players) + 1) for some in combinations(players, size)]


def shapley(player: str, players: Sequence[str], values: Values) -> np.ndarray:
    """The player's mean gain over all orders of joining.

    >>> values = {(): 0.1, ("image",): 0.9, ("text",): 0.5, ("image", "text"): 0.9}
    >>> [float(shapley(one, ["image", "text"], values).round(2)) for one in ("image", "text")]
    [0.6, 0.2]
    """
    count = len(players)
    gain = np.zeros_like(values[()])
    for others in coalitions([other for other in players if other != player]):
        orders = factorial(len(others)) * factorial(count - len(others) - 1)
        joined = tuple(one for one in players if one in others or one == player)
        gain = gain + orders / factorial(count) * (values[joined] - values[others])
    return gain


def contributions(dataset: Dataset, rng: np.random.Generator) -> pd.DataFrame:
    """A row for each target, attribute that its judge reads and modality that could be observed."""
    rows = []
    for target, predicted in dataset.joint.items.items():
        players = [name for name in dataset.names if name != target]
        for attribute in predicted.labels if players else ():
            if not all(some in dataset.outputs for some in coalitions(players)):
                continue  # not every subset was observed: generate.subsets
            outcomes = right(dataset, target, attribute, players)
            if all((~np.isnan(one)).any() for one in outcomes.values()):
                rows += [[target, attribute, *row] for row in shares(players, outcomes, rng)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def right(dataset: Dataset, target: str, attribute: str, players: Sequence[str]) -> dict[Coalition, np.ndarray]:
    """(N,) of 1, 0 or NaN per coalition: does the target carry the true label? Over samples that all of them have."""
    outputs = {some: dataset.outputs[some] for some in coalitions(players)[1:]}
    common = set.intersection(*(set(outputs.keys) for outputs in outputs.values()))
    shared = [key for key in outputs[tuple(players)].keys if key in common]
    parts = {some: outputs.of(shared) for some, outputs in outputs.items()}
    found = {some: correct(part.items[target], part.truth, attribute) for some, part in parts.items()}
    truth = parts[tuple(players)].truth[attribute]
    stated = truth[truth != UNSTATED]
    usual = (
        np.where(truth == UNSTATED, np.nan, truth == stated.mode().iat[0])
        if len(stated)
        else np.full(len(truth), np.nan)
    )
    return {(): usual, **found}


def shares(
    players: Sequence[str], outcomes: Mapping[Coalition, np.ndarray], rng: np.random.Generator
) -> list[list[object]]:
    """The rows of one game: the first of the counts weighs all samples alike, the others are bootstrap samples."""
    count = len(outcomes[()])
    counts = np.vstack([np.ones(count), rng.multinomial(count, np.full(count, 1 / count), REPLICATES)])  # (1 + R, N)
    values = {some: mean(one, counts) for some, one in outcomes.items()}  # (1 + R,) each
    everyone = tuple(players)
    rows: list[list[object]] = []
    for player in players:
        gains, rest = shapley(player, players, values), tuple(one for one in players if one != player)
        low, high = np.percentile(gains[1:], LEVEL)
        alone, left_out = values[(player,)] - values[()], values[everyone] - values[rest]
        ends = (values[()][0], values[everyone][0])
        rows.append(
            [player, gains[0], low, high, alone[0], left_out[0], *ends, int((~np.isnan(outcomes[everyone])).sum())]
        )
    return rows


def mean(outcomes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean of what is no NaN, sample i counted ``counts[:, i]`` times."""
    known = ~np.isnan(outcomes)
    total: np.ndarray = counts[:, known].sum(1).clip(min=1)
    return counts[:, known] @ outcomes[known] / total
