"""Layer 4, second stage: samples for every subset of observed modalities, decoded to files.

Writes below data/generate one tar a subset (``nothing.tar``, ``image+text.tar`` ...) whose samples bear the
number of the test sample that was observed and hold what was not. The others are measures to compare with:
``everything.tar``, test samples sent through the codecs alone; ``untrained.tar``, decoded noise;
``image_text_audio.chain.tar`` ..., clips for which the captions that were made from test pictures were observed, as
files; and, of the built-in data, ``elsewhere.tar``, pictures of other writers with what was made from them, and
``elsewhere.csv``, their digits. ``interpolation.tar`` is to look at: the way from one sample to another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice, permutations
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Generator, Tensor

from stages.common.costs import COSTS
from stages.common.files import read_table, write_table
from stages.common.learning import set_up, stream
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.progress import progress
from stages.common.seeds import draws
from stages.common.shards import SUFFIXES, read_shard, write_shard
from stages.common.stage import stage
from stages.common.subsets import mask, proper_subsets, subset_name
from stages.common.together import device
from stages.common.workers import in_processes
from stages.data.modalities import MODALITIES, restore
from stages.data.reading import tensors
from stages.features.bank import Bank, read_bank
from stages.features.codecs import load_codecs
from stages.fusion.fuse import Fused, load_fused
from stages.generation import elsewhere
from stages.generation.families import Density
from stages.generation.interpolation import strips
from stages.generation.train import load_generator

PIECE = 64  # items a worker writes at a time
UNTRAINED = 300  # samples of an untrained generator
CHAINED = 400  # samples of a chain, at most
ELSEWHERE = 300  # pictures from elsewhere, at most


class Generate(Strict):
    """Section `generate`."""

    samples: PositiveInt  # made from nothing
    observed: PositiveInt  # test samples that are observed, at most
    steps: PositiveInt  # of the solver
    temperature: Annotated[float, Field(gt=0, le=1)]  # of the whole's noise; 1: as learned
    temperature_parts: Annotated[float, Field(gt=0, le=1)]  # of the parts' noise; 1: as learned


class Source(Strict):
    """The one key `acquire.source`."""

    name: str

    @model_validator(mode="before")
    @classmethod
    def named(cls, value: Any) -> dict[str, Any]:
        return {"name": value}


@dataclass(frozen=True)
class Workshop:
    """All models, and where samples go. B samples, M modalities, W features of all of them side by side."""

    bank: Bank
    codecs: dict[str, Any]
    fitted: dict[str, Any]
    fused: Fused
    generator: tuple[Density | None, list[Density]]
    settings: Generate
    seed: int
    out: Path

    def make(self, label: str, given: Tensor, subset: Sequence[str]) -> Tensor:
        """Features (B, W) of whole samples, given those of a subset of the modalities."""
        seen, chance = mask(subset, self.bank.names, len(given)), stream(self.seed, f"generate/{label}")
        with COSTS.of("draw", len(given)):
            return draw(self.fused, self.generator, given, seen, self.settings, chance)

    def deliver(self, label: str, keys: Sequence[str], features: Tensor, wanted: Sequence[str]) -> None:
        """The `wanted` modalities of (B, W) features, as a tar of files."""
        files = decode(features, self.bank, wanted, self.codecs, self.fitted)
        write_shard(self.out / f"{label}.tar", zip(keys, files, strict=True))

    def observe(self, payloads: Sequence[bytes], name: str) -> Tensor:
        """Features (B, W) of files, read and cleaned as data are; those of the other modalities are zero."""
        given = torch.zeros(len(payloads), sum(self.bank.widths), device=device())
        columns = given.split(self.bank.widths, -1)[self.bank.names.index(name)]  # a view
        columns.copy_(self.codecs[name].encode(tensors(name, payloads, self.fitted[name])))
        return given


def main() -> None:
    """Write data/generate."""
    with stage("generate") as door, torch.no_grad():
        settings, run = load(Generate, "generate"), load(Run, "run")
        set_up(run.threads)
        names = load_modalities()
        bank = read_bank(names, Path("data/extract"), Path("data/preprocess/samples.csv"))
        ids = read_table(Path("data/preprocess/samples.csv"), text=("id",))["id"]
        shop = Workshop(
            bank, load_codecs(names, Path("data/extract")), restore(names, Path("data/preprocess")),
            load_fused(Path("data/fuse")), load_generator(Path("data/train"), names), settings, run.seed, door.out,
        )  # fmt: skip
        test = bank.rows("test")[: settings.observed]
        for subset in progress(proper_subsets(names), title="generate"):
            rows = test[bank.there[test][:, mask(subset, names, 1)[0]].all(1)] if subset else None
            given = (
                torch.zeros(settings.samples, sum(bank.widths), device=device()) if rows is None else bank.clean[rows]
            )
            keys = numbers(settings.samples) if rows is None else list(ids[rows.cpu().numpy()])
            label, rest = subset_name(subset), [name for name in names if name not in subset]
            shop.deliver(label, keys, shop.make(label, given, subset), rest)
        for links in permutations(names, 3):
            follow(shop, *links)
        if load(Source, "acquire.source").name == "digits" and "image" in names and len(names) > 1:
            look_elsewhere(shop)
        complete = test[bank.there[test].all(1)]
        shop.deliver("everything", list(ids[complete.cpu().numpy()]), bank.clean[complete], names)
        noise = normal(UNTRAINED, sum(bank.widths), stream(run.seed, "generate/untrained"))
        shop.deliver("untrained", numbers(UNTRAINED), noise, names)
        walk(shop)


def follow(shop: Workshop, first: str, middle: str, last: str) -> None:
    """A chain: of what was made from `first` only the file of `middle` is observed, and `last` is made from it."""
    label, suffix = f"{first}_{middle}_{last}.chain", SUFFIXES[middle]
    direct = read_shard(shop.out / f"{first}.tar", only=[suffix])
    keys, files = zip(*islice(direct, CHAINED), strict=True)
    link = shop.observe([file[suffix] for file in files], middle)
    shop.deliver(label, keys, shop.make(label, link, [middle]), [last])


def look_elsewhere(shop: Workshop) -> None:
    """Everything but pictures from pictures of other writers, which stand beside it."""
    chance = draws(shop.seed, "generate/elsewhere/pictures")
    found = list(elsewhere.pictures(min(ELSEWHERE, shop.settings.observed), chance))
    keys, pictures = [key for key, _, _ in found], [picture for _, picture, _ in found]
    made = shop.make("elsewhere", shop.observe(pictures, "image"), ["image"])
    files = decode(made, shop.bank, [name for name in shop.bank.names if name != "image"], shop.codecs, shop.fitted)
    both = [{SUFFIXES["image"]: picture} | file for picture, file in zip(pictures, files, strict=True)]
    write_shard(shop.out / "elsewhere.tar", zip(keys, both, strict=True))
    write_table(shop.out / "elsewhere.csv", pd.DataFrame({"id": keys, "digit": [digit for _, _, digit in found]}))


def walk(shop: Workshop) -> None:
    """From one sample to another. Without a fusion there is nothing to walk in."""
    settings, (whole, parts) = shop.settings, shop.generator
    if whole is not None:
        heat = (settings.temperature, settings.temperature_parts)
        chance, width = stream(shop.seed, "generate/interpolation"), sum(shop.bank.widths)
        made = strips(shop.fused, whole, parts, width, steps=settings.steps, temperatures=heat, chance=chance)
        shop.deliver("interpolation", *made, shop.bank.names)


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
        noise = settings.temperature * normal(len(given), whole.noise, chance)
        unified = whole.sample(condition, noise, steps=settings.steps)  # (B, U), shared by all that follows
    noises = (settings.temperature_parts * normal(len(given), part.noise, chance) for part in parts)
    made = [part.sample(unified, noise, steps=settings.steps) for part, noise in zip(parts, noises, strict=True)]
    return torch.cat(made, -1)


def normal(count: int, width: int, chance: Generator) -> Tensor:
    """(count, width) of normal noise."""
    return torch.randn(count, width, generator=chance, device=chance.device)


def decode(
    features: Tensor, bank: Bank, wanted: Sequence[str], codecs: dict[str, Any], fitted: dict[str, Any]
) -> list[dict[str, bytes]]:
    """The files of each sample, by suffix: (B, W) features -> B times {png, txt, wav}."""
    files: list[dict[str, bytes]] = [{} for _ in features]
    for name, columns in zip(bank.names, features.split(bank.widths, -1), strict=True):
        if name in wanted:
            with COSTS.of(f"decode {name}", len(columns)):
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
