"""The samples made from nothing that are most like a training item, each with the items that it is most like.

To look at, and to listen to. Most suspicious is what lies nearest in judge features, measured in the distance from that
item to its own nearest other neighbour: below 1 it counts as a copy in `memorisation.<modality>`.
Axes: N training items, E features.
"""

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from stages.evaluation.metrics.distribution_measures import Rows
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.memorisation import nearest
from stages.evaluation.metrics.unconditional_quality import feature_sets

SHOWN = 12  # samples a modality
NEAREST = 8  # training items beside each
TWINS = 4  # of how many items that are equal one is shown


def near_copies(dataset: Dataset) -> pd.DataFrame:
    """Columns modality, key (of the sample), rank, train_id, ratio (of the first); the most suspicious sample first."""
    train, rows = dataset.rows("train"), []
    for name in dataset.joint.items:
        part, ids = feature_sets(dataset, name), train["id"][train[f"has_{name}"].astype(bool)].to_numpy(str)
        ratio = nearest(part.rows["made"], part.rows["train"]).ratio
        places = np.argsort(ratio, kind="stable")[:SHOWN]
        for place, near in zip(places, neighbours(part.rows["made"][places], part.rows["train"]), strict=True):
            for rank, item in enumerate(near, 1):
                rows.append((name, dataset.joint.keys[place], rank, ids[item], float(ratio[place])))
    return pd.DataFrame(rows, columns=["modality", "key", "rank", "train_id", "ratio"])


def neighbours(samples: Rows, train: Rows) -> list[list[int]]:
    """Of each of (n, E) samples the numbers of the NEAREST of (N, E) training items, of equal ones the first."""
    search = NearestNeighbors(n_neighbors=min(train.shape[0], TWINS * NEAREST)).fit(train)
    return [first_of_equals(items, train[items]) for items in search.kneighbors(samples, return_distance=False)]


def first_of_equals(items: np.ndarray, rows: Rows) -> list[int]:
    """The NEAREST of the numbers `items`, without those whose row in (n, E) is that of an earlier one."""
    dense = rows if isinstance(rows, np.ndarray) else rows.toarray()  # words of captions are sparse
    places = np.sort(np.unique(dense, axis=0, return_index=True)[1])[:NEAREST]
    return [int(item) for item in items[places]]
