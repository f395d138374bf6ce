"""What every metric needs: the real items and the samples as the judges see them, and the words for both.

Rows of real items stand as in the table of samples; where a sample lacks a modality its labels say nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.common.files import read_json, read_table
from stages.common.progress import progress
from stages.common.shards import SUFFIXES, read_shard
from stages.common.subsets import proper_subsets, subset_name
from stages.data.modalities import restore
from stages.evaluation.judge import GRAMMAR, Judges, key_attribute, load_judges
from stages.evaluation.labels import UNTOLD, Judged, joined, judge, judge_files
from stages.features.items import pieces, stored

CLEAN, MADE, JUDGES = Path("data/preprocess"), Path("data/generate"), Path("data/judge")

Items = Mapping[str, Judged]  # by modality, rows aligned


@dataclass(frozen=True)
class Way:
    """One observed subset: what was made of it, from which test samples, and what these really hold."""

    items: Items
    truth: pd.DataFrame  # the test samples' attributes; all of them where nothing was observed
    real: Items
    keys: list[str]

    def of(self, keys: Sequence[str]) -> "Way":
        """The samples that bear these keys."""
        place = {key: row for row, key in enumerate(self.keys)}
        rows = np.array([place[key] for key in keys], int)
        items, real = ({name: judged.take(rows) for name, judged in part.items()} for part in (self.items, self.real))
        return Way(items, self.truth.iloc[rows].reset_index(drop=True), real, list(keys))


@dataclass(frozen=True, eq=False)
class Scene:
    """Read once, by `set_scene`; equal to itself alone."""

    names: list[str]
    samples: pd.DataFrame
    values: dict[str, list[str]]  # of each attribute; none without labels
    shown: dict[str, list[str]]  # modalities that always show it
    key: str | None  # the attribute that ties the modalities together, if one does
    judges: Judges
    fitted: dict[str, Any]
    real: Mapping[str, Items]  # split (train, test; judge of captions that the grammar reads) -> items
    ways: dict[tuple[str, ...], Way]  # observed subset -> what was made
    codecs: Way  # test items that went through their codecs and back
    untrained: Items  # decoded noise
    chains: dict[tuple[str, ...], Way]  # observed, middle and last modality -> what the middle one alone led to
    elsewhere: Way | None  # what was made from pictures of other writers, and these; the truth has their digits

    def rows(self, split: str) -> pd.DataFrame:
        return self.samples[self.samples["split"] == split].reset_index(drop=True)

    def present(self, split: str, name: str) -> Judged:
        """The real items of a split that have the modality."""
        return self.real[split][name].take(self.rows(split)[f"has_{name}"].to_numpy(bool))

    @property
    def joint(self) -> Way:
        """What was made from nothing."""
        return self.ways[()]

    @property
    def observing(self) -> dict[tuple[str, ...], Way]:
        """What was made from something."""
        return {observed: way for observed, way in self.ways.items() if observed}


def set_scene(names: list[str]) -> Scene:
    """Read what `preprocess`, `generate` and `judge` left, and let the judges look at it."""
    attributes = read_json(JUDGES / "attributes.json")
    values = {attribute: about["values"] for attribute, about in attributes.items()}
    samples = read_table(CLEAN / "samples.csv", text=("id", *attributes))
    judges, fitted = load_judges(JUDGES), restore(names, CLEAN)
    key = key_attribute(attributes, judges.reads)

    def real(split: str, names: Sequence[str]) -> dict[str, Judged]:
        rows = (samples["split"] == split).to_numpy()
        judged = {}
        for name in names:
            items = pieces(stored(CLEAN / f"{name}.clean.npy", rows))
            judged[name] = joined([judge(name, part, judges, fitted[name], values, key) for part in items])
            for labels in judged[name].labels.values():
                labels[~samples[f"has_{name}"][rows].to_numpy(bool)] = UNTOLD
        return judged

    def made(label: str) -> tuple[list[str], dict[str, Judged]]:
        keys, files = zip(*read_shard(MADE / f"{label}.tar"), strict=True)
        judged = {}
        for name in names:
            payloads = [file[SUFFIXES[name]] for file in files if SUFFIXES[name] in file]
            if payloads:
                judged[name] = judge_files(name, payloads, judges, fitted[name], values, key)
        return list(keys), judged

    seen = {split: real(split, names) for split in ("train", "test")}
    seen["judge"] = real("judge", [name for name in names if judges.readers[name] == GRAMMAR])  # they have words alone
    test = samples[samples["split"] == "test"].reset_index(drop=True)
    place = {key: row for row, key in enumerate(test["id"])}

    def way(label: str, *, observed: bool) -> Way:
        keys, items = made(label)
        rows = np.array([place[key] for key in keys]) if observed else np.arange(len(test))
        real_rows = {name: judged.take(rows) for name, judged in seen["test"].items()}
        return Way(items, test.iloc[rows].reset_index(drop=True), real_rows, keys)

    def elsewhere() -> Way | None:
        if not (MADE / "elsewhere.tar").exists():
            return None
        keys, items = made("elsewhere")
        return Way(items, read_table(MADE / "elsewhere.csv", text=("id", "digit")), {}, keys)

    ways = {
        subset: way(subset_name(subset), observed=bool(subset))
        for subset in progress(proper_subsets(names), title="evaluate")
    }
    return Scene(
        names=names, samples=samples, values=values, key=key, judges=judges,
        fitted=fitted, shown={attribute: about["shown_by"] for attribute, about in attributes.items()},
        real=seen, ways=ways, codecs=way("everything", observed=True), untrained=made("untrained")[1],
        chains={chain: way(f"{'_'.join(chain)}.chain", observed=True) for chain in permutations(names, 3)},
        elsewhere=elsewhere(),
    )  # fmt: skip
