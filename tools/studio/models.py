"""Models as the studio calls them: of this project, of another folder, or of a Git revision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from dvc.api import DVCFileSystem
from torch import Tensor

from stages.common.files import read_json
from stages.common.modality import Modality, kind_of, suffix_of
from stages.evaluation.metrics.modality_contribution import coalitions, shapley
from stages.generation.interpolation import great_circle
from stages.generation.sampler import Sampler
from stages.learning.masks import mask
from stages.learning.training import stream
from tools.generate import check_given, observed, samples, stream_of
from tools.given import Inputs, checked
from tools.models import check_models, known, load_sampler
from tools.studio.schema import About, Walk, Wanted

FETCHED = (  # of a revision: what the models need, and none of the data
    "params.yaml", "data/acquire/licence.txt", "data/preprocess/settings.json", "data/preprocess/*/*",
    "data/extract/*/codec.*", "data/fuse/fusion.*", "data/train/*.json", "data/train/*.safetensors",
)  # fmt: skip
DRAWN = ("prior_temperature", "decoder_temperature", "guidance")  # settings that a request may change
ONE = Lock()  # a request at a time: each uses all cores

Files = Mapping[str, bytes]  # a sample, by suffix


@dataclass(frozen=True)
class Trained:
    """A model of a name."""

    name: str
    sampler: Sampler
    data_licence: str

    @cached_property
    def names(self) -> dict[str, Modality]:
        """The modalities, by their names as plain text."""
        return {str(name): name for name in self.sampler.dataset.names if isinstance(name, Modality)}

    @property
    def about(self) -> About:
        """What to tell of it."""
        labels = {
            name: list(self.sampler.fitted[name].words)
            for name, modality in self.names.items()
            if modality.kind == "label"
        }
        kinds = {name: kind_of(modality) for name, modality in self.names.items()}
        return About(name=self.name, modalities=kinds, data_licence=self.data_licence, labels=labels)

    def make(self, wanted: Wanted, given: Inputs) -> list[list[Files]]:
        """Samples of each input. Raises ValueError where it can't be done."""
        sampler, rest = self.asked(wanted, given)
        with ONE, torch.no_grad():
            made: list[Files] = [files for _, files in samples(sampler, given, wanted.count, rest)]
        return [made[place : place + wanted.count] for place in range(0, len(made), wanted.count)]

    def walk(self, wanted: Walk, given: Inputs) -> list[Files]:
        """What lies between two samples of the first input; the ends are those samples.

        Noise is interpolated (stages/generation/interpolation.py), and that of the decoders too, or the last step would
        not be the sample that it should be.
        """
        sampler, rest = self.asked(wanted, given)
        first = next(iter(given.values()))
        with ONE, torch.no_grad():
            noises = noises_of(sampler, wanted)
            places = torch.linspace(0, 1, wanted.steps, device=noises[0].device)
            path = [great_circle(noise[[wanted.start]], noise[[wanted.end]], places)[0] for noise in noises]
            features = observed(sampler, [first]).expand(wanted.steps, -1)
            seen = mask(list(first), sampler.dataset.names, wanted.steps)
            return list(sampler.decode(sampler.draw(features, seen, path, rest), rest))

    def contributions(self, wanted: Wanted, given: Inputs) -> dict[str, float]:
        """What each given modality of one input brought to what was drawn, of 1 in all.

        From the same noise a representation is drawn of each subset. The nearer it comes to that of all that is given,
        seen from that of nothing, the more the subset is worth; the shares are the Shapley values of that game.
        """
        sampler, _ = self.asked(wanted, given)
        first = next(iter(given.values()))
        if not first or sampler.prior is None:
            return {}
        names = list(first)
        with ONE, torch.no_grad():
            features = observed(sampler, [first]).expand(wanted.count, -1)
            noise = noises_of(sampler, wanted)[0]
            drawn = {
                some: sampler.unify(sampler.prior, features, mask(some, sampler.dataset.names, wanted.count), noise)
                for some in coalitions(names)
            }
        return shares(names, drawn)

    def asked(self, wanted: Wanted, given: Inputs) -> tuple[Sampler, list[str]]:
        """The sampler under the settings that are wanted, and what it shall make. Raises ValueError if it can't."""
        told = list(next(iter(given.values())))
        check_given(self.sampler, told)
        rest = [name for name in self.sampler.dataset.names if name not in told]
        if wanted.make is not None:
            if strange := [name for name in wanted.make if name not in rest]:
                raise ValueError(f"make: expected some of {', '.join(rest)}, got {strange[0]}; correct it")
            rest = [name for name in rest if name in wanted.make]
        if not rest:
            raise ValueError("make: expected a modality to make, got none; name one")
        changed = {name: getattr(wanted, name) for name in DRAWN if getattr(wanted, name) is not None}
        settings = self.sampler.settings.model_copy(update=changed)
        seed = self.sampler.seed if wanted.seed is None else wanted.seed
        return replace(self.sampler, settings=settings, seed=seed), rest

    def card(self, wanted: Wanted, given: Inputs) -> dict[str, Any]:
        """What made samples, so that they can be made again."""
        sampler, rest = self.asked(wanted, given)
        told: dict[str, Any] = {"count": wanted.count, "seed": sampler.seed, "steps": sampler.settings.steps}
        told |= {name: getattr(sampler.settings, name) for name in DRAWN}
        if isinstance(wanted, Walk):
            told["walk"] = {"start": wanted.start, "end": wanted.end, "steps": wanted.steps}
        given_names = [str(name) for name in next(iter(given.values()))]
        return {"model": self.name, "given": given_names, "made": [str(name) for name in rest], "settings": told,
                "data_licence": self.data_licence}  # fmt: skip

    def inputs(self, told: Sequence[Mapping[str, bytes]]) -> Inputs:
        """Payloads by modality, read as `preprocess` reads data. Raises ValueError for what it would turn away."""
        found = {}
        for number, payloads in enumerate(told):
            if strange := [name for name in payloads if name not in self.names]:
                raise ValueError(f"inputs: expected some of {', '.join(self.names)}, got {strange[0]}; correct it")
            found[str(number)] = {
                self.names[name]: checked(self.names[name], content, self.sampler) for name, content in payloads.items()
            }
        return found

    def by_name(self, files: Files) -> dict[str, bytes]:
        """The items of a sample by modality."""
        return {
            name: files[suffix_of(modality)] for name, modality in self.names.items() if suffix_of(modality) in files
        }


def noises_of(sampler: Sampler, wanted: Wanted) -> list[Tensor]:
    """What the samples of a request with one input are drawn from."""
    return sampler.noises(wanted.count, stream(sampler.seed, f"generate/{stream_of(0)}"))


def shares(names: Sequence[str], drawn: Mapping[tuple[str, ...], Tensor]) -> dict[str, float]:
    """Shapley values of how near representations (B, U) of each coalition come to that of all, over their sum."""
    whole = drawn[tuple(names)]
    worth = {some: np.array(-(one - whole).square().mean().item()) for some, one in drawn.items()}
    gain = float(worth[tuple(names)] - worth[()])
    return {str(name): float(shapley(name, names, worth)) / gain if gain else 0.0 for name in names}


def load_all(places: Sequence[str], scratch: Path) -> list[Trained]:
    """The models at several places. Raises ValueError where two are called alike."""
    models = [load(where, scratch) for where in places]
    if len({model.name for model in models}) < len(models):
        called = ", ".join(model.name for model in models)
        raise ValueError(f"--models: expected different names, got {called}; name folders by their whole path")
    return models


def load(where: str, scratch: Path) -> Trained:
    """A model: a folder with its data/ and params.yaml, or a Git revision of this one, which comes from DVC's cache or
    remote by way of `scratch`. Raises ValueError where there is none."""
    project = Path(where)
    if not project.is_dir():
        project = scratch / where.replace("/", "-")
        fetch(where, project)
    check_models(project)
    licence = read_json(project / "data/train/generator.json")["origin"]["data_licence"]
    name = project.resolve().name if project.is_dir() and where == "." else where
    return Trained(name, load_sampler(known(project), project / "unused", None, project), licence)


def fetch(rev: str, project: Path) -> None:
    """What the models of a revision need, into a folder."""
    there = DVCFileSystem(rev=rev)
    for path in (path for pattern in FETCHED for path in there.glob(pattern)):
        if there.isfile(path):
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            there.get_file(path, str(project / path))
