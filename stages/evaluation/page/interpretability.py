"""For the page: what codecs keep, what each observed modality contributes, what the fusion attends to, the way between
two samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.files import read_json, read_table
from stages.common.shards import read_shard
from stages.evaluation.page import wording
from stages.evaluation.page.examples import SAMPLES, View, view


@dataclass(frozen=True)
class Share:
    """What one observed modality contributes, in shares of samples."""

    shapley: float
    low: float
    high: float
    alone: float
    left_out: float


@dataclass(frozen=True)
class Game:
    """One target and attribute: how often right when nothing and when all else is observed, and who is to thank."""

    target: str
    attribute: str
    nothing: float
    everything: float
    n: int
    shares: dict[str, Share]  # observed modality -> share


@dataclass(frozen=True)
class Attention:
    """What the representation of one subset attends to."""

    observed: str
    weights: dict[str, float]  # token -> weight, of those that are there


def codecs(names: Sequence[str], folder: Path) -> list[str]:
    """A sentence on the codec of each modality, as `extract` recorded it below `folder`."""
    return [codec(name, read_json(folder / name / "reconstruction.json")) for name in names]


def codec(name: str, record: Mapping[str, Any]) -> str:
    """Which codec was kept, what it loses of test items, and by what it was chosen."""
    error, pca = (wording.number(record[key]) for key in ("codec", "pca"))
    said = f"The codec of {wording.several(name)}: {record['kept']}, error {error} against {pca} of a PCA."
    if "validation" not in record:  # nothing was learned
        return said
    held = record["validation"]
    if "learned" not in held:
        return f"{said} With {held['items']} validation items, too few to choose by, the last state counts."
    learned, linear = (wording.number(held[key]) for key in ("learned", "pca"))
    return f"{said} Chosen by {held['items']} validation items: learned {learned}, PCA {linear}."


def games(file: Path) -> list[Game]:
    """What `evaluate` divided, in the order of the table; none without labels, or where nothing can be observed."""
    found = []
    for (target, attribute), rows in optional(file).groupby(["target", "attribute"], sort=False):
        shares = {
            str(row["observed"]): Share(*(float(row[name]) for name in ("shapley", "low", "high", "alone", "left_out")))
            for row in rows.to_dict("records")
        }
        first = rows.iloc[0]
        found.append(Game(str(target), str(attribute), first["nothing"], first["everything"], int(first["n"]), shares))
    return found


def attentions(file: Path) -> list[Attention]:
    """What `fuse` wrote of an attention; none of other fusions."""
    return [
        Attention(
            str(observed), {str(name): float(weight) for name, weight in rows.set_index("attended")["weight"].items()}
        )
        for observed, rows in optional(file).groupby("observed", sort=False)
    ]


def optional(file: Path) -> pd.DataFrame:
    """A table that not every run has: empty, with the columns that are grouped by, where there is none."""
    return read_table(file) if file.exists() else pd.DataFrame(columns=["target", "attribute", "observed"])


def strips(names: Sequence[str], *, light: bool = False) -> list[list[View]]:
    """The steps of each interpolation, the ends first and last; none without a representation to interpolate in."""
    file = SAMPLES / "interpolation.tar"
    found: dict[str, list[View]] = {}
    for key, files in read_shard(file) if file.exists() else ():
        found.setdefault(key.partition("-")[0], []).append(view(files, names, light=light))
    return list(found.values())
