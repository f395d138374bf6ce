"""Layer 4, second stage: samples for every subset of observed modalities, decoded to files.

Writes below data/generate one tar a subset (``nothing.tar``, ``image+text.tar`` ...) whose samples bear the
number of the test sample that was observed and hold what was not. Two more are measures to compare with:
``everything.tar``, test samples sent through the codecs alone, and ``untrained.tar``, decoded noise.
``interpolation.tar`` is to look at: the way from one sample to another.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, PositiveInt
from torch import Generator, Tensor

from stages.common.files import read_table
from stages.common.learning import set_up, stream
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.progress import progress
from stages.common.shards import SUFFIXES, write_shard
from stages.common.stage import stage
from stages.common.subsets import mask, proper_subsets, subset_name
from stages.common.workers import in_processes
from stages.data.modalities import MODALITIES, restore
from stages.features.bank import Bank, read_bank
from stages.features.codecs import load_codecs
from stages.fusion.fuse import Fused, load_fused
from stages.generation.families import Density
from stages.generation.interpolation import strips
from stages.generation.train import load_generator

PIECE = 64  # items a worker writes at a time
UNTRAINED = 300  # samples of an untrained generator


class Generate(Strict):
    """Section `generate`."""

    samples: PositiveInt  # made from nothing
    observed: PositiveInt  # test samples that are observed, at most
    steps: PositiveInt  # of the solver
    temperature: Annotated[float, Field(gt=0, le=1)]  # of the whole's noise; 1: as learned
    temperature_parts: Annotated[float, Field(gt=0, le=1)]  # of the parts' noise; 1: as learned


def main() -> None:
    """Write data/generate."""
    with stage("generate") as door, torch.no_grad():
        settings, run = load(Generate, "generate"), load(Run, "run")
        set_up(run.threads)
        names = load_modalities()
        bank = read_bank(names, Path("data/extract"), Path("data/preprocess/samples.csv"))
        ids = read_table(Path("data/preprocess/samples.csv"), text=("id",))["id"]
        codecs, fitted = load_codecs(names, Path("data/extract")), restore(names, Path("data/preprocess"))
        fused, generator = load_fused(Path("data/fuse")), load_generator(Path("data/train"), names)
        test = bank.rows("test")[: settings.observed]

        def deliver(label: str, keys: Sequence[str], features: Tensor, wanted: Sequence[str]) -> None:
            files = decode(features, bank, wanted, codecs, fitted)
            write_shard(door.out / f"{label}.tar", zip(keys, files, strict=True))

        for subset in progress(proper_subsets(names), title="generate"):
            rows = test[bank.there[test][:, mask(subset, names, 1)[0]].all(1)] if subset else None
            given = torch.zeros(settings.samples, sum(bank.widths)) if rows is None else bank.clean[rows]
            keys = numbers(settings.samples) if rows is None else list(ids[rows.numpy()])
            chance = stream(run.seed, f"generate/{subset_name(subset)}")
            features = draw(fused, generator, given, mask(subset, names, len(given)), settings, chance)
            deliver(subset_name(subset), keys, features, [name for name in names if name not in subset])
        complete = test[bank.there[test].all(1)]
        deliver("everything", list(ids[complete.numpy()]), bank.clean[complete], names)
        features = torch.randn(UNTRAINED, sum(bank.widths), generator=stream(run.seed, "generate/untrained"))
        deliver("untrained", numbers(UNTRAINED), features, names)
        whole, parts = generator
        if whole is not None:  # without a fusion there is nothing to walk in
            heat = (settings.temperature, settings.temperature_parts)
            chance = stream(run.seed, "generate/interpolation")
            walk = strips(fused, whole, parts, sum(bank.widths), steps=settings.steps, temperatures=heat, chance=chance)
            deliver("interpolation", *walk, names)


def numbers(count: int) -> list[str]:
    """Keys of samples that no test sample was observed for."""
    return [f"{number:06d}" for number in range(count)]


def draw(
    fused: Fused,
    generator: tuple[Density | None, list[Density]],
    given: Tensor,
    seen: Tensor,
    settings: Generate,
    chance: Generator,
) -> Tensor:
    """Features (B, W) of whole samples, given features (B, W) of which (B, M) are seen."""
    whole, parts = generator
    condition = torch.cat([fused(given, seen), seen], -1)  # (B, U + M)
    unified = condition[:, :0]  # without a fusion there is nothing to share
    if whole is not None:
        noise = settings.temperature * torch.randn(len(given), whole.noise, generator=chance)
        unified = whole.sample(condition, noise, steps=settings.steps)  # (B, U), shared by all that follows
    noises = (settings.temperature_parts * torch.randn(len(given), part.noise, generator=chance) for part in parts)
    made = [part.sample(unified, noise, steps=settings.steps) for part, noise in zip(parts, noises, strict=True)]
    return torch.cat(made, -1)


def decode(
    features: Tensor, bank: Bank, wanted: Sequence[str], codecs: dict[str, Any], fitted: dict[str, Any]
) -> list[dict[str, bytes]]:
    """The files of each sample, by suffix: (B, W) features -> B times {png, txt, wav}."""
    files: list[dict[str, bytes]] = [{} for _ in features]
    for name, columns in zip(bank.names, features.split(bank.widths, -1), strict=True):
        if name in wanted:
            tensors = codecs[name].decode(columns)
            jobs = ((name, tensors[i : i + PIECE], fitted[name]) for i in range(0, len(tensors), PIECE))
            for file, payload in zip(files, chain.from_iterable(in_processes(write, jobs)), strict=True):
                file[SUFFIXES[name]] = payload
    return files


def write(name: str, tensors: np.ndarray, fitted: Any) -> list[bytes]:
    """A piece of the work of `decode`, in a worker process."""
    return [MODALITIES[name].write(tensor, fitted) for tensor in tensors]


if __name__ == "__main__":
    main()
