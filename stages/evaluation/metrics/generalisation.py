"""Generalisation: do samples carry what they were given, where it was never seen in training, or not combined so?

Of data whose test split says what is new about each sample (column ``held_out``; the emoji do): a figure for each
direction and kind of novelty, the mean over the attributes that the observed side determines. Beside them that of
training samples, ``learned``: where it is much higher, the models know by heart what they cannot work out.
Floor and ceiling: as those of coherence, over the same samples.
"""

import numpy as np

from stages.evaluation.metrics.coherence import Cell, determined, result
from stages.evaluation.metrics.evaluated_data import Dataset, Outputs
from stages.evaluation.metrics.result import Result

NOVELTY = "held_out"  # the column that says it
LEARNED = "learned"  # what training samples are called among the kinds of novelty


def held_out(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each direction and kind of novelty; none where the data don't say."""
    if NOVELTY not in dataset.samples:
        return []
    results = []
    for observed, outputs in dataset.conditional.items():
        novelty = outputs.truth[NOVELTY].fillna("").to_numpy(str)
        for kind in sorted(set(novelty) - {""}):
            new = outputs.of([key for key, held in zip(outputs.keys, novelty, strict=True) if held == kind])
            results += directed(dataset, kind, observed, new, rng)
    for name, outputs in dataset.learned.items():
        results += directed(dataset, LEARNED, (name,), outputs, rng)
    return results


def directed(
    dataset: Dataset, kind: str, observed: tuple[str, ...], outputs: Outputs, rng: np.random.Generator
) -> list[Result]:
    """A figure for each modality that was made of `observed`."""
    by_target: dict[str, list[Cell]] = {}
    for target, _, cell in determined(observed, outputs, dataset.shown_by, rng):
        by_target.setdefault(target, []).append(cell)
    return [
        result(f"held_out.{kind}.{'+'.join(observed)}_to_{target}", cells, rng) for target, cells in by_target.items()
    ]
