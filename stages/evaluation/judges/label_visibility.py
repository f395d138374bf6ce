"""Which modality shows a label: measured, where no one said it.

The judge of a modality reads items of splits that it has not learned from. It shows a label when that judge is right
more often than always saying the most frequent value: the lower end of the 95 % interval of the gain must reach `LEAST`
of what there is to gain. A picture of a bird does not show who speaks of it, whatever the table says.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stages.evaluation.intervals import normal_interval
from stages.evaluation.judges.classifier import UNLABELLED, Classifier, classes

LEAST = 0.1  # share of the errors of the most frequent value that a judge must avoid
MOST = 2000  # items that are looked at
COLUMNS = ("attribute", "modality", "right", "most_frequent", "gain", "low", "high", "n", "by", "shown")
UNSEEN = ("train", "validation")  # splits: judges learn from another, and figures come from yet another


def unseen_rows(samples: pd.DataFrame, name: str) -> np.ndarray:
    """(N,) bool: the rows by which it is measured what a modality shows, evenly spaced over all there are."""
    rows = np.flatnonzero(samples["split"].isin(UNSEEN) & samples[f"has_{name}"].astype(bool))
    picked = np.zeros(len(samples), bool)
    picked[rows[np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int)]] = True
    return picked


@torch.no_grad()
def label_visibility(
    name: str, classifier: Classifier, items: Tensor, columns: pd.DataFrame, learned: pd.DataFrame,
    attributes: Mapping[str, Any],
) -> list[dict[str, Any]]:  # fmt: skip
    """A row for each label that the classifier of a modality reads: how often it is right on unseen (N, ...) `items`.

    `columns` are their labels; `learned` are those that the judge was taught, which say what is the most frequent. What
    was said of a label stands, whatever is measured; where no item has it, nothing is measured and it stands too.
    """
    scores = classifier.scores(classifier.features(items)) if len(items) else {}
    found = []
    for attribute, values in classifier.values.items():
        wanted = classes(columns[attribute], values)
        known = wanted != UNLABELLED
        right = usual = np.zeros(0)
        if known.any():
            right = (scores[attribute].argmax(-1).cpu() == wanted)[known].double().numpy()
            taught = classes(learned[attribute], values)
            usual = (wanted == taught[taught != UNLABELLED].mode().values)[known].double().numpy()
        gain, low, high = normal_interval([right - usual])
        share, chance = normal_interval([right])[0], normal_interval([usual])[0]
        given = not attributes[attribute].get("assumed", False)
        found.append({
            "attribute": attribute, "modality": name, "right": share, "most_frequent": chance,
            "gain": gain, "low": low, "high": high, "n": len(right), "by": "given" if given else "measured",
            "shown": given or not len(right) or bool(low > LEAST * (1 - chance)),
        })  # fmt: skip
    return found


def resolved(attributes: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The attributes, each with the modalities that do show it."""
    hidden = {(row["attribute"], row["modality"]) for row in found if not row["shown"]}
    known = {}
    for attribute, about in attributes.items():
        shown_by = [name for name in about["shown_by"] if (attribute, name) not in hidden]
        known[attribute] = {"values": about["values"], "shown_by": shown_by}
    return known
