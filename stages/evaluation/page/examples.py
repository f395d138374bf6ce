"""Samples that the page shows: what was given, what was made of it, and the true partner.

They are picked by their place, never by eye: evenly spaced over all samples, the same test samples in every direction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from stages.common.files import read_table
from stages.common.modality import suffix_of
from stages.common.modality_subsets import observed_subsets, subset_name
from stages.common.shards import read_shard
from stages.evaluation.page.media import as_data_uri

SAMPLES, RAW = Path("data/generate"), Path("data/acquire")

View = Mapping[str, str]  # modality -> text, or the medium itself as a data URI


@dataclass(frozen=True)
class Example:
    """One test sample, sent one way."""

    key: str
    given: View
    made: View
    true: View  # the partners that the sample really has


def view(files: Mapping[str, bytes], names: Iterable[str], *, light: bool = False) -> View:
    """Those modalities of a sample that are wanted and there."""
    return {name: as_data_uri(name, files[suffix_of(name)], light=light) for name in names if suffix_of(name) in files}


def spread(keys: Sequence[str], count: int) -> list[str]:
    """At most `count` of `keys`, evenly spaced."""
    count = min(count, len(keys))
    return [keys[i * len(keys) // count] for i in range(count)]


def from_nothing(names: Sequence[str], count: int, *, light: bool = False) -> list[View]:
    """The first samples that were made from nothing; their order is chance already."""
    return [view(files, names, light=light) for _, files in islice(read_shard(SAMPLES / "nothing.tar"), count)]


def examples(names: Sequence[str], count: int, *, light: bool = False) -> dict[tuple[str, ...], list[Example]]:
    """For every direction, `count` test samples: observed subset -> examples."""
    picked: dict[tuple[str, ...], dict[str, dict[str, bytes]]] = {}
    for observed in observed_subsets(names)[1:]:
        made = dict(read_shard(SAMPLES / f"{subset_name(observed)}.tar"))
        picked[observed] = {key: made[key] for key in spread(list(made), count)}
    real = raw({key for made in picked.values() for key in made})
    return {
        observed: [example(key, real[key], files, observed, names, light=light) for key, files in made.items()]
        for observed, made in picked.items()
    }


def example(
    key: str, real: Mapping[str, bytes], made: Mapping[str, bytes], observed: Sequence[str], names: Sequence[str], *,
    light: bool = False,
) -> Example:  # fmt: skip
    """The sample `key` in one direction, from its real files and from those made for it."""
    partners = [name for name in names if name not in observed]
    return Example(
        key, view(real, observed, light=light), view(made, partners, light=light), view(real, partners, light=light)
    )


def raw(keys: set[str]) -> dict[str, dict[str, bytes]]:
    """The samples `keys` as they were acquired, from the shards that hold them."""
    index = read_table(RAW / "index.csv", text=("id", "shard"))
    shards = sorted(set(index.loc[index["id"].isin(keys), "shard"]))
    found = {key: files for shard in shards for key, files in read_shard(RAW / shard) if key in keys}
    if keys - set(found):
        raise ValueError(
            f"{RAW}: expected the samples that {SAMPLES} was made from, got none called '{min(keys - set(found))}'; "
            "run `dvc repro` again"
        )
    return found
