"""What the built-in data sets share: numbered samples, a shard a fresh process, what is said of their attributes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.modality import kind_of, suffix_of
from stages.common.progress import progress
from stages.common.shards import write_shard
from stages.common.workers import Job, in_fresh_processes

Row = dict[Any, Any]  # of the index: column, cell
Attributes = dict[str, dict[str, list[str]]]  # attribute: its `values` and the modalities it is always `shown_by`


def numbered(index: pd.DataFrame, source: str, shard_size: int) -> pd.DataFrame:
    """The index with an id in front and, behind, the shard in which each sample goes."""
    index = index.reset_index(drop=True)
    index.insert(0, "id", [f"{number:06d}" for number in range(len(index))])
    index["shard"] = [f"{source}-{number // shard_size:03d}.tar" for number in range(len(index))]
    return index


def in_shards(
    build: Callable[..., pd.DataFrame], jobs: Iterable[Job], total: int, *, preload: Sequence[str] = ()
) -> pd.DataFrame:
    """The rows that ``build(*job)`` returns of each of `total` shards, in the order of the jobs; espeak.py says why
    each shard is made by a process of its own. Modules that `build` imports late are named in `preload`."""
    shards = in_fresh_processes(build, jobs, preload=preload)
    return pd.concat(progress(shards, title="acquire", total=total), ignore_index=True)


def write_samples(path: Path, samples: Iterable[tuple[Row, Mapping[str, bytes]]], names: Sequence[str]) -> pd.DataFrame:
    """Write the modalities `names` of samples, (row of the index, {modality: content}), as one shard; returns the
    rows."""
    rows: list[Row] = []

    def files() -> Iterator[tuple[str, dict[str, bytes]]]:
        for row, contents in samples:
            rows.append(row)
            yield row["id"], {suffix_of(name): contents[name] for name in names}

    write_shard(path, files())
    return pd.DataFrame(rows)


def told(attributes: Mapping[str, Mapping[str, list[str]]], names: Sequence[str], made: pd.DataFrame) -> Attributes:
    """Those of the `attributes` that the modalities `names` tell, with those of them that show each.

    What shows one is said by name, or by kind where all of a kind do.

    What no modality always shows is kept where the samples `made` have it and a caption may tell it.
    """
    shown = {
        attribute: [name for name in names if {name, kind_of(name)} & {*about["shown_by"]}]
        for attribute, about in attributes.items()
    }
    kept = [
        name for name in attributes if shown[name] or (name in made and any(kind_of(one) == "text" for one in names))
    ]
    return {name: {"values": attributes[name]["values"], "shown_by": shown[name]} for name in kept}
