"""Coherence: do the outputs carry what the observed side says, and agree where it says nothing?

A figure is made of outcomes, an array of right or wrong per sample. A caption that leaves an attribute out is
neither; one outside the grammar is wrong.
Floor: the same judge's labels against those of shuffled samples. Ceiling: real test samples, same function.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from stages.common.subsets import proper_subsets
from stages.evaluation.figure import Figure, mean_of_cells
from stages.evaluation.labels import MALFORMED, UNTOLD, Judged

Items = Mapping[str, Judged]  # by modality, rows aligned
Cell = tuple[np.ndarray, np.ndarray, np.ndarray]  # outcomes of generated, shuffled and real samples
KEY = "digit"  # the attribute that every modality may carry


def outcomes(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(n,) bool: right or wrong, over the samples for which both sides say something."""
    asked = (found != UNTOLD) & (wanted != UNTOLD)
    return found[asked] == wanted[asked]


def agreement(items: Items, attribute: str, names: Sequence[str]) -> np.ndarray:
    """(n,) bool: do all modalities carry the same label, over the samples in which all say one?"""
    labels = np.stack([items[name].labels[attribute] for name in names])
    asked = (labels != UNTOLD).all(0)
    return (labels == labels[0]).all(0)[asked] & (labels[0] != MALFORMED)[asked]


def given(
    observed: Sequence[str], attribute: str, truth: pd.DataFrame, real: Items, shown: Mapping[str, list[str]]
) -> np.ndarray:
    """(N,) of str: the label that the observed side determines, UNTOLD where it leaves it open."""
    if any(name in shown[attribute] for name in observed):
        return truth[attribute].to_numpy(str)
    return real["text"].labels[attribute] if "text" in observed else np.full(len(truth), UNTOLD)


def shuffled(items: Items, rng: np.random.Generator) -> dict[str, Judged]:
    """Each modality's labels in an order of its own: what chance would give."""
    return {name: judged.take(rng.permutation(len(judged.certainty))) for name, judged in items.items()}


def figure(metric: str, cells: Sequence[Cell], rng: np.random.Generator) -> Figure:
    """A figure from the outcomes in one or more cells, all of the same weight."""
    value, floor, ceiling = ([cell[place] for cell in cells] for place in range(3))
    mean, low, high = mean_of_cells(value, rng)
    return Figure(metric, mean, low, high, sum(map(len, value)), mean_of_means(floor), mean_of_means(ceiling))


def mean_of_means(cells: Sequence[np.ndarray]) -> float:
    """NaN when all are empty."""
    means = [cell.mean() for cell in cells if len(cell)]
    return float(np.mean(means)) if means else math.nan


def coherence(
    made: Mapping[tuple[str, ...], tuple[Items, pd.DataFrame, Items]],
    shown: Mapping[str, list[str]],
    rng: np.random.Generator,
) -> list[Figure]:
    """All coherence figures. `made`: observed subset -> (generated items, true rows, real items of those rows).

    What can't be measured is left out: with one modality there is nothing to agree with, and no direction.
    """
    names = list(made[()][0])
    figures = [joint(made[()][0], made[()][2], names, rng)] if len(names) > 1 else []
    attribute_cells: list[Cell] = []
    for observed in proper_subsets(names)[1:]:
        items, truth, real = made[observed]
        mixed = shuffled(items, rng)
        for target in items:
            for attribute in shown:
                if target != "text" and target not in shown[attribute]:
                    continue
                wanted = given(observed, attribute, truth, real, shown)
                value, floor, ceiling = (outcomes(i[target].labels[attribute], wanted) for i in (items, mixed, real))
                if not len(value):  # the observed side leaves it open, or no output says it
                    continue
                direction = f"{'+'.join(observed)}_to_{target}"
                if attribute == KEY:
                    figures.append(figure(f"coherence.{direction}", [(value, floor, ceiling)], rng))
                else:
                    attribute_cells.append((value, floor, ceiling))
                    figures.append(figure(f"attribute.{attribute}.{direction}", attribute_cells[-1:], rng))
    if directions := [f for f in figures if f.metric.startswith("coherence.") and "_to_" in f.metric]:
        figures.append(replace(min(directions, key=lambda f: f.value), metric="coherence.worst"))
    if attribute_cells:
        figures.append(figure("coherence.attributes", attribute_cells, rng))
    if "text" in names and len(names) > 2 and silent(made[("text",)][2]).any():
        figures.append(hidden(*made[("text",)], rng))
    return figures


def joint(items: Items, real: Items, names: Sequence[str], rng: np.random.Generator) -> Figure:
    """All modalities of a sample made from nothing carry the same digit."""
    value, floor, ceiling = (agreement(part, KEY, names) for part in (items, shuffled(items, rng), real))
    return figure("coherence.joint", [(value, floor, ceiling)], rng)


def hidden(items: Items, truth: pd.DataFrame, real: Items, rng: np.random.Generator) -> Figure:
    """Captions without a digit: what is made from them, picture and clip, agrees on one."""
    rows = silent(real)
    parts = (items, shuffled(items, rng), {name: real[name] for name in items})
    value, floor, ceiling = (
        agreement({name: judged.take(rows) for name, judged in part.items()}, KEY, list(items)) for part in parts
    )
    return figure("coherence.hidden", [(value, floor, ceiling)], rng)


def silent(real: Items) -> np.ndarray:
    """(n,) bool: captions that leave the digit out."""
    untold: np.ndarray = real["text"].labels[KEY] == UNTOLD
    return untold
