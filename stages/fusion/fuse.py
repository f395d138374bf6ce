"""Layer 3: one unified representation for any subset of the modalities.

Writes below data/fuse: the fusion, its card, the representations of all samples under every subset, the loss curve.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PositiveInt
from safetensors.torch import load_file, save_file
from torch import nn

from stages.common.files import read_json, write_json, write_table, write_tensors
from stages.common.learning import set_up
from stages.common.params import PARAMS, Run, Strict, load, read_yaml
from stages.common.stage import stage
from stages.common.subsets import mask, proper_subsets, subset_name
from stages.features.bank import read_bank
from stages.fusion import attention

FUSIONS = {"attention": attention}


class Fuse(Strict):
    """Section `fuse`."""

    method: Literal["attention"]
    unified: PositiveInt  # U, width of the representation
    noise: Annotated[float, Field(ge=0)]  # standard deviation of the noise on it, whose own is 1
    feature_noise: Annotated[float, Field(ge=0)]  # of the noise on the features in training
    hidden: PositiveInt  # width of the network that predicts the features
    steps: PositiveInt  # optimiser steps
    batch: PositiveInt  # samples a step
    learning_rate: Annotated[float, Field(gt=0)]  # peak
    attention: attention.Settings


def main() -> None:
    """Write data/fuse."""
    with stage("fuse") as door:
        settings, run = load(Fuse, "fuse"), load(Run, "run")
        set_up(run.threads)
        bank = read_bank(read_yaml(PARAMS)["modalities"], Path("data/extract"), Path("data/preprocess/samples.csv"))
        method, own = FUSIONS[settings.method], getattr(settings, settings.method)
        training = settings.model_dump(exclude={"method", *FUSIONS})
        fusion, curve = method.fit(bank, own, **training, seed=run.seed, state=door.state)
        with torch.no_grad():
            vectors = {
                subset_name(subset): fusion(bank.clean, mask(subset, bank.names, len(bank.clean)) & bank.there)
                for subset in (*proper_subsets(bank.names), bank.names)
            }
        save_file(fusion.state_dict(), door.out / "fusion.safetensors")
        card = {"method": settings.method, "widths": bank.widths, "modalities": list(bank.names)}
        card |= {"unified": settings.unified, "noise": settings.noise, "settings": own.model_dump()}
        write_json(door.out / "fusion.json", card)
        write_tensors(door.out / "vectors.safetensors", {name: vector.numpy() for name, vector in vectors.items()})
        write_table(door.out / "curve.csv", curve)


def load_fusion(folder: Path) -> tuple[nn.Module, Mapping[str, Any]]:
    """The trained fusion that this stage kept in `folder`, and its card."""
    card = read_json(folder / "fusion.json")
    method = FUSIONS[card["method"]]
    fusion = method.build(card["widths"], card["unified"], method.Settings(**card["settings"]))
    fusion.load_state_dict(load_file(folder / "fusion.safetensors"))
    return fusion.eval().requires_grad_(False), card


if __name__ == "__main__":
    main()
