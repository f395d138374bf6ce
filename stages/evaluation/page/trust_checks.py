"""For the page, what a sceptic asks for: samples that look copied, metrics put to the test, data turned away."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.common.files import read_table
from stages.common.modality import kind_of
from stages.common.shards import read_shard
from stages.data.records.rejects import COLUMNS
from stages.evaluation.page.examples import SAMPLES, View, raw, view

HEARD = "audio"  # kind of what takes time to look at: one beside each sample is enough
FIRST = 10  # rejects that are listed


@dataclass(frozen=True)
class NearCopy:
    """A sample made from nothing beside the training items nearest to it."""

    modality: str
    key: str
    ratio: float  # of its distance from the first to that of this item's own nearest neighbour
    made: View
    train: dict[str, View]  # by their ids, the nearest first


@dataclass(frozen=True)
class Check:
    """One metric under one change of the samples."""

    metric: str
    check: str
    before: float
    after: float
    passes: bool
    expected: str = ""  # what it should do


@dataclass(frozen=True)
class Visibility:
    """How well a label is read in a modality where no one said it, and whether it counts as shown."""

    attribute: str
    modality: str
    right: float
    most_frequent: float  # the share of that value: what always saying it scores
    gain: float
    low: float
    high: float
    n: int
    by: str  # measured, or given
    shown: bool


@dataclass(frozen=True)
class Rejects:
    """What could not be used."""

    count: int
    reasons: dict[str, int]
    first: Sequence[dict[str, str]]  # id, file, reason


def near_copies(file: Path, names: Sequence[str], *, light: bool = False) -> dict[str, list[NearCopy]]:
    """By modality, the most suspicious first."""
    if not file.exists():
        return {}
    table = read_table(file, text=("modality", "key", "train_id"))
    known = {str(name): name for name in names}
    table = table[(table["rank"] == 1) | (table["modality"].map(known).map(kind_of) != HEARD)]
    made = {key: files for key, files in read_shard(SAMPLES / "nothing.tar") if key in set(table["key"])}
    real, found = raw(set(table["train_id"])), dict[str, list[NearCopy]]()
    for group, near in table.groupby(["modality", "key"], sort=False):
        name, key = known[str(group[0])], str(group[1])
        train = {item: view(real[item], [name], light=light) for item in near["train_id"]}
        sample = view(made[key], [name], light=light)
        found.setdefault(name, []).append(NearCopy(name, key, near["ratio"].iloc[0], sample, train))
    return found


def checks(file: Path) -> list[Check]:
    """As `evaluate` measured them."""
    if not file.exists():
        return []
    rows = read_table(file, text=("metric", "check", "passes", "expected")).to_dict("records")
    return [
        Check(**{str(name): value for name, value in row.items()} | {"passes": row["passes"] == "True"}) for row in rows
    ]


def visibilities(file: Path) -> list[Visibility]:
    """As `judge` measured them; none where there are no labels, or exact readers alone."""
    rows = read_table(file, text=("attribute", "modality", "by")).to_dict("records")
    return [Visibility(**{str(name): value for name, value in row.items()}) for row in rows]


def rejects(file: Path) -> Rejects | None:
    """None where everything could be used."""
    table = read_table(file, text=COLUMNS)
    if not len(table):
        return None
    first = [{str(k): str(v) for k, v in row.items()} for row in table.head(FIRST).to_dict("records")]
    return Rejects(len(table), {str(k): int(v) for k, v in table["reason"].value_counts().items()}, first)
