"""Layer 1, first stage: a source becomes raw shards and an index.

Every source gives the same: tar shards of media bytes, `index.csv` with a row a sample (id, split, shard and
attributes) and `attributes.json` (each attribute's values and the modalities that always show it), and `licence.txt`.
Your own data may have samples that can't be used: `rejects.csv` has a row for each; `remarks.csv` says what else is
worth knowing.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Literal

from stages.common.files import replace, write_json, write_table
from stages.common.params import PARAMS, Run, Strict, load, load_modalities
from stages.common.stage import stage
from stages.data.records import remarks
from stages.data.records.rejects import Reject
from stages.data.sources import (
    digits,
    emoji,
    findings,
    folder,
    manifest,
    metadata_folder,
    molecules,
    moving,
    polymnist,
    reviews,
    shards,
    solids,
    spoken,
)
from stages.data.sources.digits import Digits
from stages.data.sources.emoji import Emoji
from stages.data.sources.findings import Findings
from stages.data.sources.index_resolution import resolve
from stages.data.sources.molecules import Molecules
from stages.data.sources.moving import Moving
from stages.data.sources.packing import Own, Packed
from stages.data.sources.polymnist import Polymnist
from stages.data.sources.reviews import Reviews
from stages.data.sources.solids import Solids
from stages.data.sources.spoken import Spoken

BUILT_IN: Mapping[str, ModuleType] = {  # a section of `acquire` each
    "digits": digits, "emoji": emoji, "findings": findings, "molecules": molecules, "moving": moving,
    "polymnist": polymnist, "reviews": reviews, "solids": solids, "spoken": spoken,
}  # fmt: skip
SOURCES: Mapping[str, ModuleType] = {"manifest": manifest, "folder": folder, "shards": shards}  # of your own data


class Acquire(Strict):
    """Section `acquire`."""

    source: Literal[  # where the samples come from
        "digits", "emoji", "findings", "molecules", "moving", "polymnist", "reviews", "solids", "spoken",
        "manifest", "folder", "shards",
    ]  # fmt: skip
    path: Path  # the folder of your own data; what is built in reads none
    digits: Digits
    emoji: Emoji
    # Those of recipes (docs/recipes) have their settings in the preset of the recipe.
    findings: Findings | None = None
    molecules: Molecules | None = None
    moving: Moving | None = None
    polymnist: Polymnist | None = None
    reviews: Reviews | None = None
    solids: Solids | None = None
    spoken: Spoken | None = None
    own: Own


def main() -> None:
    """Write data/acquire: shards, index, attributes and, of your own data, rejects."""
    with stage("acquire") as context:
        settings, run, names = load(Acquire, "acquire"), load(Run, "run"), load_modalities()
        if (source := BUILT_IN.get(settings.source)) is not None:
            licence = source.LICENCE
            if others := [name for name in names if source.GIVES.get(name) != name.kind]:
                raise ValueError(
                    f"modalities: expected some of {', '.join(source.GIVES)}, as {settings.source} have them, got "
                    f"{', '.join(others)}; call them so, or take your own data"
                )
            section = getattr(settings, settings.source)
            if section is None:
                raise ValueError(
                    f"{PARAMS}: expected a section 'acquire.{settings.source}', got none; take that of its preset in "
                    "tools/presets"
                )
            index, attributes = source.acquire(section, run.seed, names, context.out)
        else:
            licence = settings.own.licence or "not stated"
            collect = source_of(settings)
            packed, rejects = collect(settings.path, settings.own, names, context.out)
            index, attributes, refused, said = resolve(packed, rejects, settings.own, names, run.seed)
            write_table(context.out / "rejects.csv", refused)
            remarks.keep("acquire", context.out, said)
        write_table(context.out / "index.csv", index)
        write_json(context.out / "attributes.json", attributes)
        replace(context.out / "licence.txt", f"{licence}\n")


def source_of(settings: Acquire) -> Callable[..., tuple[list[Packed], list[Reject]]]:
    """What collects your own data. A table that names files beside it is read as such from either source.

    Raises ValueError when there is no folder.
    """
    if not settings.path.is_dir():
        raise ValueError(f"acquire.path: expected a folder, got '{settings.path}'; correct params.yaml")
    either = settings.source in ("folder", "manifest") and not manifest.found(settings.path)
    if either and (tables := metadata_folder.tables(settings.path)):
        return partial(metadata_folder.collect, tables)
    collect: Callable[..., tuple[list[Packed], list[Reject]]] = SOURCES[settings.source].collect
    return collect


if __name__ == "__main__":
    main()
