"""Generalisation: what is made from pictures of other writers, scanned elsewhere, carries their digit?

Floor: shuffled. Ceiling: the judge of pictures, which did not see them either; compare with `coherence.image_to_text`
and its like, where the writers are new but of the same source.
"""

import numpy as np

from stages.evaluation.coherence import outcomes
from stages.evaluation.figure import Figure, share
from stages.evaluation.scene import Scene


def elsewhere(scene: Scene, rng: np.random.Generator) -> list[Figure]:
    """A figure for each target; none where the data are not the built-in ones."""
    if scene.elsewhere is None or not scene.key:
        return []
    wanted, items = scene.elsewhere.truth[scene.key].to_numpy(str), scene.elsewhere.items
    read = outcomes(items["image"].labels[scene.key], wanted)
    figures = []
    for target in [name for name in items if name != "image"]:
        found = items[target].labels[scene.key]
        right, chance = outcomes(found, wanted), outcomes(rng.permutation(found), wanted)
        if len(right):
            figures.append(share(f"elsewhere.image_to_{target}", [right], [chance], [read], rng))
    return figures
