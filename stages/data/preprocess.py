"""Layer 1, second stage: raw shards become clean tensors, masks and a list of what was rejected.

For each modality two arrays that later stages map into memory: `<modality>.clean.npy`, a row a sample, and
`<modality>.augmented.npy`, the changed copies of the train split, sample by sample, `variants` each.
`samples.csv` has the rows' ids, splits and attributes and a column ``has_<modality>``: the masks.
`rejects.csv` lists what could not be used, here or in `acquire`; `remarks.csv` says what else happened to the data.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from stages.common.files import growing, read_json, read_table, write_json, write_table
from stages.common.modality import kind_of, suffix_of
from stages.common.params import Run, Strict, load, load_modalities, load_named
from stages.common.progress import progress
from stages.common.seeds import draws
from stages.common.shards import read_shard
from stages.common.stage import stage
from stages.common.workers import in_processes
from stages.data.kinds.modalities import MODALITIES, SETTINGS
from stages.data.records import remarks
from stages.data.records.rejects import COLUMNS, Reject, most_frequent, table
from stages.data.records.split import SPLITS
from stages.data.records.truncation import truncated

RAW = Path("data/acquire")
LEAST = {"train": 2, "judge": 1, "test": 2}  # samples that have a modality: one alone has no neighbour to compare with


class Preprocess(Strict):
    """Section `preprocess`, but for what it says of each kind."""

    variants: PositiveInt  # augmented copies of each train sample
    reject_limit: Annotated[float, Field(ge=0, le=1)]  # share of rejected samples above which the stage fails


def main() -> None:
    """Write data/preprocess: tensors, tokeniser, samples and rejects."""
    with stage("preprocess") as context:
        settings, run, names = load(Preprocess, "preprocess"), load(Run, "run"), load_modalities()
        chosen = load_named(SETTINGS, "preprocess", names)
        attributes = read_json(RAW / "attributes.json")
        index = read_table(RAW / "index.csv", text=("id", *attributes, *files_of(names)))
        fitted: dict[str, Any] = {
            name: MODALITIES[name.kind].fit(chosen[name], told_in_train(index, name), context.out / name)
            for name in names
        }
        groups = index.groupby("shard")
        jobs = ((RAW / str(shard), rows, fitted, settings.variants, run.seed) for shard, rows in groups)
        cleaned = in_processes(clean_shard, jobs, apart=True)  # a stranger's file may break its decoder
        shards = progress(cleaned, title="preprocess", total=groups.ngroups)
        samples, found, lengths = collect(shards, fitted, context.out)
        before = read_table(RAW / "rejects.csv", text=COLUMNS) if (RAW / "rejects.csv").exists() else table([])
        rejects = pd.concat([before, found], ignore_index=True)
        check_rejects(rejects, len(index) + len(before), settings.reject_limit)
        check_splits(samples, names)
        cut = truncated(lengths, chosen, {name: MODALITIES[kind_of(name)].CUT for name in lengths})
        remarks.keep("preprocess", context.out, cut, earlier=remarks.read(RAW))
        write_table(context.out / "samples.csv", samples)
        write_table(context.out / "rejects.csv", rejects)
        # Without defaults: a setting that comes later and changes nothing leaves these bytes as they are.
        kept = {name: section.model_dump(exclude_defaults=True) for name, section in chosen.items()}
        write_json(context.out / "settings.json", kept)
        write_json(context.out / "attributes.json", attributes)


def files_of(names: Iterable[str]) -> list[str]:
    """The columns of the index that name each sample's files, where they have names of their own."""
    return [f"{name}_file" for name in names]


def told_in_train(index: pd.DataFrame, name: str) -> Iterator[str]:
    """What one modality says that may be learned from, captions or labels, one by one: of the train split alone."""
    train, suffix = set(index.loc[index["split"] == "train", "id"]), suffix_of(name)
    shards = (RAW / shard for shard in index["shard"].unique())
    samples = (sample for shard in shards for sample in read_shard(shard, only=(suffix,)))
    return (files[suffix].decode("utf-8", "replace") for key, files in samples if key in train and suffix in files)


@dataclass(frozen=True)
class Cleaned:
    """What a shard has become."""

    samples: pd.DataFrame
    tensors: dict[str, np.ndarray]  # by array name
    rejects: pd.DataFrame
    lengths: dict[str, list[int]]  # of the items of those modalities that are cut


def clean_shard(path: Path, rows: pd.DataFrame, fitted: dict[str, Any], variants: int, seed: int) -> Cleaned:
    """The samples of one shard, cleaned."""
    known, kept, rejects = rows.set_index("id"), [], []
    lengths: dict[str, list[int]] = {name: [] for name in fitted if hasattr(MODALITIES[kind_of(name)], "CUT")}
    tensors: dict[str, list[np.ndarray]] = {name: [] for name in array_names(fitted)}
    for key, files in read_shard(path):
        if key not in known.index:  # listed as a reject already
            continue
        items, reject = read_all(key, files, fitted)
        if reject is not None:
            name = reject.file
            rejects.append(reject._replace(file=str(known.at[key, name]) if name in known else path.name))
            continue
        kept.append({"id": key, **{f"has_{name}": item is not None for name, item in items.items()}})
        copies = variants if known.at[key, "split"] == "train" else 0
        for name, found in lengths.items():
            if items[name] is not None:
                found.append(MODALITIES[kind_of(name)].length(items[name], fitted[name]))
        for name, item in items.items():
            clean, augmented = tensors_of(name, item, fitted[name], copies, draws(seed, f"preprocess/{name}/{key}"))
            tensors[f"{name}.clean"].append(clean)
            tensors[f"{name}.augmented"].extend(augmented)
    samples = pd.DataFrame(kept, columns=["id", *(f"has_{name}" for name in fitted)])
    labels = rows.drop(columns=["shard", *files_of(fitted)], errors="ignore")
    samples = samples.merge(labels, on="id", validate="one_to_one")
    return Cleaned(samples, {name: np.array(items) for name, items in tensors.items()}, table(rejects), lengths)


def read_all(key: str, files: dict[str, bytes], fitted: dict[str, Any]) -> tuple[dict[str, Any], Reject | None]:
    """The items of a sample by modality, None for what it lacks; and why it can't be used, if it can't."""
    items = {}
    for name in fitted:
        try:
            items[name] = read(name, files, fitted[name])
        except ValueError as error:
            return {}, Reject(key, f"{name}_file", f"{name}: {error}")
    if all(item is None for item in items.values()):
        return {}, Reject(key, "", f"expected one of {', '.join(fitted)}, got {', '.join(files) or 'no file'}")
    return items, None


def read(name: str, files: dict[str, bytes], fitted: Any) -> Any:
    """The item of one modality, None when the sample lacks it. Raises ValueError when it can't be read."""
    payload = files.get(suffix_of(name))
    return None if payload is None else MODALITIES[kind_of(name)].read(payload, fitted)


def tensors_of(
    name: str, item: Any, fitted: Any, copies: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The clean tensor of an item and those of its augmented copies; blanks for what is missing."""
    module = MODALITIES[kind_of(name)]
    if item is None:
        return module.blank(fitted), [module.blank(fitted)] * copies
    clean = module.tensor(item, fitted)
    changed = (module.augment(item, fitted, rng) for _ in range(copies))
    return clean, [clean if copy is item else module.tensor(copy, fitted) for copy in changed]


def array_names(names: Iterable[str]) -> list[str]:
    return [f"{name}.{kind}" for name in names for kind in ("clean", "augmented")]


def collect(
    shards: Iterable[Cleaned], fitted: dict[str, Any], out: Path
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list[int]]]:
    """Append each shard's tensors to the files below `out`; returns samples, rejects and lengths of all shards."""
    samples, rejects = [], [table([])]
    lengths: dict[str, list[int]] = {}
    with ExitStack() as files:
        append = {
            name: files.enter_context(growing(out / f"{name}.npy", blank_of(name, fitted)))
            for name in array_names(fitted)
        }
        for shard in shards:
            for name, rows in shard.tensors.items():
                append[name](rows)
            samples.append(shard.samples)
            rejects.append(shard.rejects)
            for name, found in shard.lengths.items():
                lengths.setdefault(name, []).extend(found)
    return pd.concat(samples, ignore_index=True), pd.concat(rejects, ignore_index=True), lengths


def blank_of(array: str, fitted: dict[str, Any]) -> np.ndarray:
    name = next(name for name in fitted if array.startswith(f"{name}."))
    blank: np.ndarray = MODALITIES[kind_of(name)].blank(fitted[name])
    return blank


def check_rejects(rejects: pd.DataFrame, samples: int, limit: float) -> None:
    """Raises ValueError with the most frequent reasons when too much was rejected."""
    if len(rejects) > limit * samples:
        raise ValueError(
            f"expected at most {limit:.0%} of {samples} samples to be rejected, got {len(rejects)} "
            f"({most_frequent(rejects['reason'])}); mend the files or raise preprocess.reject_limit"
        )


def check_splits(samples: pd.DataFrame, names: Iterable[str]) -> None:
    """Raises ValueError when a split has too little to learn from or to measure: later stages would say less.

    An empty split, or one in which fewer samples have a modality than its use needs.
    """
    if empty := [split for split in SPLITS if split not in set(samples["split"])]:
        raise ValueError(f"expected samples in every split, got none in {', '.join(empty)}; add samples")
    for split, name in product(LEAST, names):
        count = int(samples.loc[samples["split"] == split, f"has_{name}"].sum())
        if count < LEAST[split]:
            raise ValueError(
                f"expected at least {LEAST[split]} samples with {name} in the split {split}, got {count}; add such "
                f"samples, even out the shares or take {name} out of modalities"
            )


if __name__ == "__main__":
    main()
