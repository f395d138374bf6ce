"""All attacks on the trained models, as figures of the families `membership`, `attribute_inference`, `extraction`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stages.common.modality import PICTURE, SPECTRUM, Modality, suffix_of, tensor_of
from stages.common.params import Run
from stages.common.progress import progress
from stages.common.seeds import draws, seed_of
from stages.common.shards import read_shard
from stages.data.kinds.generated_to_tensors import tensors
from stages.evaluation.attacks.attributes import attributes
from stages.evaluation.attacks.extraction import extraction
from stages.evaluation.attacks.membership import figures, likelihood_ratios
from stages.evaluation.attacks.settings import Attacks
from stages.evaluation.attacks.shadows import Audit, audit, halves, learned_settings, losses, shadow
from stages.evaluation.metrics.evaluated_data import CLEAN, MADE, Dataset
from stages.evaluation.metrics.result import Result
from stages.features.chunked_items import Stored, sampled, stored
from stages.features.codecs import load_codecs
from stages.features.reconstruction import losses_of
from stages.fusion.dataset import FeatureDataset, read_features
from stages.fusion.trained_fusion import load_fusion
from stages.generation.models.families import Density
from stages.generation.models.trained_generator import load_generator
from stages.generation.sampler import Generate, Sampler
from stages.generation.train import PRIOR, Train

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
    chosen = audit(split, units(target), target.settings.audited, target.rng("audit"))
    learned, card = learned_settings()
    results = []
    if learned.model != "gan":
        scores = likelihood_ratios(*against_shadows(target, chosen, learned, card))
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


def against_shadows(
    target: Target, chosen: Audit, learned: Train, card: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses (U, K) of the generator, those (S, U, K) of shadows, and (S, U) which of them learned a unit."""
    sampler, settings, seed = target.sampler, target.settings, target.run.seed
    known = halves(chosen.member, settings.shadows, target.rng("halves"))
    split = target.dataset.samples["split"].to_numpy(str)
    rest = np.setdiff1d(np.flatnonzero(split == "train"), chosen.samples)

    def of(samples: np.ndarray) -> FeatureDataset:
        return sampler.dataset.only(torch.from_numpy(samples).to(sampler.dataset.clean.device))

    def lost(models: Mapping[str, Density]) -> np.ndarray:
        return chosen.by_unit(losses(models, of(chosen.samples), sampler.fused, learned, settings.draws, seed))

    models: dict[str, Density] = {} if sampler.prior is None else {PRIOR: sampler.prior}
    models |= zip(sampler.dataset.names, sampler.decoders, strict=True)
    shadows = []
    for number, learns in enumerate(progress(known, title="shadows", total=len(known))):
        samples = np.concatenate([rest, chosen.samples[learns[chosen.units]]])
        made = shadow(
            of(samples), sampler.fused, learned, card, seed=seed_of(seed, f"evaluate/attacks/shadows/{number}"),
            threads=target.run.threads, state=target.state / f"shadow-{number}",
        )  # fmt: skip
        shadows.append(lost(made))
    return lost(models), np.stack(shadows), known


def units(target: Target) -> np.ndarray:
    """Numbers of the units of all samples. Raises ValueError when there is no such column."""
    samples, column = target.dataset.samples, target.settings.unit
    if not column:
        return np.arange(len(samples))
    if column not in samples:
        known = ", ".join(str(column) for column in samples if not str(column).startswith("has_"))
        raise ValueError(f"evaluate.attacks.unit: expected one of {known}, got '{column}'; correct params.yaml")
    return np.unique(samples[column].astype(str), return_inverse=True)[1]


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
