"""Samples from the trained models: whole ones, given any subset of the modalities, decoded to files.

Axes: B samples, M modalities, W features of all of them side by side, U width of the representation, L of a noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, PositiveInt
from torch import Generator, Tensor

from stages.common.costs import COSTS
from stages.common.modality import kind_of, suffix_of
from stages.common.params import Strict
from stages.common.shards import write_shard
from stages.common.workers import in_processes
from stages.data.kinds.generated_to_tensors import tensors
from stages.data.kinds.modalities import MODALITIES
from stages.fusion.dataset import FeatureDataset
from stages.fusion.trained_fusion import TrainedFusion
from stages.generation.models.families import Density
from stages.generation.models.flow import Flow, Guidance
from stages.learning.device import device
from stages.learning.masks import mask
from stages.learning.training import stream

CHUNK = 64  # items a worker writes at a time


class Generate(Strict):
    """Section `generate`."""

    samples: PositiveInt  # made from nothing
    observed: PositiveInt  # test samples that are observed, at most
    subsets: list[str]  # observed beside nothing, each modality alone and all but one: as image+text, or all
    steps: PositiveInt  # of the solver
    prior_temperature: Annotated[float, Field(gt=0, le=1)]  # of the prior's noise; 1: as learned
    decoder_temperature: Annotated[float, Field(gt=0, le=1)]  # of the decoders' noise; 1: as learned
    guidance: Annotated[float, Field(ge=1)]  # of the prior by what is observed; 1: as learned, more needs a flow
    compared_guidance: list[Annotated[float, Field(ge=1)]]  # values that the report compares


@dataclass(frozen=True)
class Sampler:
    """All models, and where samples go."""

    dataset: FeatureDataset
    codecs: dict[str, Any]
    fitted: dict[str, Any]
    fused: TrainedFusion
    prior: Density | None  # none without a fusion
    decoders: list[Density]
    settings: Generate
    seed: int
    out: Path

    def sample(self, label: str, given: Tensor, subset: Sequence[str], wanted: Sequence[str]) -> Tensor:
        """Features (B, W) of samples, given those of a subset of the modalities; what is not wanted is zero."""
        seen, chance = mask(subset, self.dataset.names, len(given)), stream(self.seed, f"generate/{label}")
        with COSTS.of("draw", len(given)):
            return self.draw(given, seen, self.noises(len(given), chance), wanted)

    def noises(self, count: int, chance: Generator) -> list[Tensor]:
        """What `count` samples are drawn from: noise (B, L) of the prior, where there is one, and of each decoder."""
        models = [self.prior] if self.prior is not None else []
        return [normal(count, model.latent_width, chance) for model in (*models, *self.decoders)]

    def draw(
        self, given: Tensor, seen: Tensor, noises: Sequence[Tensor], wanted: Sequence[str] | None = None
    ) -> Tensor:
        """Features (B, W) of samples, given features (B, W) of which (B, M) are seen, and their noises."""
        unified = given[:, :0]  # without a fusion there is nothing to share
        if self.prior is not None:
            unified, noises = self.unify(self.prior, given, seen, noises[0]), noises[1:]
        return self.features(unified, noises, wanted)

    def unify(self, prior: Density, given: Tensor, seen: Tensor, noise: Tensor) -> Tensor:
        """The representations (B, U) that the prior draws from noise (B, L), shared by all that follows.

        Raises ValueError when it is to be guided and can't be.
        """
        settings, condition = self.settings, self.condition(given, seen)
        noise = settings.prior_temperature * noise
        if settings.guidance == 1:
            return prior.sample(condition, noise, steps=settings.steps)
        flow, guidance = guidable(prior), None
        if seen.any():  # from nothing both velocities are the same
            guidance = Guidance(settings.guidance, self.condition(given, torch.zeros_like(seen)))
        return flow.sample(condition, noise, steps=settings.steps, guidance=guidance)

    def condition(self, given: Tensor, seen: Tensor) -> Tensor:
        """What the prior is told of features (B, W) of which (B, M) are seen: (B, U + M)."""
        return torch.cat([self.fused(given, seen), seen], -1)

    def features(self, unified: Tensor, noises: Sequence[Tensor], wanted: Sequence[str] | None = None) -> Tensor:
        """Features (B, W), given representations (B, U) and the noise of each decoder, (B, L) each.

        Those of modalities that are not wanted are zero: to draw them takes as long as those that are. None: all are.
        """
        scale, steps = self.settings.decoder_temperature, self.settings.steps
        parts = []
        for name, width, decoder, noise in zip(
            self.dataset.names, self.dataset.widths, self.decoders, noises, strict=True
        ):
            if wanted is None or name in wanted:
                parts.append(decoder.sample(unified, scale * noise, steps=steps))
            else:
                parts.append(unified.new_zeros(len(unified), width))
        return torch.cat(parts, -1)

    def decode(self, features: Tensor, wanted: Sequence[str]) -> list[dict[str, bytes]]:
        """The files of each sample, by suffix: (B, W) features -> B times {png, txt, wav}."""
        files: list[dict[str, bytes]] = [{} for _ in features]
        parts = zip(self.dataset.names, self.dataset.shapes, features.split(self.dataset.widths, -1), strict=True)
        for name, shape, columns in parts:
            if name in wanted:
                with COSTS.of(f"decode {name}", len(columns)):
                    items = self.codecs[name].decode(columns.unflatten(-1, shape))
                jobs = ((name, items[i : i + CHUNK], self.fitted[name]) for i in range(0, len(items), CHUNK))
                for file, payload in zip(files, chain.from_iterable(in_processes(as_files, jobs)), strict=True):
                    file[suffix_of(name)] = payload
        return files

    def write(self, label: str, keys: Sequence[str], features: Tensor, wanted: Sequence[str]) -> None:
        """The `wanted` modalities of (B, W) features, as a tar of files."""
        write_shard(self.out / f"{label}.tar", zip(keys, self.decode(features, wanted), strict=True))

    def encode(self, payloads: Sequence[bytes], name: str) -> Tensor:
        """Features (B, W) of files, read and cleaned as data are; those of the other modalities are zero."""
        given = torch.zeros(len(payloads), sum(self.dataset.widths), device=device())
        columns = given.split(self.dataset.widths, -1)[self.dataset.names.index(name)]  # a view
        columns.copy_(self.codecs[name].encode(tensors(name, payloads, self.fitted[name])).flatten(1))
        return given


def guidable(prior: Density) -> Flow:
    """The prior as one that can be guided. Raises ValueError when it can't."""
    if not isinstance(prior, Flow):
        raise ValueError(
            "generate.guidance: expected 1 where train.model is not flow, got more; lower it or choose flow"
        )
    return prior


def normal(count: int, width: int, chance: Generator) -> Tensor:
    """(count, width) of normal noise."""
    return torch.randn(count, width, generator=chance, device=chance.device)


def as_files(name: str, items: np.ndarray, fitted: Any) -> list[bytes]:
    """A piece of the work of `Sampler.decode`, in a worker process."""
    return [MODALITIES[kind_of(name)].write(item, fitted) for item in items]
