"""Is a caption that was made the true one, word by word? Where captions come in several modalities, such as languages.

From captions in another modality, alone or with more. Where the data say what is new about a test sample, also for each
kind of novelty. Floor: the same captions against shuffled ones. Ceiling: true captions through their codec and back.
"""

from collections.abc import Sequence

import numpy as np

from stages.common.modality import kind_of, suffix_of
from stages.common.modality_subsets import subset_name
from stages.common.shards import read_shard
from stages.data.kinds import text
from stages.evaluation.metrics.evaluated_data import CLEAN, MADE, Dataset
from stages.evaluation.metrics.generalisation import NOVELTY
from stages.evaluation.metrics.result import Result, share


def translation(dataset: Dataset, rng: np.random.Generator) -> list[Result]:
    """A figure for each direction; none where fewer than two modalities are captions."""
    texts = [name for name in dataset.names if kind_of(name) == "text"]
    directions = [
        (observed, target)
        for observed in dataset.conditional
        for target in texts
        if target not in observed and set(observed) & set(texts)
    ]
    return word_by_word(dataset, "translation", directions, rng)


def word_by_word(
    dataset: Dataset, family: str, directions: Sequence[tuple[Sequence[str], str]], rng: np.random.Generator
) -> list[Result]:
    """The share of true captions in each direction, from what is observed to captions, and for each kind of novelty."""
    targets = list(dict.fromkeys(target for _, target in directions))
    true = {name: captions(dataset, name) for name in targets}
    kept = {name: made("reconstructed", name) for name in targets}
    results = []
    for observed, target in directions:
        found = {key: caption for key, caption in made(subset_name(observed), target).items() if true[target][key]}
        new = novelty(dataset, list(found))
        for kind in dict.fromkeys(["", *new]):
            keys = [key for key, one in zip(found, new, strict=True) if kind in ("", one)]
            sides = ([found[key] for key in keys], [true[target][key] for key in keys])
            value, floor = same(*sides), same(rng.permutation(sides[0]).tolist(), sides[1])
            again = [key for key in keys if key in kept[target]]
            ceiling = same(*([side[key] for key in again] for side in (kept[target], true[target])))
            metric = ".".join(filter(None, (family, kind, f"{subset_name(observed)}_to_{target}")))
            results.append(share(metric, [value], [floor], [ceiling], rng))
    return results


def novelty(dataset: Dataset, keys: Sequence[str]) -> list[str]:
    """What is new about each of some test samples; nothing where the data do not say."""
    if NOVELTY not in dataset.samples:
        return [""] * len(keys)
    known = dataset.samples.set_index("id")[NOVELTY]
    return [str(known[key]) for key in keys]


def captions(dataset: Dataset, name: str) -> dict[str, str]:
    """The true captions of the test split by sample, as far as there is room for them; nothing where there is none."""
    rows = (dataset.samples["split"] == "test").to_numpy()
    tokens = np.load(CLEAN / f"{name}.clean.npy", mmap_mode="r")[rows]
    told = [text.write(row, dataset.fitted[name]).decode("utf-8", "replace") for row in tokens]
    return dict(zip(dataset.samples["id"][rows], told, strict=True))


def made(tar: str, name: str) -> dict[str, str]:
    """The captions of one modality in a tar, by sample."""
    suffix, shard = suffix_of(name), MADE / f"{tar}.tar"
    return {key: files[suffix].decode("utf-8", "replace") for key, files in read_shard(shard, only=[suffix])}


def same(found: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """(n,) bool."""
    return np.array([one == other for one, other in zip(found, wanted, strict=True)], bool)
