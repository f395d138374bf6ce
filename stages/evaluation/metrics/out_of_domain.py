"""Generalisation: what is made from pictures of other writers, scanned elsewhere, carries their digit?

Floor: shuffled. Ceiling: the judge of pictures, which did not see them either; compare with `coherence.image_to_text`
and its like, where the writers are new but of the same source.
"""

import numpy as np

from stages.evaluation.metrics.coherence import outcomes
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.result import Result, share


def out_of_domain(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each target; none where the data are not the built-in ones."""
    if dataset.out_of_domain is None or not dataset.key:
        return []
    wanted, items = dataset.out_of_domain.truth[dataset.key].to_numpy(str), dataset.out_of_domain.items
    read = outcomes(items["image"].labels[dataset.key], wanted)
    results = []
    for target in [name for name in items if name != "image"]:
        found = items[target].labels[dataset.key]
        right, chance = outcomes(found, wanted), outcomes(rng.permutation(found), wanted)
        if len(right):
            results.append(share(f"out_of_domain.image_to_{target}", [right], [chance], [read], rng))
    return results
