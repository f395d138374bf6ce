"""Layer 4, second stage: samples for every subset of observed modalities, decoded to files.

Writes below data/generate one tar a subset (``nothing.tar``, ``image+text.tar`` ...) whose samples bear the
number of the test sample that was observed and hold what was not. The others are measures to compare with:
``reconstructed.tar``, test samples sent through the codecs alone; ``decoded_noise.tar``, noise in place of features;
``image_text_audio.chain.tar`` ..., clips for which the captions that were made from test pictures were observed, as
files; of the built-in data, ``out_of_domain.tar``, pictures of other writers with what was made from them, and
``out_of_domain.csv``, their digits; ``image.guidance-2.tar`` ..., what is made of a modality under other guidance; and,
of data that say what is new about their test samples, ``image.learned.tar`` ..., what is made of training samples.
``interpolation.tar`` is to look at: the way from one sample to another. ``subsets.json`` lists the observed subsets,
and how many there could be.
"""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pydantic import model_validator
from torch import Tensor

from stages.common.files import read_table, write_json, write_table
from stages.common.modality import suffix_of
from stages.common.modality_subsets import asked_subsets, chains, subset_name
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.progress import progress
from stages.common.seeds import draws
from stages.common.shards import read_shard, write_shard
from stages.common.stage import stage
from stages.data.kinds.modalities import restore
from stages.features.codecs import load_codecs
from stages.fusion.dataset import read_features
from stages.fusion.trained_fusion import load_fusion
from stages.generation.interpolation import interpolated
from stages.generation.models.trained_generator import load_generator
from stages.generation.out_of_domain_digits import pictures
from stages.generation.sampler import Generate, Sampler, normal
from stages.learning.device import device
from stages.learning.masks import mask
from stages.learning.training import set_up, stream

DECODED = 300  # samples of decoded noise, at most
CHAINED = 400  # samples of a chain, at most
OUT_OF_DOMAIN = 300  # pictures of other writers, at most
COMPARED = 300  # samples of each modality that are observed to compare with, at most


class Source(Strict):
    """The one key `acquire.source`."""

    name: str

    @model_validator(mode="before")
    @classmethod
    def named(cls, value: Any) -> dict[str, Any]:
        return {"name": value}


def main() -> None:
    """Write data/generate."""
    with stage("generate") as context, torch.no_grad():
        settings, run = load(Generate, "generate"), load(Run, "run")
        set_up(run.threads)
        names = load_modalities()
        dataset = read_features(names, Path("data/extract"), Path("data/preprocess/samples.csv"))
        samples = read_table(Path("data/preprocess/samples.csv"), text=("id",))
        ids = samples["id"]
        sampler = Sampler(
            dataset, load_codecs(names, Path("data/extract")), restore(names, Path("data/preprocess")),
            load_fusion(Path("data/fuse")), *load_generator(Path("data/train"), names), settings, run.seed, context.out,
        )  # fmt: skip
        test = dataset.rows("test")[: settings.observed]
        asked = asked_subsets(names, settings.subsets)
        write_json(context.out / "subsets.json", {"observed": asked, "of": 2 ** len(names) - 1})
        for subset in progress(asked, title="generate"):
            rows = test[dataset.available[test][:, mask(subset, names, 1)[0]].all(1)] if subset else None
            given = (
                torch.zeros(settings.samples, sum(dataset.widths), device=device())
                if rows is None
                else dataset.clean[rows]
            )
            keys = numbered(settings.samples) if rows is None else list(ids[rows.cpu().numpy()])
            label, rest = subset_name(subset), [name for name in names if name not in subset]
            sampler.write(label, keys, sampler.sample(label, given, subset, rest), rest)
        for links in chains(names):
            chain(sampler, *links)
        if load(Source, "acquire.source").name == "digits" and "image" in names and len(names) > 1:
            from_other_writers(sampler)
        if sampler.prior is not None:  # without a fusion nothing is guided
            for value in settings.compared_guidance:
                guided = sampler.settings.model_copy(update={"guidance": value})
                from_each(replace(sampler, settings=guided), test, ids, f"guidance-{value:g}")
        if "held_out" in samples:
            from_each(sampler, dataset.rows("train"), ids, "learned")
        complete = test[dataset.available[test].all(1)]
        sampler.write("reconstructed", list(ids[complete.cpu().numpy()]), dataset.clean[complete], names)
        keys = numbered(min(DECODED, settings.samples))
        noise = normal(len(keys), sum(dataset.widths), stream(run.seed, "generate/untrained"))
        sampler.write("decoded_noise", keys, noise, names)
        if sampler.prior is not None:  # without a fusion there is nothing to interpolate in
            made = interpolated(sampler, sampler.prior, stream(run.seed, "generate/interpolation"))
            sampler.write("interpolation", *made, names)


def chain(sampler: Sampler, first: str, middle: str, last: str) -> None:
    """A chain: of what was made from `first` only the file of `middle` is observed, and `last` is made from it."""
    label, suffix = f"{first}_{middle}_{last}.chain", suffix_of(middle)
    direct = read_shard(sampler.out / f"{first}.tar", only=[suffix])
    keys, files = zip(*islice(direct, CHAINED), strict=True)
    link = sampler.encode([file[suffix] for file in files], middle)
    sampler.write(label, keys, sampler.sample(label, link, [middle], [last]), [last])


def from_each(sampler: Sampler, samples: Tensor, ids: pd.Series, label: str) -> None:
    """What is made of each modality of some of the `samples`, by their numbers; the noise is that of the subset."""
    dataset = sampler.dataset
    for place, name in enumerate(dataset.names):
        having = samples[dataset.available[samples, place]]
        rows = having[torch.linspace(0, len(having) - 1, min(COMPARED, len(having))).long()]  # of all kinds
        rest = [target for target in dataset.names if target != name]
        if rest:
            made = sampler.sample(name, dataset.clean[rows], [name], rest)
            sampler.write(f"{name}.{label}", list(ids[rows.cpu().numpy()]), made, rest)


def from_other_writers(sampler: Sampler) -> None:
    """Everything but pictures from pictures of other writers, which stand beside it."""
    chance = draws(sampler.seed, "generate/out_of_domain/pictures")
    found = list(pictures(min(OUT_OF_DOMAIN, sampler.settings.observed), chance))
    keys, given = [key for key, _, _ in found], [picture for _, picture, _ in found]
    rest = [name for name in sampler.dataset.names if name != "image"]
    files = sampler.decode(sampler.sample("out_of_domain", sampler.encode(given, "image"), ["image"], rest), rest)
    both = [{suffix_of("image"): picture} | file for picture, file in zip(given, files, strict=True)]
    digits = pd.DataFrame({"id": keys, "digit": [digit for _, _, digit in found]})
    write_shard(sampler.out / "out_of_domain.tar", zip(keys, both, strict=True))
    write_table(sampler.out / "out_of_domain.csv", digits)


def numbered(count: int) -> list[str]:
    """Keys of samples that no test sample was observed for."""
    return [f"{number:06d}" for number in range(count)]


if __name__ == "__main__":
    main()
