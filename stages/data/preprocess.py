"""Layer 1, second stage: raw shards become clean tensors, masks and a list of what was rejected.

For each modality two arrays that later stages map into memory: `<modality>.clean.npy`, a row a sample, and
`<modality>.augmented.npy`, the changed copies of the train split, sample by sample, `variants` each.
`samples.csv` has the rows' ids, splits and attributes and a column ``has_<modality>``: the masks.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from stages.common.files import growing, read_json, read_table, write_json, write_table
from stages.common.params import Run, Strict, load
from stages.common.progress import progress
from stages.common.seeds import draws
from stages.common.shards import read_shard
from stages.common.stage import stage
from stages.common.workers import in_processes
from stages.data.audio import AudioSettings
from stages.data.image import ImageSettings
from stages.data.modalities import MODALITIES
from stages.data.text import TextSettings

RAW = Path("data/acquire")


class Preprocess(Strict):
    """Section `preprocess`."""

    variants: PositiveInt  # augmented copies of each train sample
    reject_limit: Annotated[float, Field(ge=0, le=1)]  # share of rejected samples above which the stage fails
    image: ImageSettings
    text: TextSettings
    audio: AudioSettings


def main() -> None:
    """Write data/preprocess: tensors, tokeniser, samples and rejects."""
    with stage("preprocess") as door:
        settings, run = load(Preprocess, "preprocess"), load(Run, "run")
        attributes = read_json(RAW / "attributes.json")
        index = read_table(RAW / "index.csv", text=("id", *attributes))
        captions = train_captions(index)
        fitted = {name: MODALITIES[name].fit(getattr(settings, name), captions, door.out) for name in MODALITIES}
        groups = index.groupby("shard")
        jobs = ((RAW / str(shard), rows, fitted, settings.variants, run.seed) for shard, rows in groups)
        shards = progress(in_processes(clean_shard, jobs), title="preprocess", total=groups.ngroups)
        samples, rejects = collect(shards, fitted, door.out)
        check_rejects(rejects, len(index), settings.reject_limit)
        write_table(door.out / "samples.csv", samples)
        write_table(door.out / "rejects.csv", rejects)
        write_json(door.out / "settings.json", settings.model_dump())
        write_json(door.out / "attributes.json", attributes)


def train_captions(index: pd.DataFrame) -> list[str]:
    """The captions that the tokeniser may learn from: those of the train split alone."""
    train = set(index.loc[index["split"] == "train", "id"])
    shards = (RAW / shard for shard in index["shard"].unique())
    samples = (sample for shard in shards for sample in read_shard(shard))
    return [files["txt"].decode("utf-8", "replace") for key, files in samples if key in train and "txt" in files]


def clean_shard(
    path: Path, rows: pd.DataFrame, fitted: dict[str, Any], variants: int, seed: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray], pd.DataFrame]:
    """The samples of one shard: their table, their tensors by array name, and what was rejected."""
    splits, kept, rejects = dict(zip(rows["id"], rows["split"], strict=True)), [], []
    tensors: dict[str, list[np.ndarray]] = {name: [] for name in array_names(fitted)}
    for key, files in read_shard(path):
        try:
            items = {name: read(name, files, fitted[name]) for name in fitted}
            if all(item is None for item in items.values()):
                raise ValueError(f"expected one of {', '.join(fitted)}, got {', '.join(files) or 'no file'}")
        except ValueError as error:
            rejects.append({"id": key, "file": path.name, "reason": str(error)})
            continue
        kept.append({"id": key, **{f"has_{name}": item is not None for name, item in items.items()}})
        copies = variants if splits[key] == "train" else 0
        for name, item in items.items():
            clean, augmented = tensors_of(name, item, fitted[name], copies, draws(seed, f"preprocess/{name}/{key}"))
            tensors[f"{name}.clean"].append(clean)
            tensors[f"{name}.augmented"].extend(augmented)
    table = pd.DataFrame(kept, columns=["id", *(f"has_{name}" for name in fitted)])
    table = table.merge(rows.drop(columns="shard"), on="id", validate="one_to_one")
    return table, {name: np.array(rows) for name, rows in tensors.items()}, pd.DataFrame(rejects)


def read(name: str, files: dict[str, bytes], fitted: Any) -> Any:
    """The item of one modality, None when the sample lacks it. Raises ValueError naming the modality."""
    module = MODALITIES[name]
    payload = next((files[suffix] for suffix in module.suffixes if suffix in files), None)
    try:
        return None if payload is None else module.read(payload, fitted)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def tensors_of(
    name: str, item: Any, fitted: Any, copies: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The clean tensor of an item and those of its augmented copies; blanks for what is missing."""
    module = MODALITIES[name]
    if item is None:
        return module.blank(fitted), [module.blank(fitted)] * copies
    changed = (module.augment(item, fitted, rng) for _ in range(copies))
    return module.tensor(item, fitted), [module.tensor(copy, fitted) for copy in changed]


def array_names(names: Iterable[str]) -> list[str]:
    return [f"{name}.{kind}" for name in names for kind in ("clean", "augmented")]


def collect(
    shards: Iterable[tuple[pd.DataFrame, dict[str, np.ndarray], pd.DataFrame]], fitted: dict[str, Any], out: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Append each shard's tensors to the files below `out`; returns the samples and the rejects of all shards."""
    tables, rejects = [], [pd.DataFrame(columns=["id", "file", "reason"])]
    with ExitStack() as files:
        append = {
            name: files.enter_context(growing(out / f"{name}.npy", blank_of(name, fitted)))
            for name in array_names(fitted)
        }
        for table, tensors, rejected in shards:
            for name, rows in tensors.items():
                append[name](rows)
            tables.append(table)
            rejects.append(rejected)
    return pd.concat(tables, ignore_index=True), pd.concat(rejects, ignore_index=True)


def blank_of(array: str, fitted: dict[str, Any]) -> np.ndarray:
    name = array.split(".")[0]
    blank: np.ndarray = MODALITIES[name].blank(fitted[name])
    return blank


def check_rejects(rejects: pd.DataFrame, samples: int, limit: float) -> None:
    """Raises ValueError with the most frequent reasons when too much was rejected."""
    if len(rejects) > limit * samples:
        reasons = rejects["reason"].value_counts().head(3)
        told = "; ".join(f"{count} x {reason}" for reason, count in reasons.items())
        raise ValueError(
            f"expected at most {limit:.0%} of {samples} samples to be rejected, got {len(rejects)} ({told}); "
            "mend the files or raise preprocess.reject_limit"
        )


if __name__ == "__main__":
    main()
