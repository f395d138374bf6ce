"""For the page: what bounds what the models may tell of the data, and what attacks found."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.common.files import read_json
from stages.evaluation.metrics.families import family
from stages.evaluation.page.wording import label

ATTACKS = {  # families of figures, in words
    "membership": "members told from others",
    "attribute_inference": "what was left out of",
    "extraction": "training items that came out",
}


@dataclass(frozen=True)
class Bound:
    """Of the models of a stage."""

    models: str
    epsilon: float | None  # None: nothing bounds it
    delta: float
    unit: str  # column of the samples; '': each sample is one
    units: int


@dataclass(frozen=True)
class Guarantee:
    """Of all models together; `epsilon` is None where one of them has no bound."""

    epsilon: float | None
    delta: float
    bounds: Sequence[Bound]


def guarantee(names: Sequence[str], data: Path) -> Guarantee:
    """As the cards below `data` tell it."""
    train = read_json(data / "train/generator.json")["privacy"]
    cards = {f"codec of {name}": read_json(data / "extract" / name / "codec.json")["privacy"] for name in names}
    cards |= {"fusion": read_json(data / "fuse/fusion.json")["privacy"], "generator": train}
    return Guarantee(
        train["total"] if train else None, train["delta"] if train else 0.0, [bound(*card) for card in cards.items()]
    )


def attack(metric: str) -> str:
    """A figure of an attack in words.

    >>> attack("membership.generator.at_1_percent")
    'members told from others: generator \\xb7 at 1 percent'
    """
    return f"{ATTACKS[family(metric)]}: {label(metric)}"


def bound(models: str, card: dict[str, Any] | None) -> Bound:
    """Of one card."""
    if card is None:
        return Bound(models, None, 0.0, "", 0)
    return Bound(models, card["epsilon"], card["delta"], card["unit"], max(card["units"], default=0))
