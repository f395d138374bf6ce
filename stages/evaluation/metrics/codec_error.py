"""How much of a test item its codec loses, with the interval that `extract` does not give.

Floor: a principal component analysis of the same width. Ceiling: nothing lost. Axes: N test items.
"""

from pathlib import Path

import numpy as np

from stages.common.files import read_json
from stages.evaluation.intervals import LEVEL, REPLICATES
from stages.evaluation.metrics.evaluated_data import CLEAN, Dataset
from stages.evaluation.metrics.result import Result
from stages.features.chunked_items import stored
from stages.features.codecs import load_codecs
from stages.features.reconstruction import losses_of

FEATURES = Path("data/extract")


def codec_errors(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each modality."""
    results = []
    for name, codec in load_codecs(dataset.names, FEATURES).items():
        rows = ((dataset.samples["split"] == "test") & dataset.samples[f"has_{name}"]).to_numpy()
        items = stored(CLEAN / f"{name}.clean.npy", rows)
        wrong, size = (np.concatenate(parts) for parts in zip(*losses_of(codec, items), strict=True))
        count = rng.multinomial(len(items), np.full(len(items), 1 / len(items)), size=REPLICATES)
        low, high = np.percentile((count @ wrong) / (count @ size), LEVEL)
        floor = read_json(FEATURES / name / "reconstruction.json")["pca"]
        value = float(wrong.sum() / size.sum())
        results.append(Result(f"codec_error.{name}", value, low, high, len(items), floor, 0.0, 0.0, 0.0))
    return results
