"""The kinds of modalities in the data layer: a module each, all with the same functions.

fit(settings, told, folder)      learn what the modality needs from what train samples say, and keep it below `folder`
restore(settings, [], folder)    read that back in a later stage
read(payload, fitted)            a file's bytes -> a cleaned item, or ValueError with the reason
augment(item, fitted, rng)       the item a little changed
length(item, fitted)             how long it is, in the unit of the setting that cuts it; not of pictures
tensor(item, fitted)             the item as an array of one shape for all
blank(fitted)                    the array that stands where a sample lacks the modality
write(tensor, fitted)            an array -> a file's bytes
"""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from stages.common.files import read_json
from stages.common.modality import kind_of
from stages.common.params import Strict, validate
from stages.data.kinds import audio, image, label, number, text

MODALITIES: dict[str, ModuleType] = {
    "image": image,
    "text": text,
    "audio": audio,
    "label": label,
    "number": number,
}
SETTINGS: dict[str, type[Strict]] = {
    "image": image.ImageSettings,
    "text": text.TextSettings,
    "audio": audio.AudioSettings,
    "label": label.LabelSettings,
    "number": number.NumberSettings,
}


def restore(names: Iterable[str], folder: Path) -> dict[str, Any]:
    """What `preprocess` fitted and kept in `folder`, by modality."""
    kept = read_json(folder / "settings.json")
    fitted = {}
    for name in names:
        kind = kind_of(name)
        settings = validate(SETTINGS[kind], kept[name], f"{folder}/settings.json: {name}")
        fitted[name] = MODALITIES[kind].restore(settings, [], folder / name)
    return fitted
