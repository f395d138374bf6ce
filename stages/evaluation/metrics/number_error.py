"""How far a number that was made lies from the true one, as a share of how far always saying the mean does.

Mean absolute errors. Floor: always the mean of the train split, which is 1 by definition but for chance. Ceiling: the
true numbers through their codec and back.
"""

import numpy as np

from stages.common.modality import kind_of
from stages.data.kinds.number import parsed
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.judge_inference import Predictions
from stages.evaluation.metrics.result import Result, share


def number_error(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each direction to a number; none where no modality is one."""
    results = []
    for name in [name for name in dataset.names if kind_of(name) == "number"]:
        mean = values(dataset.present("train", name)).mean()
        spread = np.abs(values(dataset.present("test", name)) - mean).mean()
        if not spread > 0:  # all numbers are the same
            continue
        kept = dataset.reconstructed
        lost = np.abs(values(kept.items[name]) - values(kept.real[name])) / spread
        for observed, outputs in dataset.conditional.items():
            there = outputs.truth[f"has_{name}"].to_numpy(bool)
            if name in outputs.items and there.any():
                made, true = (values(side[name])[there] for side in (outputs.items, outputs.real))
                wrong, naive = np.abs(made - true) / spread, np.abs(mean - true) / spread
                results.append(share(f"number_error.{'+'.join(observed)}_to_{name}", [wrong], [naive], [lost], rng))
    return results


def values(predicted: Predictions) -> np.ndarray:
    """(N,) numbers, as they are written."""
    return np.array([parsed(told) or 0.0 for told in predicted.captions or []])
