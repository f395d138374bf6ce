"""Who is audited, and what models lose of them: the attacked generator, and shadows that learned from others.

Half of the audited units were learned from, half are of the test split. Every shadow learns from half of either side,
and its neighbour from the other half; from the rest of the train split all do. They see each sample as it is.
Axes: S shadows, U units, N samples, K losses: of the prior and of each decoder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor
from torch.func import vmap

from stages.common.files import read_json
from stages.common.params import Run
from stages.common.progress import progress
from stages.common.seeds import seed_of
from stages.evaluation.attacks.settings import Attacks
from stages.fusion.dataset import FeatureDataset
from stages.fusion.trained_fusion import TrainedFusion
from stages.generation.models.families import Density
from stages.generation.pairs import Pairs
from stages.generation.train import PRIOR, Job, Train, fit, jobs_of
from stages.learning.concurrent import in_threads
from stages.learning.privacy import Mechanism, Private, Work
from stages.learning.training import stream

CARD = Path("data/train/generator.json")


@dataclass(frozen=True)
class Audit:
    """Who is audited: numbers of samples (N,), the unit of each, 0 and on, and of each unit whether it was learned."""

    samples: np.ndarray
    units: np.ndarray
    member: np.ndarray

    def by_unit(self, losses: np.ndarray) -> np.ndarray:
        """(N, K) -> (U, K): means over the samples that have the loss."""
        return pd.DataFrame(losses).groupby(self.units).mean().to_numpy()


def audit(split: np.ndarray, units: np.ndarray, most: int, rng: np.random.Generator) -> Audit:
    """As many units of the train split as of the test split alone, so many at most."""
    learned = np.unique(units[split == "train"])
    sides = [learned, np.setdiff1d(units[split == "test"], learned)]
    count = min(most, *map(len, sides))
    chosen = np.concatenate([np.sort(rng.choice(side, count, replace=False)) for side in sides])
    samples = np.flatnonzero(np.isin(units, chosen) & np.isin(split, ["train", "test"]))
    samples = samples[(split[samples] == "train") == np.isin(units[samples], learned)]
    place = {unit: number for number, unit in enumerate(chosen)}
    return Audit(samples, np.array([place[unit] for unit in units[samples]]), np.arange(2 * count) < count)


def halves(member: np.ndarray, shadows: int, rng: np.random.Generator) -> np.ndarray:
    """(S, U) bool: what each shadow learns; of two neighbours one learns what the other does not."""
    known = np.zeros((shadows, len(member)), bool)
    for pair in range(0, shadows, 2):
        for side in (True, False):
            rows = rng.permutation(np.flatnonzero(member == side))
            known[pair, rows[: len(rows) // 2]] = True
        known[pair + 1] = ~known[pair]
    return known


def against_shadows(
    models: Mapping[str, Density], dataset: FeatureDataset, fused: TrainedFusion, chosen: Audit, settings: Attacks,
    learned: Train, card: Mapping[str, Any], run: Run, *, rng: np.random.Generator, state: Path,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Losses (U, K) of the attacked `models`, those (S, U, K) of shadows, and (S, U) which of them learned a unit."""
    known = halves(chosen.member, settings.shadows, rng)
    rest = np.setdiff1d(np.flatnonzero(dataset.split == "train"), chosen.samples)

    def of(samples: np.ndarray) -> FeatureDataset:
        return dataset.only(torch.from_numpy(samples).to(dataset.clean.device))

    audited = of(chosen.samples)
    jobs = jobs_of(audited, fused, learned)

    def lost(models: Mapping[str, Density]) -> np.ndarray:
        return chosen.by_unit(losses(models, jobs, audited, settings.draws, run.seed))

    shadows = []
    for number, learns in enumerate(progress(known, title="shadows", total=len(known))):
        samples = np.concatenate([rest, chosen.samples[learns[chosen.units]]])
        seed = seed_of(run.seed, f"evaluate/attacks/shadows/{number}")
        folder = state / f"shadow-{number}"
        made = shadow(of(samples), fused, learned, card, seed=seed, threads=run.threads, state=folder)
        shadows.append(lost(made))
    return lost(models), np.stack(shadows), known


def shadow(
    dataset: FeatureDataset, fused: TrainedFusion, settings: Train, card: Mapping[str, Any], *,
    seed: int, threads: int, state: Path,
) -> dict[str, Density]:  # fmt: skip
    """A generator that learns from the train split of `dataset` as the attacked one did from its own."""
    works = {}
    for number, (name, job) in enumerate(jobs_of(dataset, fused, settings).items()):
        if settings.privacy is not None:
            mechanism = Mechanism(**card["privacy"]["mechanisms"][number])
            work = Work(np.arange(job.pairs.count), job.budget.batch, job.budget.steps)
            job = replace(job, private=Private(mechanism.noise, settings.privacy.clip, work, seed))
        works[name] = partial(fit, name, job, settings, seed, state)
    with torch.enable_grad():
        return {name: model for name, (model, _, _) in in_threads(works, threads).items()}


def losses(
    models: Mapping[str, Density], jobs: Mapping[str, Job], audited: FeatureDataset, draws: int, seed: int
) -> np.ndarray:
    """What the models lose of each train sample of `audited`, from which the jobs are, (N, K); NaN where it lacks the
    modality."""
    found = np.full((len(audited.train_available), len(models)), np.nan)
    for column, (name, job) in enumerate(jobs.items()):
        there = np.ones(len(found), bool)
        if name != PRIOR:
            there = audited.train_available[:, audited.names.index(name)].cpu().numpy()
        chances = [stream(seed, f"attacks/{name}/{draw}") for draw in range(draws)]
        found[there, column] = torch.stack([each(models[name], job.pairs, chance) for chance in chances]).mean(0).cpu()
    return found


def each(model: Density, pairs: Pairs, chance: Generator) -> Tensor:
    """The loss of each row (R,), all at the same noise and time."""

    def loss(row: Tensor) -> Tensor:
        return torch.stack([*model.losses(*pairs.of(row[None], chance), chance).values()]).sum()

    rows = torch.arange(pairs.count, device=chance.device)
    found: Tensor = vmap(loss, randomness="same")(rows)
    return found


def learned_settings() -> tuple[Train, dict[str, Any]]:
    """The settings by which the attacked generator learned, and its card."""
    card = read_json(CARD)
    told = {key: value for key, value in card["origin"]["parameters"].items() if key != "run"}
    return Train.model_validate(told), card
