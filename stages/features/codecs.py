"""The codecs: modules with `fit`, `build` and a model that can `encode` and `decode`; each kind of item
has its choice."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from safetensors.torch import load_file

from stages.common.files import read_json
from stages.common.modality import GRID, KINDS, PICTURE, SPECTRUM, TOKENS, VALUE, kind_of, tensor_of
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

LEVELS: Mapping[str, ModuleType] = {"autoencoder": autoencoder, "linear": linear, "mixer": mixer, "pixels": pixels}
CODECS: Mapping[str, Mapping[str, ModuleType]] = {  # by what an item's tensor is
    PICTURE: LEVELS,
    SPECTRUM: LEVELS,
    GRID: LEVELS,
    TOKENS: {"linear": linear, "recurrent": recurrent, "transformer": transformer},
    VALUE: {"linear": linear, "values": values},
}
LOOKS: Mapping[str, int] = {  # that a codec takes beside its training; under privacy no others learn
    "autoencoder": 1, "recurrent": 0, "transformer": 0,
}  # fmt: skip
PRETRAINED: Mapping[str, ModuleType] = {"image": pretrained_autoencoder, "text": pretrained_reader}  # by kind


class OfLevels(Bottleneck):
    """Sections of kinds whose items are levels from 0 to 255, such as `extract.audio`."""

    codec: Literal["autoencoder", "mixer", "pixels"]
    autoencoder: autoencoder.Settings
    mixer: mixer.Settings
    pixels: pixels.Settings


class OfPictures(OfLevels):
    """Section `extract.image`."""

    codec: Literal["autoencoder", "mixer", "pixels", "pretrained"]  # type: ignore[assignment]
    pretrained: pretrained_autoencoder.Settings


class OfTokens(Bottleneck):
    """Sections of kinds whose items are tokens, such as `extract.molecule`."""

    codec: Literal["recurrent", "transformer"]
    recurrent: recurrent.Settings
    transformer: transformer.Settings


class OfCaptions(OfTokens):
    """Section `extract.text`."""

    codec: Literal["recurrent", "transformer", "pretrained"]  # type: ignore[assignment]
    pretrained: pretrained_reader.Settings


class OfValues(Strict):
    """Sections `extract.label` and `extract.number`."""

    codec: Literal["values"]
    values: values.Settings


Settings = OfLevels | OfTokens | OfValues
BY_TENSOR: Mapping[str, type[OfLevels] | type[OfTokens] | type[OfValues]] = {
    PICTURE: OfLevels, SPECTRUM: OfLevels, GRID: OfLevels, TOKENS: OfTokens, VALUE: OfValues,
}  # fmt: skip
SETTINGS: Mapping[str, type[OfLevels] | type[OfTokens] | type[OfValues]] = {  # by kind
    **{kind: BY_TENSOR[about.tensor] for kind, about in KINDS.items()}, "image": OfPictures, "text": OfCaptions,
}  # fmt: skip


def codec_of(name: str, choice: str) -> ModuleType:
    """The module of the codec that is chosen for a modality."""
    return PRETRAINED[kind_of(name)] if choice == "pretrained" else CODECS[tensor_of(name)][choice]


def load_codecs(names: Iterable[str], folder: Path) -> dict[str, Any]:
    """The trained codecs that `extract` kept below `folder`, by modality, on the device."""
    codecs = {}
    for name in names:
        card = read_json(folder / name / "codec.json")
        codec = codec_of(name, card["codec"]).build(card)
        codec.load_state_dict(load_file(folder / name / "codec.safetensors"))
        codecs[name] = codec.to(device()).eval()
    return codecs
