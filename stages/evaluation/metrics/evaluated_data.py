"""What every metric is measured on: the real items and the samples as the judges see them, with their labels.

Rows of real items stand as in the table of samples; where a sample lacks a modality its labels say nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.common.files import read_json, read_table
from stages.common.modality import suffix_of
from stages.common.modality_subsets import chains, observed_subsets, subset_name
from stages.common.progress import progress
from stages.common.shards import read_shard
from stages.data.kinds.modalities import restore
from stages.evaluation.judges.loading import GRAMMAR, Judges, key_attribute, load_judges
from stages.evaluation.metrics.judge_inference import UNSTATED, Predictions, joined, judge, judge_files
from stages.features.chunked_items import chunks, stored

CLEAN, MADE, JUDGES = Path("data/preprocess"), Path("data/generate"), Path("data/judge")

Predicted = Mapping[str, Predictions]  # by modality, rows aligned


@dataclass(frozen=True)
class Outputs:
    """One observed subset: what was made of it, from which test samples, and what these really hold."""

    items: Predicted
    truth: pd.DataFrame  # the test samples' attributes; all of them where nothing was observed
    real: Predicted
    keys: list[str]

    def of(self, keys: Sequence[str]) -> "Outputs":
        """The samples that bear these keys."""
        place = {key: row for row, key in enumerate(self.keys)}
        rows = np.array([place[key] for key in keys], int)
        items, real = (
            {name: predicted.take(rows) for name, predicted in part.items()} for part in (self.items, self.real)
        )
        return Outputs(items, self.truth.iloc[rows].reset_index(drop=True), real, list(keys))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Read once, by `load_dataset`; equal to itself alone."""

    names: Sequence[str]
    samples: pd.DataFrame
    values: dict[str, list[str]]  # of each attribute; none without labels
    shown_by: dict[str, list[str]]  # modalities that always show it
    key: str | None  # the attribute that ties the modalities together, if one does
    judges: Judges
    fitted: dict[str, Any]
    real: Mapping[str, Predicted]  # split (train, test; judge of captions that the grammar reads) -> items
    outputs: dict[tuple[str, ...], Outputs]  # observed subset -> what was made
    reconstructed: Outputs  # test items that went through their codecs and back
    decoded_noise: Predicted  # decoded noise
    chains: dict[tuple[str, ...], Outputs]  # observed, middle and last modality -> what the middle one alone led to
    out_of_domain: Outputs | None  # what was made from pictures of other writers, and these; the truth has their digits
    guided: Mapping[float, Mapping[str, Outputs]] = field(default_factory=dict)  # guidance -> observed modality -> made
    learned: Mapping[str, Outputs] = field(default_factory=dict)  # observed modality of training samples -> made

    def rows(self, split: str) -> pd.DataFrame:
        return self.samples[self.samples["split"] == split].reset_index(drop=True)

    def present(self, split: str, name: str) -> Predictions:
        """The real items of a split that have the modality."""
        return self.real[split][name].take(self.rows(split)[f"has_{name}"].to_numpy(bool))

    @property
    def joint(self) -> Outputs:
        """What was made from nothing."""
        return self.outputs[()]

    @property
    def conditional(self) -> dict[tuple[str, ...], Outputs]:
        """What was made from something."""
        return {observed: outputs for observed, outputs in self.outputs.items() if observed}


def load_dataset(names: Sequence[str]) -> Dataset:
    """Read what `preprocess`, `generate` and `judge` left, and let the judges look at it."""
    attributes = read_json(JUDGES / "attributes.json")
    values = {attribute: about["values"] for attribute, about in attributes.items()}
    samples = read_table(CLEAN / "samples.csv", text=("id", *attributes))
    judges, fitted = load_judges(JUDGES, names), restore(names, CLEAN)
    key = key_attribute(attributes, judges.reads)

    def real(split: str, names: Sequence[str]) -> dict[str, Predictions]:
        rows = (samples["split"] == split).to_numpy()
        predicted = {}
        for name in names:
            items = chunks(stored(CLEAN / f"{name}.clean.npy", rows))
            predicted[name] = joined([judge(name, part, judges, fitted[name], values, key) for part in items])
            for labels in predicted[name].labels.values():  # blanks say nothing
                labels[~samples[f"has_{name}"][rows].to_numpy(bool)] = UNSTATED
        return predicted

    def made(label: str) -> tuple[list[str], dict[str, Predictions]]:
        keys, files = zip(*read_shard(MADE / f"{label}.tar"), strict=True)
        predicted = {}
        for name in names:
            payloads = [file[suffix_of(name)] for file in files if suffix_of(name) in file]
            if payloads:
                predicted[name] = judge_files(name, payloads, judges, fitted[name], values, key)
        return list(keys), predicted

    seen = {split: real(split, names) for split in ("train", "test")}
    seen["judge"] = real("judge", [name for name in names if judges.readers[name] == GRAMMAR])  # they have words alone
    tables = {split: samples[samples["split"] == split].reset_index(drop=True) for split in ("train", "test")}
    places = {split: {key: row for row, key in enumerate(table["id"])} for split, table in tables.items()}

    def generated(label: str, *, observed: bool = True, split: str = "test") -> Outputs:
        keys, items = made(label)
        there = tables[split]
        rows = np.array([places[split][key] for key in keys]) if observed else np.arange(len(there))
        real_rows = {name: predicted.take(rows) for name, predicted in seen[split].items()}
        return Outputs(items, there.iloc[rows].reset_index(drop=True), real_rows, keys)

    def out_of_domain() -> Outputs | None:
        if not (MADE / "out_of_domain.tar").exists():
            return None
        keys, items = made("out_of_domain")
        return Outputs(items, read_table(MADE / "out_of_domain.csv", text=("id", "digit")), {}, keys)

    def guided() -> dict[float, dict[str, Outputs]]:
        found: dict[float, dict[str, Outputs]] = {}
        for file in sorted(MADE.glob("*.guidance-*.tar")):
            name, _, value = file.stem.partition(".guidance-")
            found.setdefault(float(value), {})[name] = generated(file.stem)
        return found

    outputs = {
        subset: generated(subset_name(subset), observed=bool(subset))
        for subset in progress(observed_subsets(names), title="evaluate")
    }
    return Dataset(
        names=names, samples=samples, values=values, key=key, judges=judges,
        fitted=fitted, shown_by={attribute: about["shown_by"] for attribute, about in attributes.items()},
        real=seen, outputs=outputs, reconstructed=generated("reconstructed"),
        decoded_noise=made("decoded_noise")[1],
        chains={chain: generated(f"{'_'.join(chain)}.chain") for chain in chains(names)},
        out_of_domain=out_of_domain(), guided=guided(),
        learned={
            name: generated(f"{name}.learned", split="train")
            for name in names
            if (MADE / f"{name}.learned.tar").exists()
        },
    )  # fmt: skip
