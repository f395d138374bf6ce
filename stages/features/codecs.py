"""The codecs: modules with `fit`, `build` and a model that can `encode` and `decode`; each modality has its choice."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from safetensors.torch import load_file

from stages.common.files import read_json
from stages.features import autoencoder, linear, mixer, pixels, recurrent, transformer
from stages.features.bottleneck import Bottleneck
from stages.learning.device import device

CODECS: dict[str, ModuleType] = {
    "autoencoder": autoencoder,
    "linear": linear,
    "mixer": mixer,
    "pixels": pixels,
    "recurrent": recurrent,
    "transformer": transformer,
}


class OfLevels(Bottleneck):
    """Sections `extract.image` and `extract.audio`: items of levels from 0 to 255."""

    codec: Literal["autoencoder", "mixer", "pixels"]
    autoencoder: autoencoder.Settings
    mixer: mixer.Settings
    pixels: pixels.Settings


class OfTokens(Bottleneck):
    """Section `extract.text`."""

    codec: Literal["recurrent", "transformer"]
    recurrent: recurrent.Settings
    transformer: transformer.Settings


SETTINGS: dict[str, type[OfLevels] | type[OfTokens]] = {"image": OfLevels, "text": OfTokens, "audio": OfLevels}


def load_codecs(names: Iterable[str], folder: Path) -> dict[str, Any]:
    """The trained codecs that `extract` kept below `folder`, by modality, on the device."""
    codecs = {}
    for name in names:
        card = read_json(folder / name / "codec.json")
        codec = CODECS[card["codec"]].build(card)
        codec.load_state_dict(load_file(folder / name / "codec.safetensors"))
        codecs[name] = codec.to(device()).eval()
    return codecs
