"""The trained prior and decoders, as `train` keeps them and later stages take them up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from stages.common.files import read_json
from stages.generation.models.families import FAMILIES, Density
from stages.learning.device import device


def build(family: str, shape: dict[str, Any], settings: dict[str, Any]) -> Density:
    """An untrained model."""
    model, own = FAMILIES[family]
    return model(**shape, settings=own(**settings))


def load_generator(folder: Path, names: Sequence[str]) -> tuple[Density | None, list[Density]]:
    """The prior and the decoders, one for each of the modalities `names`, that `train` kept in `folder`; on the
    device. Without a fusion there is no prior."""
    card = read_json(folder / "generator.json")

    def read(name: str) -> Density:
        model = build(card["family"], card["models"][name], card["settings"])
        model.load_state_dict(load_file(folder / f"{name}.safetensors"))
        return model.to(device()).eval().requires_grad_(False)

    return read("prior") if "prior" in card["models"] else None, [read(name) for name in names]
