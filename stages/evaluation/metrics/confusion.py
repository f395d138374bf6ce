"""Which label comes out for which, a row for each pair that occurs: what `dvc plots` draws, a matrix a direction."""

import pandas as pd

from stages.evaluation.metrics.coherence import given
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.judge_inference import UNSTATED

COLUMNS = ("direction", "wanted", "found", "count")


def confusion(dataset: Dataset) -> pd.DataFrame:
    """Of the key attribute: what the observed side says and what the judge finds in the target.

    A caption that is no sentence of the grammar is found to be ``?``; one that leaves the label out is left out here.
    """
    tables = [pd.DataFrame(columns=list(COLUMNS))]
    for observed, outputs in dataset.conditional.items():
        for target, predicted in outputs.items.items():
            if dataset.key in predicted.labels:
                wanted, found = (
                    given(observed, dataset.key, outputs.truth, outputs.real, dataset.shown_by),
                    predicted.labels[dataset.key],
                )
                stated = (wanted != UNSTATED) & (found != UNSTATED)
                pairs = pd.DataFrame({"wanted": wanted[stated], "found": found[stated]}).value_counts().sort_index()
                tables.append(pairs.reset_index().assign(direction=f"{'+'.join(observed)}_to_{target}"))
    return pd.concat(tables, ignore_index=True)
