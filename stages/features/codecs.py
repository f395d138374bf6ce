"""The codecs: modules with `fit`, `build` and a model that can `encode` and `decode`; each modality has its choice."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from safetensors.torch import load_file

from stages.common.files import read_json
from stages.features import autoencoder, linear, pixels, text
from stages.learning.device import device

CODECS: dict[str, ModuleType] = {"autoencoder": autoencoder, "linear": linear, "pixels": pixels, "text": text}
SETTINGS: dict[str, type[autoencoder.Settings] | type[text.Settings]] = {
    "image": autoencoder.Settings,
    "text": text.Settings,
    "audio": autoencoder.Settings,
}


def load_codecs(names: Iterable[str], folder: Path) -> dict[str, Any]:
    """The trained codecs that `extract` kept below `folder`, by modality, on the device."""
    codecs = {}
    for name in names:
        card = read_json(folder / name / "codec.json")
        codec = CODECS[card["codec"]].build(card)
        codec.load_state_dict(load_file(folder / name / "codec.safetensors"))
        codecs[name] = codec.to(device()).eval()
    return codecs
