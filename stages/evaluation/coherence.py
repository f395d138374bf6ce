"""Coherence: do the outputs carry what the observed side says, and agree where it says nothing?

A figure is made of outcomes, an array of right or wrong per sample. A caption that leaves an attribute out is
neither; one outside the grammar is wrong.
Floor: the same judge's labels against those of shuffled samples. Ceiling: real test samples, same function.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from stages.evaluation.figure import Figure, share
from stages.evaluation.labels import MALFORMED, UNTOLD, Judged
from stages.evaluation.scene import Items, Way

Cell = tuple[np.ndarray, np.ndarray, np.ndarray]  # outcomes of generated, shuffled and real samples


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
    for name in observed:
        if attribute in real[name].labels:  # told at times, as captions do
            return real[name].labels[attribute]
    return np.full(len(truth), UNTOLD)


def shuffled(items: Items, rng: np.random.Generator) -> dict[str, Judged]:
    """Each modality's labels in an order of its own: what chance would give."""
    return {name: judged.take(rng.permutation(len(judged.certainty))) for name, judged in items.items()}


def figure(metric: str, cells: Sequence[Cell], rng: np.random.Generator) -> Figure:
    """A figure from the outcomes in one or more cells, all of the same weight."""
    value, floor, ceiling = ([cell[place] for cell in cells] for place in range(3))
    return share(metric, value, floor, ceiling, rng)


def coherence(
    ways: Mapping[tuple[str, ...], Way], shown: Mapping[str, list[str]], key: str | None, rng: np.random.Generator
) -> list[Figure]:
    """All coherence figures. What can't be measured is left out: one modality has nothing to agree with."""
    if key is None:  # no attribute is found in two modalities
        return []
    names = [name for name in ways[()].items if key in ways[()].items[name].labels]
    figures = [joint(ways[()], key, names, rng)] if len(names) > 1 else []
    attribute_cells: list[Cell] = []
    for observed, way in list(ways.items())[1:]:
        mixed = shuffled(way.items, rng)
        for target, judged in way.items.items():
            for attribute in shown:
                if attribute not in judged.labels:
                    continue
                wanted = given(observed, attribute, way.truth, way.real, shown)
                parts = (way.items, mixed, way.real)
                value, floor, ceiling = (outcomes(part[target].labels[attribute], wanted) for part in parts)
                if not len(value):  # the observed side leaves it open, or no output says it
                    continue
                direction = f"{'+'.join(observed)}_to_{target}"
                if attribute == key:
                    figures.append(figure(f"coherence.{direction}", [(value, floor, ceiling)], rng))
                else:
                    attribute_cells.append((value, floor, ceiling))
                    figures.append(figure(f"attribute.{attribute}.{direction}", attribute_cells[-1:], rng))
    if directions := [f for f in figures if f.metric.startswith("coherence.") and "_to_" in f.metric]:
        figures.append(replace(min(directions, key=lambda f: f.value), metric="coherence.worst"))
    if attribute_cells:
        figures.append(figure("coherence.attributes", attribute_cells, rng))
    return figures + hidden(ways, shown, key, rng)


def joint(way: Way, key: str, names: Sequence[str], rng: np.random.Generator) -> Figure:
    """All modalities of a sample made from nothing carry the same digit."""
    value, floor, ceiling = (agreement(part, key, names) for part in (way.items, shuffled(way.items, rng), way.real))
    return figure("coherence.joint", [(value, floor, ceiling)], rng)


def hidden(
    ways: Mapping[tuple[str, ...], Way], shown: Mapping[str, list[str]], key: str, rng: np.random.Generator
) -> list[Figure]:
    """Captions without a digit: what is made from them, picture and clip, agrees on one."""
    for observed, way in ways.items():
        if len(observed) != 1 or observed[0] in shown[key] or len(way.items) < 2:
            continue
        rows = way.real[observed[0]].labels.get(key, np.full(0, UNTOLD)) == UNTOLD
        if rows.any():
            parts = (way.items, shuffled(way.items, rng), {name: way.real[name] for name in way.items})
            value, floor, ceiling = (
                agreement({name: judged.take(rows) for name, judged in part.items()}, key, list(way.items))
                for part in parts
            )
            return [figure("coherence.hidden", [(value, floor, ceiling)], rng)]
    return []
