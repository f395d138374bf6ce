"""All attacks on the trained models, as figures of the families `membership`, `attribute_inference`, `extraction`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from stages.common.modality import PICTURE, SPECTRUM, Modality, suffix_of, tensor_of
from stages.common.params import Run
from stages.common.seeds import draws
from stages.common.shards import read_shard
from stages.data.kinds.generated_to_tensors import tensors
from stages.evaluation.attacks.attributes import attributes
from stages.evaluation.attacks.extraction import extraction
from stages.evaluation.attacks.membership import figures, likelihood_ratios
from stages.evaluation.attacks.settings import Attacks
from stages.evaluation.attacks.shadows import against_shadows, audit, learned_settings
from stages.evaluation.metrics.evaluated_data import CLEAN, MADE, Dataset
from stages.evaluation.metrics.result import Result
from stages.features.chunked_items import Stored, sampled, stored
from stages.features.codecs import load_codecs
from stages.features.reconstruction import losses_of
from stages.fusion.dataset import read_features
from stages.fusion.trained_fusion import load_fusion
from stages.generation.models.families import Density
from stages.generation.models.trained_generator import load_generator
from stages.generation.sampler import Generate, Sampler
from stages.generation.train import PRIOR
from stages.learning.privacy import numbered

CODECS = Path("data/extract")
LOOKED = 2000  # items of a side that are compared with those of training
MOST = 2**27  # levels of these, at most: 512 MiB as floats


@dataclass(frozen=True)
class Target:
    """What is attacked: the data that it learned from and others, and all models."""

    dataset: Dataset
    sampler: Sampler
    run: Run
    settings: Attacks
    state: Path  # what was done so far

    def rng(self, name: str) -> np.random.Generator:
        return draws(self.run.seed, f"evaluate/attacks/{name}")


def attacked(
    dataset: Dataset, names: Sequence[Modality], settings: Attacks, making: Generate, run: Run, state: Path
) -> list[Result]:
    """Every figure; `making` is how samples are made, `state` a folder for what was done so far."""
    sampler = Sampler(
        read_features(names, CODECS, CLEAN / "samples.csv"), load_codecs(names, CODECS), dataset.fitted,
        load_fusion(Path("data/fuse")), *load_generator(Path("data/train"), names), making, run.seed,
        out=Path(os.devnull),  # nothing is written
    )  # fmt: skip
    target = Target(dataset, sampler, run, settings, state)
    sides = {str(name): levels(target, name) for name in names if tensor_of(name) in (PICTURE, SPECTRUM)}
    return [
        *membership(target),
        *attributes(dataset, sampler, settings.audited, target.rng("attributes")),
        *extraction(sides, target.rng("extraction")),
    ]


def membership(target: Target) -> list[Result]:
    """The attack on the generator by shadows, unless its loss is that of a game, and on each codec."""
    split = target.dataset.samples["split"].to_numpy(str)
    units = numbered(target.dataset.samples, target.settings.unit, "evaluate.attacks.unit")
    chosen = audit(split, units, target.settings.audited, target.rng("audit"))
    learned, card = learned_settings()
    results = []
    if learned.model != "gan":
        sampler = target.sampler
        models: dict[str, Density] = {} if sampler.prior is None else {PRIOR: sampler.prior}
        models |= zip(sampler.dataset.names, sampler.decoders, strict=True)
        compared = against_shadows(
            models, sampler.dataset, sampler.fused, chosen, target.settings, learned, card, target.run,
            rng=target.rng("halves"), state=target.state,
        )  # fmt: skip
        scores = likelihood_ratios(*compared)
        results += figures("generator", scores, chosen.member, target.rng("membership"))
    for name, codec in target.sampler.codecs.items():
        there = target.dataset.samples[f"has_{name}"].to_numpy(bool)[chosen.samples]
        lost = np.full((len(there), 1), np.nan)
        found = losses_of(codec, Stored(CLEAN / f"{name}.clean.npy", chosen.samples[there]))
        lost[there, 0] = np.concatenate([wrong / np.maximum(size, 1) for wrong, size in found])
        scores = -chosen.by_unit(lost)[:, 0]
        known = np.isfinite(scores)
        results += figures(f"codec.{name}", scores[known], chosen.member[known], target.rng(f"membership/{name}"))
    return results


def levels(target: Target, name: Modality) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What was made from nothing, test items and train items of a modality, some of each, (.., P) from 0 to 1."""
    there = target.dataset.samples[f"has_{name}"].to_numpy(bool)
    split, rng = target.dataset.samples["split"].to_numpy(str), target.rng(f"levels/{name}")
    files = [file[suffix_of(name)] for _, file in islice(read_shard(MADE / "nothing.tar"), LOOKED)]
    made = tensors(name, files, target.dataset.fitted[name])
    most = {"test": LOOKED, "train": max(LOOKED, MOST // made[0].size)}
    real = (sampled(stored(CLEAN / f"{name}.clean.npy", there & (split == side)), most[side], rng) for side in most)
    made, test, train = (items.reshape(len(items), -1).astype(np.float32) / 255 for items in (made, *real))
    return made, test, train
