"""The codecs: modules with `fit`, `build` and a model that can `encode` and `decode`; each modality has its choice."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from safetensors.torch import load_file

from stages.common.files import read_json
from stages.common.modality import kind_of
from stages.common.params import Strict
from stages.features import (
    autoencoder,
    linear,
    mixer,
    pixels,
    pretrained_autoencoder,
    pretrained_reader,
    recurrent,
    transformer,
    values,
)
from stages.features.bottleneck import Bottleneck
from stages.learning.device import device

LEVELS: dict[str, ModuleType] = {"autoencoder": autoencoder, "linear": linear, "mixer": mixer, "pixels": pixels}
CODECS: dict[str, dict[str, ModuleType]] = {
    "image": LEVELS | {"pretrained": pretrained_autoencoder},
    "text": {
        "linear": linear,
        "pretrained": pretrained_reader,
        "recurrent": recurrent,
        "transformer": transformer,
    },
    "audio": LEVELS,
    "label": {"linear": linear, "values": values},
    "number": {"linear": linear, "values": values},
}


class OfLevels(Bottleneck):
    """Items of levels from 0 to 255: section `extract.audio`, and what pictures have in common with it."""

    codec: str
    autoencoder: autoencoder.Settings
    mixer: mixer.Settings
    pixels: pixels.Settings


class OfSpectra(OfLevels):
    """Section `extract.audio`."""

    codec: Literal["autoencoder", "mixer", "pixels"]


class OfPictures(OfLevels):
    """Section `extract.image`."""

    codec: Literal["autoencoder", "mixer", "pixels", "pretrained"]
    pretrained: pretrained_autoencoder.Settings


class OfTokens(Bottleneck):
    """Section `extract.text`."""

    codec: Literal["recurrent", "transformer", "pretrained"]
    recurrent: recurrent.Settings
    transformer: transformer.Settings
    pretrained: pretrained_reader.Settings


class OfValues(Strict):
    """Sections `extract.label` and `extract.number`."""

    codec: Literal["values"]
    values: values.Settings


Settings = OfLevels | OfTokens | OfValues
SETTINGS: dict[str, type[OfLevels] | type[OfTokens] | type[OfValues]] = {
    "image": OfPictures,
    "text": OfTokens,
    "audio": OfSpectra,
    "label": OfValues,
    "number": OfValues,
}


def load_codecs(names: Iterable[str], folder: Path) -> dict[str, Any]:
    """The trained codecs that `extract` kept below `folder`, by modality, on the device."""
    codecs = {}
    for name in names:
        card = read_json(folder / name / "codec.json")
        codec = CODECS[kind_of(name)][card["codec"]].build(card)
        codec.load_state_dict(load_file(folder / name / "codec.safetensors"))
        codecs[name] = codec.to(device()).eval()
    return codecs
