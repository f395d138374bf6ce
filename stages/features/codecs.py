"""The codecs: a module a modality, all with `Settings`, `fit`, `build` and a model that can `encode` and `decode`."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from safetensors.torch import load_file

from stages.common.files import read_json
from stages.features import autoencoder, text

CODECS: dict[str, ModuleType] = {"image": autoencoder, "text": text, "audio": autoencoder}


def load_codecs(names: Iterable[str], folder: Path) -> dict[str, Any]:
    """The trained codecs that `extract` kept below `folder`, by modality."""
    codecs = {}
    for name in names:
        codec = CODECS[name].build(read_json(folder / name / "codec.json"))
        codec.load_state_dict(load_file(folder / name / "codec.safetensors"))
        codecs[name] = codec.eval()

    return codecs
