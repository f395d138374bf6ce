"""How much of a test item its codec loses, with the interval that `extract` does not give.

The errors are those of stages/features/reconstruction.py, item by item. Floor: a principal component analysis of the
same width. Ceiling: nothing lost. Axes: N test items, T tokens.
"""

from pathlib import Path

import numpy as np
import torch

from stages.common.files import read_json, read_tensors
from stages.evaluation.figure import LEVEL, REPLICATES, Figure
from stages.evaluation.scene import CLEAN, Scene
from stages.features.codecs import load_codecs

FEATURES = Path("data/extract")


def extraction(scene: Scene, rng: np.random.Generator) -> list[Figure]:
    """A figure for each modality."""
    figures = []
    for name, codec in load_codecs(scene.names, FEATURES).items():
        rows = ((scene.samples["split"] == "test") & scene.samples[f"has_{name}"]).to_numpy()
        items = np.load(CLEAN / f"{name}.clean.npy", mmap_mode="r")[rows]
        made = codec.decode(torch.from_numpy(read_tensors(FEATURES / name / "features.safetensors")["clean"][rows]))
        wrong, size = errors(items, made)
        count = rng.multinomial(len(items), np.full(len(items), 1 / len(items)), size=REPLICATES)
        low, high = np.percentile((count @ wrong) / (count @ size), LEVEL)
        floor = read_json(FEATURES / name / "reconstruction.json")["pca"]
        value = float(wrong.sum() / size.sum())
        figures.append(Figure(f"extract.{name}.error", value, low, high, len(items), floor, 0.0, 0.0, 0.0))
    return figures


def errors(items: np.ndarray, made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) each: squared errors of an item's levels, or its wrong tokens, and how many there are of either."""
    if items.dtype == np.uint16:  # (N, T) tokens
        return ((made != items) & (items > 0)).sum(1), (items > 0).sum(1)
    gap = (made.reshape(len(made), -1) / 255.0 - items.reshape(len(items), -1) / 255.0) ** 2
    return gap.sum(1), np.full(len(items), gap.shape[1])
