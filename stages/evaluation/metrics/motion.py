"""How videos that were made move, and how sharp their single frames are: no judge that learned has a say.

`motion.<observed>_to_<video>`: the correlation between how the levels change from frame to frame in a video that was
made and in the true one; each change counts as an amount, averaged in the fields of a coarse grid. What the videos of
the train split have in common, such as that most changes are in the middle, is taken off both: the centred anomaly
correlation by which weather forecasts are verified (Murphy, Epstein 1989, Monthly Weather Review 117, 572-582). 1 is
the true movement; a video that stands still scores about 0, and so does one that moves whatever was observed.
Floor: the same videos against shuffled ones. Ceiling: true videos through their codec and back.

`motion.frames.<video>`, of videos made from nothing: the share of single frames that are as sharp as real ones, by the
mean of their squared spatial frequencies, which blur lowers and noise raises; as real ones: within the middle 95 % of
the train split. It tells what was drawn from what was averaged, and says nothing of what is to be seen.
Floor: the mean video of the train split. Ceiling: real test videos.

Axes: N videos, T frames, S side of a frame, C levels of a pixel, G side of the grid.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stages.common.modality import kind_of, suffix_of
from stages.common.modality_subsets import subset_name
from stages.common.shards import read_shard
from stages.data.kinds import video
from stages.data.kinds.generated_to_tensors import tensors
from stages.evaluation.metrics.evaluated_data import CLEAN, MADE, Dataset
from stages.evaluation.metrics.result import Result, share
from stages.features.chunked_items import chunks, stored

FIELDS = 8  # G
USUAL = (2.5, 97.5)  # percentiles of the train split between which a frame is as sharp as real ones


class Measured(NamedTuple):
    """Some videos by sample, and what is measured of them."""

    keys: Sequence[str]
    changes: np.ndarray  # (N, T - 1, G, G): by how much the levels of 0 to 255 change from frame to frame
    sharpness: np.ndarray  # (N, T): mean squared spatial frequency, (radians a pixel)^2


def motion(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """The figures of each modality that is a video; none where none is."""
    results = []
    for name in [name for name in dataset.names if kind_of(name) == "video"]:
        train, test = real(dataset, name, "train"), real(dataset, name, "test")
        results += [*likeness(dataset, name, train, test, rng), frames(dataset, name, train, test, rng)]
    return results


def likeness(dataset: Dataset, name: str, train: Measured, test: Measured, rng: np.random.Generator) -> list[Result]:
    """Do videos move as the true ones do? A figure for each direction."""
    common = train.changes.mean(0)
    place = {key: row for row, key in enumerate(test.keys)}

    def sides(tar: str) -> tuple[np.ndarray, np.ndarray]:
        """The changes of what was made and of what is true, without what is common."""
        found = made(dataset, name, tar)
        rows = [row for row, key in enumerate(found.keys) if key in place]
        return found.changes[rows] - common, test.changes[[place[found.keys[row]] for row in rows]] - common

    ceiling, results = correlations(*sides("reconstructed")), []
    for observed in [subset for subset in dataset.conditional if name not in subset]:
        label = subset_name(observed)
        found, true = sides(label)
        if len(found):
            value, floor = correlations(found, true), correlations(found, rng.permutation(true))
            results.append(share(f"motion.{label}_to_{name}", [value], [floor], [ceiling], rng))
    return results


def frames(dataset: Dataset, name: str, train: Measured, test: Measured, rng: np.random.Generator) -> Result:
    """Are the frames of videos made from nothing as sharp as real ones?"""
    low, high = np.percentile(train.sharpness, USUAL)
    parts = (made(dataset, name, "nothing"), mean_video(dataset, name), test)
    value, floor, ceiling = (((low <= part.sharpness) & (part.sharpness <= high)).mean(1) for part in parts)
    return share(f"motion.frames.{name}", [value], [floor], [ceiling], rng)


def mean_video(dataset: Dataset, name: str) -> Measured:
    """The mean of the train split's videos: what a model would make that knows nothing else."""
    total = sum(levels.sum(0) for levels in levels_of(dataset, name, "train"))
    levels = total[None] / len(there(dataset, name, "train"))
    return Measured(["mean"], changes(levels), sharpness(levels))


def correlations(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Pearson's, of each pair of (N, ...) arrays: (N,); 0 where one of the two is the same everywhere."""
    left, right = (part.reshape(len(part), -1).astype(float) for part in (left, right))
    left, right = (part - part.mean(1, keepdims=True) for part in (left, right))
    size = np.sqrt((left**2).sum(1) * (right**2).sum(1))
    return np.divide((left * right).sum(1), size, out=np.zeros(len(size)), where=size > 0)


def there(dataset: Dataset, name: str, split: str) -> pd.Series:
    """The ids of the samples of a split that have a video, by their rows."""
    rows = dataset.samples["split"].eq(split) & dataset.samples[f"has_{name}"].astype(bool)
    return dataset.samples["id"][rows]


def levels_of(dataset: Dataset, name: str, split: str) -> Iterator[np.ndarray]:
    """The real videos of a split, (N, T, S, S) in pieces."""
    rows = dataset.samples["id"].isin(there(dataset, name, split)).to_numpy()
    for part in chunks(stored(CLEAN / f"{name}.clean.npy", rows)):
        yield grey(part, dataset.fitted[name])


def real(dataset: Dataset, name: str, split: str) -> Measured:
    """What is measured of them."""
    parts = [(changes(levels), sharpness(levels)) for levels in levels_of(dataset, name, split)]
    moved, sharp = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Measured(list(there(dataset, name, split)), moved, sharp)


def made(dataset: Dataset, name: str, tar: str) -> Measured:
    """The videos of a tar."""
    suffix, fitted = suffix_of(name), dataset.fitted[name]
    files = dict(read_shard(MADE / f"{tar}.tar", only=[suffix]))
    levels = grey(tensors(name, [file[suffix] for file in files.values()], fitted), fitted)
    return Measured(list(files), changes(levels), sharpness(levels))


def grey(items: np.ndarray, settings: Any) -> np.ndarray:
    """Videos as their tensors (N, S, S, T x C) -> (N, T, S, S) float32, from 0 to 255."""
    return video.frames_of(items, settings).mean(-1, dtype=np.float32)


def changes(levels: np.ndarray) -> np.ndarray:
    """(N, T, S, S) -> (N, T - 1, G, G): the mean amount by which a field of the grid changes from frame to frame."""
    amounts = np.abs(np.diff(levels, axis=1))
    for axis in (2, 3):
        borders = np.linspace(0, levels.shape[axis], FIELDS + 1).astype(int)
        shape = [-1 if one == axis else 1 for one in range(4)]
        amounts = np.add.reduceat(amounts, borders[:-1], axis) / np.diff(borders).reshape(shape)
    return amounts


def sharpness(levels: np.ndarray) -> np.ndarray:
    """(N, T, S, S) -> (N, T): the mean of a frame's squared spatial frequencies, weighted by their power.

    By Parseval's theorem it is what squared steps from pixel to pixel sum to, divided by squared deviations from the
    mean; so neither brightness nor contrast counts. A frame of one colour has 0.
    """
    steps = sum(np.square(np.diff(levels, axis=axis)).sum((2, 3)) for axis in (2, 3))
    power = np.square(levels - levels.mean((2, 3), keepdims=True)).sum((2, 3))
    return np.divide(steps, power, out=np.zeros_like(power), where=power > 0)
