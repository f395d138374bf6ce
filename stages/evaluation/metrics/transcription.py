"""Is a caption that was made from a clip the true one, word by word? Where a clip says its caption.

That is known where captions are labels and nothing else, as in lists of spoken words. Where the data have a language,
the labels are English, and so are the captions that they are held against; figures are of all languages.
Floor and ceiling: as those of `translation.py`.
"""

import numpy as np
import pandas as pd

from stages.common.modality import kind_of
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.evaluation.metrics.result import Result
from stages.evaluation.metrics.translation import captions, word_by_word

LANGUAGE, ENGLISH = "language", "en"  # the attribute that says in which a sample is


def transcription(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each direction from clips, alone or with more, to captions; none where clips may say other words."""
    if not says_labels(dataset):
        return []
    clips, texts = (
        [name for name in dataset.names if kind_of(name) == kind and name in dataset.shown_by[str(dataset.key)]]
        for kind in ("audio", "text")
    )
    directions = [
        (observed, target)
        for observed in dataset.conditional
        for target in texts
        if target not in observed and set(observed) & set(clips)
    ]
    return word_by_word(dataset, "transcription", directions, rng)


def says_labels(dataset: Dataset) -> bool:
    """Is each English caption of the test split the label of the key attribute, in whatever case of letters?"""
    text = next((name for name in dataset.names if kind_of(name) == "text"), None)
    if dataset.key is None or text is None:
        return False
    test = dataset.rows("test").query(f"has_{text}")
    test = test[english(test)]
    told = captions(dataset, text)
    labels = zip(test["id"], test[dataset.key].astype(str), strict=True)
    return len(test) > 0 and all(told[key].lower() == label.lower() for key, label in labels)


def english(samples: pd.DataFrame) -> np.ndarray:
    """(N,) bool: is it said in English? Yes of all, where the data have no language."""
    if LANGUAGE not in samples:
        return np.ones(len(samples), bool)
    return (samples[LANGUAGE] == ENGLISH).to_numpy()
