"""The samples made from nothing that are most like a training item, each with that item: to look at, and to listen to.

Most suspicious is what lies nearest in judge features, measured in the distance from that item to its own nearest
other neighbour: below 1 it counts as a copy in `memorisation.<modality>`.
"""

import numpy as np
import pandas as pd

from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.memorisation import nearest
from stages.evaluation.metrics.unconditional_quality import feature_sets

SHOWN = 12  # a modality


def near_copies(dataset: Dataset) -> pd.DataFrame:
    """Columns modality, key (of the sample), train_id, ratio; of each modality the most suspicious first."""
    train, rows = dataset.rows("train"), []
    for name in dataset.joint.items:
        part, ids = feature_sets(dataset, name), train["id"][train[f"has_{name}"].astype(bool)].to_numpy(str)
        near = nearest(part.rows["made"], part.rows["train"])
        for place in np.argsort(near.ratio, kind="stable")[:SHOWN]:
            rows.append((name, dataset.joint.keys[place], ids[near.item[place]], float(near.ratio[place])))
    return pd.DataFrame(rows, columns=["modality", "key", "train_id", "ratio"])
