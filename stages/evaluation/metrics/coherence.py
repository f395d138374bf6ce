"""Coherence: do the outputs carry what the observed side says, and agree where it says nothing?

A figure is made of outcomes, an array of right or wrong per sample. A caption that leaves an attribute out is
neither; one outside the grammar is wrong.
Floor: the same judge's labels against those of shuffled samples. Ceiling: real test samples, same function.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from stages.evaluation.metrics.evaluated_data import Outputs, Predicted
from stages.evaluation.metrics.judge_inference import MALFORMED, UNSTATED, Predictions
from stages.evaluation.metrics.result import Result, share

Cell = tuple[np.ndarray, np.ndarray, np.ndarray]  # outcomes of generated, shuffled and real samples


def outcomes(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(n,) bool: right or wrong, over the samples for which both sides say something."""
    asked = (found != UNSTATED) & (wanted != UNSTATED)
    return found[asked] == wanted[asked]


def agreement(items: Predicted, attribute: str, names: Sequence[str]) -> np.ndarray:
    """(n,) bool: do all modalities carry the same label, over the samples in which all say one?"""
    labels = np.stack([items[name].labels[attribute] for name in names])
    asked = (labels != UNSTATED).all(0)
    return (labels == labels[0]).all(0)[asked] & (labels[0] != MALFORMED)[asked]


def given(
    observed: Sequence[str], attribute: str, truth: pd.DataFrame, real: Predicted, shown_by: Mapping[str, list[str]]
) -> np.ndarray:
    """(N,) of str: the label that the observed side determines, UNSTATED where it leaves it open."""
    if any(name in shown_by[attribute] for name in observed):
        return truth[attribute].to_numpy(str)
    for name in observed:
        if attribute in real[name].labels:  # stated at times, as in captions
            return real[name].labels[attribute]
    return np.full(len(truth), UNSTATED)


def shuffled(items: Predicted, rng: np.random.Generator) -> dict[str, Predictions]:
    """Each modality's labels in an order of its own: what chance would give."""
    return {name: predicted.take(rng.permutation(len(predicted.confidence))) for name, predicted in items.items()}


def result(metric: str, cells: Sequence[Cell], rng: np.random.Generator) -> Result:
    """A figure from the outcomes in one or more cells, all of the same weight."""
    value, floor, ceiling = ([cell[place] for cell in cells] for place in range(3))
    return share(metric, value, floor, ceiling, rng)


def determined(
    observed: Sequence[str], outputs: Outputs, shown_by: Mapping[str, list[str]], rng: np.random.Generator
) -> Iterator[tuple[str, str, Cell]]:
    """(target, attribute, outcomes) wherever the observed side determines a label and an output says one."""
    mixed = shuffled(outputs.items, rng)
    for target, predicted in outputs.items.items():
        for attribute in [name for name in shown_by if name in predicted.labels]:
            wanted = given(observed, attribute, outputs.truth, outputs.real, shown_by)
            parts = (outputs.items, mixed, outputs.real)
            value, floor, ceiling = (outcomes(part[target].labels[attribute], wanted) for part in parts)
            if len(value):
                yield target, attribute, (value, floor, ceiling)


def coherence(
    by_subset: Mapping[tuple[str, ...], Outputs],
    shown_by: Mapping[str, list[str]],
    key: str | None,
    rng: np.random.Generator,
) -> list[Result]:
    """All coherence figures. What can't be measured is left out: one modality has nothing to agree with."""
    if key is None:  # no attribute is found in two modalities
        return []
    names = [name for name in by_subset[()].items if key in by_subset[()].items[name].labels]
    results = joint(by_subset[()], key, names, rng) if len(names) > 1 else []
    attribute_cells: list[Cell] = []
    for observed, outputs in list(by_subset.items())[1:]:
        for target, attribute, cell in determined(observed, outputs, shown_by, rng):
            direction = f"{'+'.join(observed)}_to_{target}"
            if attribute == key:
                results.append(result(f"coherence.{direction}", [cell], rng))
            else:
                attribute_cells.append(cell)
                results.append(result(f"attribute.{attribute}.{direction}", [cell], rng))
    if directions := [f for f in results if f.metric.startswith("coherence.") and "_to_" in f.metric]:
        results.append(replace(min(directions, key=lambda f: f.value), metric="coherence.worst"))
    if attribute_cells:
        results.append(result("coherence.attributes", attribute_cells, rng))
    return results + hidden(by_subset, shown_by, key, rng)


def joint(outputs: Outputs, key: str, names: Sequence[str], rng: np.random.Generator) -> list[Result]:
    """All modalities of a sample made from nothing carry the same key label; nothing where none carries one."""
    value, floor, ceiling = (
        agreement(part, key, names) for part in (outputs.items, shuffled(outputs.items, rng), outputs.real)
    )
    return [result("coherence.joint", [(value, floor, ceiling)], rng)] if len(value) else []


def hidden(
    by_subset: Mapping[tuple[str, ...], Outputs], shown_by: Mapping[str, list[str]], key: str, rng: np.random.Generator
) -> list[Result]:
    """Captions without the key label: what is made from them, picture and clip, agrees on one."""
    for observed, outputs in by_subset.items():
        if len(observed) != 1 or observed[0] in shown_by[key] or len(outputs.items) < 2:
            continue
        rows = outputs.real[observed[0]].labels.get(key, np.full(0, UNSTATED)) == UNSTATED
        if rows.any():
            parts = (outputs.items, shuffled(outputs.items, rng), {name: outputs.real[name] for name in outputs.items})
            value, floor, ceiling = (
                agreement({name: predicted.take(rows) for name, predicted in part.items()}, key, list(outputs.items))
                for part in parts
            )
            return [result("coherence.hidden", [(value, floor, ceiling)], rng)] if len(value) else []
    return []
