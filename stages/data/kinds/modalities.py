"""The kinds of modalities in the data layer: a module each, called as the kind, all with the same names in them.

Settings                         section `preprocess.<kind>`
CUT                              which of the settings cuts long items, its unit, what is cut; only of such kinds
fit(settings, told, folder)      learn what the modality needs from what train samples say, and keep it below `folder`
restore(settings, [], folder)    read that back in a later stage
read(payload, fitted)            a file's bytes -> a cleaned item, or ValueError with the reason
augment(item, fitted, rng)       the item a little changed
length(item, fitted)             how long it is, in the unit of CUT
tensor(item, fitted)             the item as an array of one shape for all
blank(fitted)                    the array that stands where a sample lacks the modality
write(tensor, fitted)            an array -> a file's bytes
shown(payload, light)            what a browser shows of a file: media type and bytes; where there is none, it is text
also(payload)                    further files for people who take a sample away, by suffix; only where there are any
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from stages.common.files import read_json
from stages.common.modality import KINDS, kind_of
from stages.common.params import Strict, validate

MODALITIES: dict[str, ModuleType] = {kind: import_module(f"stages.data.kinds.{kind}") for kind in KINDS}
SETTINGS: dict[str, type[Strict]] = {kind: module.Settings for kind, module in MODALITIES.items()}


def restore(names: Iterable[str], folder: Path) -> dict[str, Any]:
    """What `preprocess` fitted and kept in `folder`, by modality."""
    kept = read_json(folder / "settings.json")
    fitted = {}
    for name in names:
        kind = kind_of(name)
        settings = validate(SETTINGS[kind], kept[name], f"{folder}/settings.json: {name}")
        fitted[name] = MODALITIES[kind].restore(settings, [], folder / name)
    return fitted
