"""Layer 4, first stage: the generator, one family of density models used twice.

`whole`: the unified representation of the whole sample given that of an observed subset, the empty one included.
`parts`: the features of all modalities given one representation of the whole sample; the fusion's own prediction
is their mean, the model draws the rest (as CorrDiff does, Mardani et al. 2023, arXiv:2309.15214).
One drawn representation is shared by all outputs, so they agree; what is private to one varies in `parts`.
The representation is modelled with the noise on it under which the fusion learned it.
Writes below data/train: both models, their card and their loss curves.
"""

from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PositiveInt
from safetensors.torch import save_file
from torch import Generator, Tensor

from stages.common.files import write_json, write_table
from stages.common.learning import optimise, set_up, stream
from stages.common.networks import initialise
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.stage import stage
from stages.common.subsets import random_subsets
from stages.features.bank import read_bank
from stages.fusion.fuse import Fused, load_fused
from stages.generation.families import FAMILIES

NOTHING = 0.3  # chance that a training step observes nothing


class Budget(Strict):
    """Size and training of one of the two models."""

    hidden: PositiveInt  # width of the network
    depth: PositiveInt  # residual blocks
    steps: PositiveInt  # optimiser steps
    batch: PositiveInt  # samples a step
    learning_rate: Annotated[float, Field(gt=0)]  # peak


class Train(Strict):
    """Section `train`."""

    model: Literal["flow"]  # family of both models
    average: Annotated[float, Field(ge=0, lt=1)]  # decay of the moving average of the weights
    whole: Budget
    parts: Budget


def main() -> None:
    """Write data/train."""
    with stage("train") as door:
        settings, run = load(Train, "train"), load(Run, "run")
        set_up(run.threads)
        bank = read_bank(load_modalities(), Path("data/extract"), Path("data/preprocess/samples.csv"))
        fused = load_fused(Path("data/fuse"))
        copies, there = bank.copies.flatten(0, 1), bank.there[bank.rows("train")]
        there = there.repeat_interleave(bank.copies.shape[1], 0)  # (R V, M)
        views = all_views(fused, copies, there)  # (2^M, R V, U)
        modalities, features, unified = len(bank.names), sum(bank.widths), views.shape[-1]

        def whole(stream: Generator) -> tuple[Tensor, Tensor, Tensor]:
            """Representation of the whole (B, U), given the subset's and which it is (B, U + M)."""
            rows = torch.randint(len(copies), (settings.whole.batch,), generator=stream)
            seen = random_subsets(there[rows], nothing=NOTHING, stream=stream)
            target = fused.blur(views[number(there[rows]), rows], stream)
            return target, torch.cat([views[number(seen), rows], seen], -1), torch.ones_like(target)

        def parts(stream: Generator) -> tuple[Tensor, Tensor, Tensor]:
            """What is left open of all features (B, W), given the representation of the whole (B, U)."""
            rows = torch.randint(len(copies), (settings.parts.batch,), generator=stream)
            given = fused.blur(views[number(there[rows]), rows], stream)
            return fused.residual(copies[rows], given), given, bank.columns(there[rows]).float()

        cards: dict[str, Any] = {"family": settings.model}
        for name, batch, width, condition in (
            ("whole", whole, unified, unified + modalities),
            ("parts", parts, features, unified),
        ):
            budget = getattr(settings, name)
            shape = {"width": width, "condition": condition, "hidden": budget.hidden, "depth": budget.depth}
            model = FAMILIES[settings.model](**shape)
            initialise(model, stream(run.seed, f"train/{name}/weights"))
            curve = optimise(
                model, lambda stream, model=model, batch=batch: model.losses(*batch(stream), stream),
                steps=budget.steps, learning_rate=budget.learning_rate, average=settings.average,
                seed=run.seed, name=f"train/{name}", state=door.state,
            )  # fmt: skip
            save_file(model.state_dict(), door.out / f"{name}.safetensors")
            write_table(door.out / f"{name}.curve.csv", curve)
            cards[name] = shape
        write_json(door.out / "generator.json", cards)


def all_views(fused: Fused, features: Tensor, there: Tensor) -> Tensor:
    """The representation of every sample under every subset, by `number`: (2^M, N, U)."""
    subsets = list(product((False, True), repeat=there.shape[1]))
    with torch.no_grad():
        views = [fused.represent(features, there & torch.tensor(subset)) for subset in subsets]
    return torch.stack(views)


def number(seen: Tensor) -> Tensor:
    """(B, M) bool -> (B,) the subset's place among `all_views`: the modalities as binary digits."""
    digits = 2 ** torch.arange(seen.shape[1] - 1, -1, -1)
    return (seen * digits).sum(-1)


if __name__ == "__main__":
    main()
