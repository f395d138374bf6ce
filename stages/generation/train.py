"""Layer 4, first stage: the generator, one family of density models used twice.

`whole`: the unified representation of the whole sample given that of an observed subset, the empty one included.
Then, for each modality, its features given one representation of the whole sample.
One drawn representation is shared by all outputs, so they agree; what is private to one varies in the second step.
The subset's representation comes from augmented copies, so that it is recognised in other forms too; what is drawn
comes from the samples as they are. The representation is modelled with the noise under which the fusion learned it,
and it is given with noise as well (conditioning augmentation, Ho et al. 2022, arXiv:2106.15282, section 4): without,
`whole` learns by heart which digit each caption belongs to, even where the caption does not say it.
Writes below data/train: `whole` and a model a modality, their card and their loss curves.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import torch
from pydantic import Field, PositiveInt
from safetensors.torch import load_file
from torch import Generator, Tensor

from stages.common.cards import last, origin
from stages.common.files import read_json, write_json, write_table
from stages.common.learning import Training, noisy, optimise, set_up, stream
from stages.common.networks import initialise, write_weights
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.processes import alone, training_stage
from stages.common.side_by_side import side_by_side
from stages.common.sizing import sized
from stages.common.subsets import number, random_subsets
from stages.common.together import device, near, rows
from stages.features.bank import Bank, feature_files, read_bank
from stages.fusion.fuse import Fused, load_fused
from stages.generation import flow, gan, vae
from stages.generation.convolution import Grid, check_grid
from stages.generation.families import FAMILIES, Density

NOTHING = 0.35  # chance that a training item observes nothing
CHECKED = 512  # samples that are drawn after training
PIECE = 8192  # samples that are fused together
COLLAPSED = 0.05  # share of the data's variance below which a model is of no use

Pairs = Callable[[int, Generator], tuple[Tensor, Tensor]]  # a random batch of targets (B, D) and conditions (B, C)


class Budget(Training):
    """Size and training of a model."""

    hidden: PositiveInt  # width of the network
    depth: PositiveInt  # residual blocks


class PartBudget(Budget):
    """Of a modality's model. Convolutional, `hidden` counts channels and `depth` doublings of the grid."""

    network: Literal["perceptron", "convolution"]  # convolution where the features are pixels


class Train(Strict):
    """Section `train`."""

    model: Literal["gan", "vae", "flow"]  # family of all models
    average: Annotated[float, Field(ge=0, lt=1)]  # decay of the moving average of the weights
    hold: Annotated[float, Field(ge=0, lt=1)]  # share of the steps before the learning rate falls
    condition_noise: Annotated[float, Field(ge=0)]  # standard deviation of that on the observed side, in training
    whole: Budget
    parts: PartBudget  # of each modality's model
    gan: gan.Settings
    vae: vae.Settings
    flow: flow.Settings

    @property
    def own(self) -> dict[str, Any]:
        """The settings of the family that was chosen."""
        return dict(getattr(self, self.model).model_dump())


def main() -> None:
    """Write data/train."""
    with training_stage("train") as door:
        settings, run = load(Train, "train"), load(Run, "run")
        set_up(run.threads)
        bank = read_bank(load_modalities(), Path("data/extract"), Path("data/preprocess/samples.csv"))
        fused = load_fused(Path("data/fuse"))
        cards: dict[str, Any] = {}
        jobs: dict[str, tuple[Pairs, Budget, Grid | None]] = {}
        if fused.width:
            jobs["whole"] = (
                whole_pairs(bank, fused, settings.condition_noise),
                sized(settings.whole, len(bank.known)),
                None,
            )
        for name in bank.names:
            parts = sized(settings.parts, int(bank.known[:, bank.names.index(name)].sum()))
            jobs[name] = (part_pairs(bank, fused, name), parts, grid(settings, name))
        works = {name: partial(fit, name, *job, settings, run.seed, door.state) for name, job in jobs.items()}
        fitted = side_by_side(works, run.threads)
        alone()
        for name, (model, shape, curve) in fitted.items():
            write_weights(door.out / f"{name}.safetensors", model)
            write_table(door.out / f"{name}.curve.csv", curve)
            cards[name] = shape
        inputs = [Path("data/preprocess/samples.csv"), Path("data/fuse/fusion.safetensors")]
        inputs += feature_files(bank.names, Path("data/extract"))
        card = {"family": settings.model, "settings": settings.own, "models": cards}
        card["origin"] = origin(settings, run, inputs, {"losses": {name: last(fit[2]) for name, fit in fitted.items()}})
        write_json(door.out / "generator.json", card)


def grid(settings: Train, name: str) -> Grid | None:
    """The shape of the pixels that a convolutional model of the modality `name` makes, None for a perceptron."""
    card = read_json(Path("data/extract") / name / "codec.json")
    if settings.parts.network == "perceptron" or card["codec"] != "pixels":
        return None
    rows, columns, *channels = card["shape"]
    shape = (rows, columns, channels[0] if channels else 1)
    check_grid(shape, settings.parts.depth, name)
    return shape


def whole_pairs(bank: Bank, fused: Fused, noise: float) -> Pairs:
    """Representation of the whole (B, U), given that of a random subset and which it is (B, U + M)."""
    there, variants = bank.known, bank.copies.shape[1]
    views = all_views(fused, bank.copies.flatten(0, 1), there.repeat_interleave(variants, 0))  # (2^M x R V, U)
    count = len(there) * variants
    wholes = fused(bank.targets, there)  # (R, U)

    def draw(batch: int, stream: Generator) -> tuple[Tensor, Tensor]:
        copies = torch.randint(count, (batch,), generator=stream, device=stream.device)
        samples = copies // variants
        seen = random_subsets(there[samples], nothing=NOTHING, stream=stream)
        view = noisy(rows(views, number(seen) * count + copies), noise, stream)  # (B, U)
        return fused.blur(wholes[samples], stream), torch.cat([view, seen], -1)

    return draw


def part_pairs(bank: Bank, fused: Fused, name: str) -> Pairs:
    """Features of one modality (B, D), given the representation of the whole (B, U), of samples that have it."""
    place = bank.names.index(name)
    having = bank.known[:, place].nonzero()[:, 0]
    features = bank.targets.split(bank.widths, -1)[place][having]  # (R', D)
    wholes = fused(bank.targets[having], bank.known[having])  # (R', U)

    def draw(batch: int, stream: Generator) -> tuple[Tensor, Tensor]:
        samples = torch.randint(len(having), (batch,), generator=stream, device=stream.device)
        return features[samples], fused.blur(wholes[samples], stream)

    return draw


def fit(
    name: str, pairs: Pairs, budget: Budget, grid: Grid | None, settings: Train, seed: int, state: Path
) -> tuple[Density, dict[str, Any], pd.DataFrame]:
    """A model of the density that `pairs` come from, its shape and its loss curve."""
    target, condition = pairs(1, stream(seed, f"train/{name}/shape"))
    shape = {"width": target.shape[1], "condition": condition.shape[1], "grid": grid}
    shape |= {"hidden": budget.hidden, "depth": budget.depth}
    model = build(settings.model, shape, settings.own)
    initialise(model, stream(seed, f"train/{name}/weights"))

    def loss(stream: Generator) -> dict[str, Tensor]:
        return model.losses(*pairs(budget.batch, stream), stream)

    if model.learning_rate is not None:
        budget = budget.model_copy(update={"learning_rate": model.learning_rate})
    curve = optimise(
        model, loss, budget, average=settings.average, hold=settings.hold, betas=model.betas,
        seed=seed, name=f"train/{name}", state=state,
    )  # fmt: skip
    check_spread(model, *pairs(CHECKED, stream(seed, f"train/{name}/check")), f"train.{settings.model}", name)
    return model, shape, curve


def check_spread(model: Density, target: Tensor, condition: Tensor, section: str, name: str) -> None:
    """Raises ValueError when samples of `model` hardly differ though the data do: a collapsed training."""
    chance = stream(0, "train/check")
    noise = torch.randn(len(target), model.noise, generator=chance, device=chance.device)
    made = model.sample(condition, noise, steps=10)
    share = (made.var(0).sum() / target.var(0).sum()).item()
    if not share > COLLAPSED:
        raise ValueError(
            f"'{name}': expected samples that differ as the data do, got {share:.1%} of their variance: the training "
            f"collapsed; change the settings in {section} (of a gan: raise penalty or noise) or lower learning_rate"
        )


def build(family: str, shape: dict[str, Any], settings: dict[str, Any]) -> Density:
    """An untrained model."""
    model, own = FAMILIES[family]
    return model(**shape, settings=own(**settings))


def all_views(fused: Fused, features: Tensor, there: Tensor) -> Tensor:
    """The representation of every sample under every subset, by `number`: (2^M x N, U)."""
    views = []
    for subset in product((False, True), repeat=there.shape[1]):
        seen = there & torch.tensor(subset, device=there.device)
        parts = zip(features.split(PIECE), seen.split(PIECE), strict=True)
        views += [fused(part.to(there.device), some).to(features.device) for part, some in parts]
    return near(torch.cat(views))


def load_generator(folder: Path, names: Sequence[str]) -> tuple[Density | None, list[Density]]:
    """The trained models that this stage kept in `folder`: `whole`, and one for each of the modalities `names`;
    on the device.

    Without a fusion there is no `whole`.
    """
    card = read_json(folder / "generator.json")

    def read(name: str) -> Density:
        model = build(card["family"], card["models"][name], card["settings"])
        model.load_state_dict(load_file(folder / f"{name}.safetensors"))
        return model.to(device()).eval().requires_grad_(False)

    return read("whole") if "whole" in card["models"] else None, [read(name) for name in names]


if __name__ == "__main__":
    main()
