"""Differential privacy: whatever is known of all other units of the data, a model tells little of any one.

With chance 1 - delta nothing that a model says is exp(epsilon) times likelier with a unit than without it. The bound
is that of DP-SGD (Abadi et al. 2016, arXiv:1607.00133, algorithm 1; `private_gradient.py`) by Renyi accounting
(Mironov 2017, arXiv:1702.07476), which is opacus's. It holds for who does not know the noise; so all chance comes from
a key that is made once and never committed: who has it gets the same bytes again, and nobody else does.
"""

import hashlib
import hmac
import os
import secrets
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Generator, Tensor

from stages.common.files import read_table
from stages.common.params import Strict
from stages.common.seeds import seed_of
from stages.learning.data_parallel import world_size
from stages.learning.device import device

if TYPE_CHECKING:
    import pandas as pd  # takes half a second, for which who makes samples need not wait

KEY = Path(".privacy.key")
EXTRA = "python -m pip install --constraint requirements.lock '.[privacy]'"
NOISES = (0.1, 1e4)  # among which the least that keeps a bound is looked for
ORDERS = [1.1, 1.25, 1.5, 1.75, *range(2, 33), *range(36, 64, 4), *(2**power for power in range(6, 13))]  # of Renyi


class Privacy(Strict):
    """What the models of a section of params.yaml may tell."""

    epsilon: Annotated[float, Field(gt=0)]  # of all of them together
    delta: Annotated[float, Field(gt=0, lt=1)]  # chance that epsilon does not hold; far below one by the units' number
    clip: Annotated[float, Field(gt=0)]  # largest norm of a unit's gradient
    unit: str  # column of the samples whose equal values are one unit, such as a speaker; '': each sample is one


class Mechanism(NamedTuple):
    """Normal noise, in multiples of what a unit can change, at each of some steps that see a share of the units."""

    noise: float
    rate: float
    steps: int


class Work(NamedTuple):
    """What a model learns from: the unit of each row, 0 and on, how many a step and how many steps; and `looks`, how
    often something is measured on all units besides."""

    units: np.ndarray
    batch: int
    steps: int
    looks: int = 0

    @property
    def size(self) -> int:
        """Units."""
        return int(self.units.max()) + 1

    @property
    def rate(self) -> float:
        """The share of them that a step sees, as a mean."""
        return min(1.0, self.batch / self.size)

    def mechanisms(self, noise: float) -> list[Mechanism]:
        return [Mechanism(noise, self.rate, self.steps), *self.looks * [Mechanism(noise, 1.0, 1)]]


@dataclass(frozen=True)
class Private:
    """How one model keeps to a bound."""

    noise: float
    clip: float
    work: Work
    seed: int  # of draws that nobody else can repeat

    @property
    def expected(self) -> float:
        """Units a step, as a mean."""
        return self.work.rate * self.work.size

    @cached_property
    def members(self) -> tuple[Tensor, Tensor, Tensor]:
        """The rows in the order of their units; where each unit begins there, and how many rows it has."""
        sizes = np.bincount(self.work.units)
        ordered = np.argsort(self.work.units, kind="stable"), np.cumsum(sizes) - sizes, sizes
        order, starts, many = (torch.from_numpy(values).to(device()) for values in ordered)
        return order, starts, many

    def draw(self, stream: Generator) -> Tensor:
        """Rows (B,): each unit is taken with the same chance, whatever the others are, and of it one row."""
        order, starts, sizes = self.members
        chance = torch.rand(2, len(sizes), generator=stream, device=stream.device)
        rows = order[starts + (chance[0] * sizes).long().minimum(sizes - 1)]
        return rows[chance[1] < self.work.rate]

    def look(self, values: Tensor, norm: float, name: str) -> Tensor:
        """The sum over units of the first row's values (K,), of at most that norm, with noise; one of `Work.looks`."""
        order, starts, _ = self.members
        chosen = values[order[starts].cpu()].double()
        chosen *= (norm / chosen.norm(dim=1, keepdim=True).clamp(min=norm)).clamp(max=1.0)
        chance = Generator().manual_seed(seed_of(self.seed, name))
        return chosen.sum(0) + self.noise * norm * torch.randn(values.shape[1], generator=chance, dtype=torch.float64)


class Plan(NamedTuple):
    """How all models of a section keep to its bound together."""

    privacy: Privacy
    models: list[Private]


def of_one(plan: Plan | None) -> dict[str, Private]:
    """What the `fit` of a section with one model is told of it; nothing where that is not private or learns nothing."""
    return {"private": plan.models[0]} if plan and plan.models else {}


def plan(privacy: Privacy, works: Sequence[Work], seed: int, section: str) -> Plan:
    """The least noise, the same for all of these models, that keeps the bound.

    Raises ValueError when no noise does, or several processes are to train.
    """
    if world_size() > 1:
        raise ValueError(f"{section}.privacy: expected one process, got {world_size()}; set PROCESSES to 1")

    def spent(noise: float) -> float:
        return epsilon_of([one for work in works for one in work.mechanisms(noise)], privacy.delta)

    low, high = NOISES
    if spent(high) > privacy.epsilon:
        raise ValueError(f"{section}.privacy.epsilon: expected one that can be kept, got {privacy.epsilon}; raise it")
    while high / low > 1.001:  # the bound holds at `high`, always
        middle = (low * high) ** 0.5
        low, high = (middle, high) if spent(middle) > privacy.epsilon else (low, middle)
    return Plan(privacy, [Private(high, privacy.clip, work, secret_seed(seed)) for work in works])


def epsilon_of(mechanisms: Iterable[Mechanism], delta: float) -> float:
    """The bound on what they tell together."""
    rdp = opacus().accountants.analysis.rdp
    spent = sum(
        rdp.compute_rdp(q=one.rate, noise_multiplier=one.noise, steps=one.steps, orders=ORDERS) for one in mechanisms
    )
    if not np.any(spent):
        return 0.0
    with warnings.catch_warnings():  # of orders beyond the list, whose bound may be smaller: this one holds, too
        warnings.simplefilter("ignore")
        return float(rdp.get_privacy_spent(orders=ORDERS, rdp=spent, delta=delta)[0])


def told(plan: Plan | None) -> dict[str, Any] | None:
    """What the card of a model says of it; None: it is not private."""
    if plan is None:
        return None
    mechanisms = [one for private in plan.models for one in private.work.mechanisms(private.noise)]
    return {
        **plan.privacy.model_dump(),
        "epsilon": epsilon_of(mechanisms, plan.privacy.delta),
        "units": [private.work.size for private in plan.models],
        "mechanisms": [one._asdict() for one in mechanisms],
        "key": hashlib.sha256(b"name of" + key()).hexdigest()[:16],
    }


def total(cards: Iterable[dict[str, Any] | None], delta: float) -> float | None:
    """The bound on what all models tell together, of what `told` says of each; None if one is not private."""
    known = list(cards)
    if not all(known):
        return None
    return epsilon_of([Mechanism(**one) for card in known if card for one in card["mechanisms"]], delta)


def units_of(file: Path, privacy: Privacy, section: str, modality: str | None = None) -> np.ndarray:
    """The units, as `numbered` has them, of the train samples in a table, or of those that have a modality."""
    samples = read_table(file, text=("id", privacy.unit))
    samples = samples[samples["split"] == "train"]
    if modality:
        samples = samples[samples[f"has_{modality}"]]
    return numbered(samples, privacy.unit, f"{section}.privacy.unit")


def numbered(samples: "pd.DataFrame", column: str, where: str) -> np.ndarray:
    """The unit of each sample, 0 and on: the same where a column is, each sample its own where none is named.

    Raises ValueError, for the setting `where`, when they have no such column.
    """
    if not column:
        return np.arange(len(samples))
    if column not in samples:
        known = ", ".join(str(name) for name in samples if not str(name).startswith("has_"))
        raise ValueError(f"{where}: expected one of {known}, got '{column}'; correct params.yaml")
    return np.unique(samples[column].astype(str), return_inverse=True)[1]


def key() -> bytes:
    """The key of this folder, made where there is none."""
    try:
        with os.fdopen(os.open(KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return bytes.fromhex(KEY.read_text())


def secret_seed(seed: int) -> int:
    """A seed that follows from `run.seed` for who has the key."""
    return int.from_bytes(hmac.digest(key(), str(seed).encode(), "sha256"), "big")


def opacus() -> Any:
    """The library. Raises ValueError when it is not there."""
    try:
        import opacus.accountants.analysis.rdp  # takes two seconds, and only private models need it
        import opacus.optimizers
    except ImportError as error:
        raise ValueError(f"privacy: expected the library opacus, got none; {EXTRA}") from error
    return opacus
