"""Are volumes solids: in as many pieces as real ones have, and nothing hollow in them?

Such a volume has a closed surface that can be printed. A piece are voxels that hang together by their faces; an
enclosed hole are empty ones from which no way through faces leads out. A figure for what is made from nothing, and one
for each direction. Floor: decoded noise. Ceiling: true volumes through their codec and back.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
from scipy.ndimage import binary_fill_holes, label

from stages.common.modality import kind_of, suffix_of
from stages.common.modality_subsets import subset_name
from stages.common.shards import read_shard
from stages.data.kinds import volume
from stages.evaluation.metrics.evaluated_data import CLEAN, MADE, Dataset
from stages.evaluation.metrics.result import Result, share


def closed(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each modality that is a volume and each observed subset without it; none where none is one."""
    results = []
    for name in [name for name in dataset.names if kind_of(name) == "volume"]:
        usual = usual_pieces(dataset, name)
        floor, ceiling = (solid(made(tar, name), usual) for tar in ("decoded_noise", "reconstructed"))
        for observed, outputs in dataset.outputs.items():
            if name in outputs.items:
                found = solid(made(subset_name(observed), name), usual)
                metric = f"closed.{'+'.join(observed)}_to_{name}" if observed else f"closed.{name}"
                results.append(share(metric, [found], [floor], [ceiling], rng))
    return results


def usual_pieces(dataset: Dataset, name: str) -> int:
    """In how many pieces most of the real volumes of the test split are."""
    rows = ((dataset.samples["split"] == "test") & dataset.samples[f"has_{name}"].astype(bool)).to_numpy()
    counts = Counter(pieces(levels > 0) for levels in np.load(CLEAN / f"{name}.clean.npy", mmap_mode="r")[rows])
    return counts.most_common(1)[0][0]


def made(tar: str, name: str) -> list[np.ndarray]:
    """The volumes of one modality in a tar, (X, Y, Z) bool each."""
    suffix = suffix_of(name)
    found = (volume.array(files[suffix]) for _, files in read_shard(MADE / f"{tar}.tar", only=[suffix]))
    return [one > 0 for one in found if one is not None]


def solid(volumes: Iterable[np.ndarray], usual: int) -> np.ndarray:
    """(n,) bool: are they in so many pieces, without an enclosed hole?"""
    return np.array([pieces(matter) == usual and not hollow(matter) for matter in volumes], bool)


def pieces(matter: np.ndarray) -> int:
    """How many pieces (X, Y, Z) bool are in."""
    return int(label(matter)[1])


def hollow(matter: np.ndarray) -> bool:
    """Is there an enclosed hole?"""
    return bool((binary_fill_holes(matter) != matter).any())
