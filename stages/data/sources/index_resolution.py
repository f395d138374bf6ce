"""What is resolved when all samples of your own data are packed: the split, the attributes, the index.

Source of the forest of sets: Tarjan 1975, with path halving.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.common.modality import KINDS, in_files, kind_of
from stages.common.seeds import draws
from stages.data.records.rejects import Reject, most_frequent, plain, table
from stages.data.records.split import SPLITS, Shares, assign
from stages.data.sources.packing import Own, Packed, nearest, unread_of

Attribute = dict[str, Any]  # its `values`, the modalities it is `shown_by`, and whether the latter is `assumed`
TAKEN = re.compile(r"shard|has_.*|.*_file")  # columns of the index and of samples.csv


def resolve(
    packed: list[Packed], rejects: list[Reject], settings: Own, names: Sequence[str], seed: int
) -> tuple[pd.DataFrame, dict[str, Attribute], pd.DataFrame, list[str]]:
    """The index, the attributes, the rejects and remarks, once all is packed.

    Raises ValueError when too little is left.
    """
    refused = table(rejects)
    if not packed:
        reasons = most_frequent(refused["reason"]) or "no sample at all"
        raise ValueError(f"expected samples that can be used, got none ({reasons}); correct the data")
    attributes, names_only = attributes_of(packed, settings.attributes, names)
    try:
        splits, drawn = splits_of(packed, next(iter(attributes), None), settings.shares, seed)
    except ValueError as error:
        reasons = most_frequent(refused["reason"])
        raise ValueError(
            f"{error}; {len(refused)} samples were rejected: {reasons}" if reasons else str(error)
        ) from None
    index = pd.DataFrame({"id": [one.sample.id for one in packed], "split": splits})
    index["shard"] = [one.shard for one in packed]
    for attribute in attributes:
        index[attribute] = [one.sample.labels.get(attribute, "") for one in packed]
    for name in names:
        index[f"{name}_file"] = [plain(str(one.sample.files.get(name, ""))) for one in packed]
    return index, attributes, refused, [*names_only, *drawn, *unread(packed)]


def unread(packed: Sequence[Packed]) -> list[str]:
    """A remark on each kind of files that no modality reads, where the sample has others."""
    kinds = Counter(kind for one in packed for kind in one.sample.unread)
    return [f"{count} x {unread_of([kind])}: no modality reads them" for kind, count in sorted(kinds.items())]


def attributes_of(
    packed: Sequence[Packed], wanted: Mapping[str, list[str]], names: Sequence[str]
) -> tuple[dict[str, Attribute], list[str]]:
    """Each attribute's values and the modalities that show it. Second, remarks on labels that are none.

    Where nothing is said, all that are files may show it: `judge` measures that. A modality that is the label does.

    Unless the user named them, also as modalities, labels with one value, or with so many that samples hardly share
    one, are left out: they name samples rather than kinds of samples. So are numbers that are modalities.
    """
    values: dict[str, set[str]] = {}
    for one in packed:
        for label, value in one.sample.labels.items():
            values.setdefault(label, set()).update([value] if value else [])
    for label, shown_by in wanted.items():
        if label not in values:
            there = ", ".join(values) or "no label"
            raise ValueError(f"acquire.own.attributes: expected some of {there}, got '{label}'{nearest(label, values)}")
        known = list(dict.fromkeys((*KINDS, *names)))
        if unknown := [name for name in shown_by if name not in known]:
            raise ValueError(f"acquire.own.attributes.{label}: expected some of {', '.join(known)}, got {unknown}")
    for label in (label for label in values if TAKEN.fullmatch(label)):
        raise ValueError(f"expected a label by another name, got '{label}', which the pipeline uses itself; rename it")
    found, remarks = {}, []
    asked = [str(name) for name in names if kind_of(name) == "label" and name in values]  # for modalities
    numbers = [name for name in names if kind_of(name) == "number"]
    for label in dict.fromkeys((*wanted, *asked)) if wanted else [label for label in values if label not in numbers]:
        if wanted or label in asked or 2 <= len(values[label]) <= len(packed) / 2:
            told = wanted.get(label) or [name for name in names if in_files(name)]
            shown_by = [name for name in names if name in told or name == label]
            found[label] = {"values": sorted(values[label]), "shown_by": shown_by, "assumed": not wanted.get(label)}
        else:
            remarks.append(
                f"'{label}' is not taken for an attribute: {len(values[label])} values in {len(packed)} "
                "samples; name it in acquire.own.attributes if it is one"
            )
    return found, remarks


def splits_of(packed: Sequence[Packed], kind: str | None, shares: Shares, seed: int) -> tuple[list[str], list[str]]:
    """The split of each sample: as the user gave it, else at random; and a remark on what was drawn from train.

    Splits that the user names nowhere are drawn from what was given as train. What belongs together stays together,
    and each value of the attribute `kind` is spread evenly.
    """
    splits = [one.sample.split for one in packed]
    given = set(filter(None, splits))
    wanted = [split for split in SPLITS if split not in given - {"train"}]
    free = [place for place, split in enumerate(splits) if not given or split == "train"]
    if given and "" in splits:
        example = packed[splits.index("")].sample.id
        raise ValueError(f"expected a split for every sample or for none, got none for '{example}'; fill the column")
    if given and not free:
        raise ValueError(f"expected samples of the split train, got only {', '.join(sorted(given))}")
    if wanted != ["train"]:
        group = groups([packed[place] for place in free])
        first = np.unique(group, return_index=True)[1]
        kinds = [packed[free[place]].sample.labels.get(kind, "") if kind else "" for place in first]
        drawn = assign(np.unique(kinds, return_inverse=True)[1], shares, draws(seed, "acquire/split"), wanted)
        for place, number in zip(free, group, strict=True):
            splits[place] = str(drawn[number])
    cut = [f"{splits.count(split)} for {split}" for split in wanted if given and split != "train"]
    remark = f"the data names no split for it, so of its {len(free)} train samples were taken: {', '.join(cut)}"
    return splits, [remark] if cut else []


def groups(packed: Sequence[Packed]) -> np.ndarray:
    """A number for each sample, the same for those that belong together: (N,) from 0, in the order of the first."""
    parent = list(range(len(packed)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    seen: dict[str, int] = {}
    for place, one in enumerate(packed):
        for content in [f"group {one.sample.group}"] if one.sample.group else one.contents:
            older, newer = sorted((root(seen.setdefault(content, place)), root(place)))
            parent[newer] = older
    return np.unique([root(place) for place in range(len(packed))], return_inverse=True)[1]
