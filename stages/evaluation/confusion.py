"""Which label comes out for which: a table a direction, a row a sample, as DVC's confusion plot takes it."""

import pandas as pd

from stages.evaluation.coherence import given
from stages.evaluation.labels import UNTOLD
from stages.evaluation.scene import Scene


def confusions(scene: Scene) -> dict[str, pd.DataFrame]:
    """Of the key attribute, by direction: what the observed side says and what the judge finds in the target.

    A caption that is no sentence of the grammar is found to be ``?``; one that leaves the label out is left out here.
    """
    tables = {}
    for observed, way in list(scene.ways.items())[1:]:
        for target, judged in way.items.items():
            if scene.key not in judged.labels:
                continue
            wanted = given(observed, scene.key, way.truth, way.real, scene.shown)
            table = pd.DataFrame({"wanted": wanted, "found": judged.labels[scene.key]})
            table = table[(table["wanted"] != UNTOLD) & (table["found"] != UNTOLD)].sort_values(["wanted", "found"])
            if len(table):
                tables[f"{'+'.join(observed)}_to_{target}"] = table
    return tables
