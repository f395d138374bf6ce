"""Generalisation: do samples carry what they were given, where it was never seen in training, or not combined so?

Of data whose test split says what is new about each sample (column ``held_out``; the emoji do): a figure for each
direction and kind of novelty, the mean over the attributes that the observed side determines.
Floor and ceiling: as those of coherence, over the same samples.
"""

import numpy as np

from stages.evaluation.metrics.coherence import Cell, determined, result
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.result import Result


def held_out(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each direction and kind of novelty; none where the data don't say."""
    if "held_out" not in dataset.samples:
        return []
    results = []
    for observed, outputs in dataset.conditional.items():
        novelty = outputs.truth["held_out"].fillna("").to_numpy(str)
        for kind in sorted(set(novelty) - {""}):
            new = outputs.of([key for key, held in zip(outputs.keys, novelty, strict=True) if held == kind])
            by_target: dict[str, list[Cell]] = {}
            for target, _, cell in determined(observed, new, dataset.shown_by, rng):
                by_target.setdefault(target, []).append(cell)
            for target, cells in by_target.items():
                results.append(result(f"held_out.{kind}.{'+'.join(observed)}_to_{target}", cells, rng))
    return results
