"""Which label comes out for which, a row for each pair that occurs: what `dvc plots` draws, a matrix a direction."""

import pandas as pd

from stages.evaluation.coherence import given
from stages.evaluation.labels import UNTOLD
from stages.evaluation.scene import Scene

COLUMNS = ("direction", "wanted", "found", "count")


def confusion(scene: Scene) -> pd.DataFrame:
    """Of the key attribute: what the observed side says and what the judge finds in the target.

    A caption that is no sentence of the grammar is found to be ``?``; one that leaves the label out is left out here.
    """
    tables = [pd.DataFrame(columns=list(COLUMNS))]
    for observed, way in scene.observing.items():
        for target, judged in way.items.items():
            if scene.key in judged.labels:
                wanted, found = given(observed, scene.key, way.truth, way.real, scene.shown), judged.labels[scene.key]
                told = (wanted != UNTOLD) & (found != UNTOLD)
                pairs = pd.DataFrame({"wanted": wanted[told], "found": found[told]}).value_counts().sort_index()
                tables.append(pairs.reset_index().assign(direction=f"{'+'.join(observed)}_to_{target}"))
    return pd.concat(tables, ignore_index=True)
