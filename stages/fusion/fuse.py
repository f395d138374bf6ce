"""Layer 3: one unified representation for any subset of the modalities.

Writes below data/fuse: the fusion with its predictor and card, the representations of all samples under every
subset, and the loss curve.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PositiveInt
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn

from stages.common.files import read_json, write_json, write_table, write_tensors
from stages.common.learning import set_up, stream
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.stage import stage
from stages.common.subsets import mask, proper_subsets, subset_name
from stages.features.bank import Bank, read_bank
from stages.fusion import attention
from stages.fusion.prediction import predictor

FUSIONS = {"attention": attention}
SPREAD_SAMPLES = 16384  # drawn to measure the spread


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
        bank = read_bank(load_modalities(), Path("data/extract"), Path("data/preprocess/samples.csv"))
        method, own = FUSIONS[settings.method], getattr(settings, settings.method)
        training = settings.model_dump(exclude={"method", *FUSIONS})
        fusion, predict, curve = method.fit(bank, own, **training, seed=run.seed, state=door.state)
        card: dict[str, Any] = {"method": settings.method, "widths": bank.widths, "modalities": list(bank.names)}
        card |= {"unified": settings.unified, "noise": settings.noise, "hidden": settings.hidden}
        fused = Fused(fusion, predict, spread(fusion, predict, bank, settings.noise, run.seed), settings.noise)
        with torch.no_grad():
            vectors = {
                subset_name(subset): fusion(bank.clean, mask(subset, bank.names, len(bank.clean)) & bank.there)
                for subset in (*proper_subsets(bank.names), bank.names)
            }
        save_file(fused.state_dict(), door.out / "fusion.safetensors")
        write_json(door.out / "fusion.json", card | {"settings": own.model_dump()})
        write_tensors(door.out / "vectors.safetensors", {name: vector.numpy() for name, vector in vectors.items()})
        write_table(door.out / "curve.csv", curve)


class Fused(nn.Module):
    """A trained fusion and what it says about the features: prediction +- spread."""

    spread: Tensor

    def __init__(self, fusion: nn.Module, predict: nn.Module, spread: Tensor, noise: float) -> None:
        super().__init__()
        self.fusion, self.predict, self.noise = fusion, predict, noise
        self.register_buffer("spread", spread)

    def represent(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features of which (B, M) are seen -> (B, U)."""
        unified: Tensor = self.fusion(features, seen)
        return unified

    def blur(self, unified: Tensor, stream: Generator) -> Tensor:
        """The representation with the noise on it under which it was learned."""
        return unified + self.noise * torch.randn(unified.shape, generator=stream)

    def residual(self, features: Tensor, unified: Tensor) -> Tensor:
        """What the prediction from `unified` leaves open, scaled to unit variance: (B, W)."""
        left: Tensor = (features - self.predict(unified)) / self.spread
        return left

    def complete(self, residual: Tensor, unified: Tensor) -> Tensor:
        """The way back from `residual` to features: (B, W)."""
        features: Tensor = self.predict(unified) + self.spread * residual
        return features


def spread(fusion: nn.Module, predict: nn.Module, bank: Bank, noise: float, seed: int) -> Tensor:
    """Standard deviation of what the prediction leaves open, per feature, on the train split: (W,)."""
    chance = stream(seed, "fuse/spread")
    features, there = bank.draw(SPREAD_SAMPLES, chance)
    with torch.no_grad():
        unified = fusion(features, there)
        left = features - predict(unified + noise * torch.randn(unified.shape, generator=chance))
    known = bank.columns(there)
    return ((left**2 * known).sum(0) / known.sum(0).clamp(min=1)).sqrt().clamp(min=1e-3)


def load_fused(folder: Path) -> Fused:
    """The trained fusion that this stage kept in `folder`."""
    card = read_json(folder / "fusion.json")
    method, features = FUSIONS[card["method"]], sum(card["widths"])
    fusion = method.build(card["widths"], card["unified"], method.Settings(**card["settings"]))
    predict = predictor(card["unified"], features, card["hidden"])
    fused = Fused(fusion, predict, torch.ones(features), card["noise"])
    fused.load_state_dict(load_file(folder / "fusion.safetensors"))
    return fused.eval().requires_grad_(False)


if __name__ == "__main__":
    main()
