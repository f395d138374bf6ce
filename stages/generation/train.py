"""Layer 4, first stage: the generator, one family of density models used twice, as prior and as decoders.

`prior`: the unified representation of the whole sample given that of an observed subset, the empty one included.
`decoders`, one a modality: its features given one representation of the whole sample.
One drawn representation is shared by all outputs, so they agree; what is private to one varies in the decoders.
Source of the two steps and their names: unCLIP, Ramesh et al. 2022, arXiv:2204.06125, section 2.
Under privacy a pair is drawn from one unit of the data, and the models keep to their bound together.
Writes below data/train: `prior` and a decoder a modality, their card and their loss curves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, PositiveInt
from torch import Generator, Tensor

from stages.common.files import read_json, write_json, write_table
from stages.common.params import Run, Strict, load, load_modalities
from stages.fusion.dataset import FeatureDataset, feature_files, read_features
from stages.fusion.trained_fusion import TrainedFusion, load_fusion
from stages.generation.models import flow, gan, vae
from stages.generation.models.convolution import Grid, check_grid
from stages.generation.models.families import Density
from stages.generation.models.trained_generator import build
from stages.generation.pairs import Pairs, decoder_pairs, prior_pairs
from stages.learning.budget import sized
from stages.learning.concurrent import in_threads
from stages.learning.curve import Curve
from stages.learning.distributed import others_leave, training_stage
from stages.learning.model_cards import origin
from stages.learning.networks import initialise, write_weights
from stages.learning.privacy import Plan, Privacy, Private, Work, plan, told, total, units_of
from stages.learning.training import Training, optimise, set_up, stream
from stages.learning.validation import FEWEST, mean_loss

SAMPLES = Path("data/preprocess/samples.csv")
PRIOR = "prior"  # its name, among those of the modalities
CHECKED = 512  # samples that are drawn after training
COLLAPSED = 0.05  # share of the data's variance below which a model is of no use


class Budget(Training):
    """Size and training of a model."""

    hidden: PositiveInt  # width of the network
    depth: PositiveInt  # residual blocks
    condition_noise: Annotated[float, Field(ge=0)]  # standard deviation of the noise on what it is given, in training


class DecoderBudget(Budget):
    """Of a modality's decoder. Convolutional, `hidden` counts channels and `depth` doublings of the grid."""

    network: Literal["perceptron", "convolution"]  # convolution where the features are pixels


class Train(Strict):
    """Section `train`."""

    model: Literal["gan", "vae", "flow"]  # family of all models
    ema_decay: Annotated[float, Field(ge=0, lt=1)]  # decay of the moving average of the weights
    hold: Annotated[float, Field(ge=0, lt=1)]  # share of the steps before the learning rate falls
    prior: Budget
    decoders: DecoderBudget  # of each modality's decoder
    privacy: Privacy | None = None  # what all of them may tell of the data; null: they are not private
    gan: gan.Settings
    vae: vae.Settings
    flow: flow.Settings

    @property
    def own(self) -> dict[str, Any]:
        """The settings of the family that was chosen."""
        return dict(getattr(self, self.model).model_dump())


@dataclass(frozen=True)
class Job:
    """What a model learns from, and its size."""

    pairs: Pairs
    budget: Budget
    held: Pairs | None = None  # of the validation split, whose loss is watched
    grid: Grid | None = None  # of the pixels that a convolutional decoder makes
    scale: Tensor | None = None  # (D,), the size that each feature has in the item
    private: Private | None = None


def main() -> None:
    """Write data/train."""
    with training_stage("train") as context:
        settings, run = load(Train, "train"), load(Run, "run")
        set_up(run.threads)
        dataset = read_features(load_modalities(), Path("data/extract"), SAMPLES)
        fused = load_fusion(Path("data/fuse"))
        jobs = jobs_of(dataset, fused, settings, dataset.held_out())
        private = privately(settings, jobs, run.seed)
        if private:
            jobs = {
                name: replace(job, private=model)
                for (name, job), model in zip(jobs.items(), private.models, strict=True)
            }
        works = {name: partial(fit, name, job, settings, run.seed, context.state) for name, job in jobs.items()}
        trained = in_threads(works, run.threads)
        others_leave()
        for name, (model, _, curve) in trained.items():
            write_weights(context.out / f"{name}.safetensors", model)
            write_table(context.out / f"{name}.curve.csv", curve.table())
        inputs = [SAMPLES, Path("data/fuse/fusion.safetensors")]
        inputs += feature_files(dataset.names, Path("data/extract"))
        losses = {name: curve.last() for name, (_, _, curve) in trained.items()}
        card: dict[str, Any] = {"family": settings.model, "settings": settings.own}
        card["models"] = {name: shape for name, (_, shape, _) in trained.items()}
        card["privacy"] = own = told(private)
        if own:
            cards = [Path("data/fuse/fusion.json")]
            cards += [Path("data/extract") / name / "codec.json" for name in dataset.names]
            own["total"] = total([own, *(read_json(card)["privacy"] for card in cards)], own["delta"])
        card["origin"] = origin(settings, run, inputs, {"losses": losses})
        write_json(context.out / "generator.json", card)


def jobs_of(
    dataset: FeatureDataset, fused: TrainedFusion, settings: Train, held: FeatureDataset | None = None
) -> dict[str, Job]:
    """What each model learns from, by its name; from samples `held` out it is watched."""
    jobs: dict[str, Job] = {}
    if fused.width:  # fuse.method is not none
        budget = sized(settings.prior, len(dataset.train_available))
        pairs_of = partial(prior_pairs, fused=fused, noise=budget.condition_noise)
        watched = pairs_of(held) if held and len(held.clean) >= FEWEST else None
        jobs[PRIOR] = Job(pairs_of(dataset), budget, watched)
    for place, name in enumerate(dataset.names):
        budget = sized(settings.decoders, int(dataset.train_available[:, place].sum()))
        pairs_of = partial(decoder_pairs, fused=fused, name=name, noise=budget.condition_noise)
        watched = pairs_of(held) if held and held.available[:, place].sum() >= FEWEST else None
        scale = dataset.scale.split(dataset.widths)[place]
        jobs[name] = Job(pairs_of(dataset), budget, watched, grid(settings, name), scale)
    return jobs


def privately(settings: Train, jobs: Mapping[str, Job], seed: int) -> Plan | None:
    """How all models keep to their bound; None where they have none. Raises ValueError where they can't keep it."""
    if settings.privacy is None:
        return None
    if settings.model == "gan":
        raise ValueError("train.privacy: expected flow or vae, got gan, of which two networks learn; choose another")
    works = []
    for name, job in jobs.items():
        units = units_of(SAMPLES, settings.privacy, "train", None if name == PRIOR else name)
        works.append(Work(np.repeat(units, job.pairs.copies), job.budget.batch, job.budget.steps))
    return plan(settings.privacy, works, seed, "train")


def grid(settings: Train, name: str) -> Grid | None:
    """The shape of the pixels that a convolutional decoder of the modality `name` makes, None for a perceptron."""
    card = read_json(Path("data/extract") / name / "codec.json")
    if settings.decoders.network == "perceptron" or card["codec"] != "pixels":
        return None
    rows, columns, *channels = card["shape"]
    shape = (rows, columns, channels[0] if channels else 1)
    check_grid(shape, settings.decoders.depth, name)
    return shape


def fit(name: str, job: Job, settings: Train, seed: int, state: Path) -> tuple[Density, dict[str, Any], Curve]:
    """A model of the density that the pairs of a job come from, its shape and its loss curve."""
    pairs, budget = job.pairs, job.budget
    target, condition = pairs(1, stream(seed, f"train/{name}/shape"))
    shape = {"width": target.shape[1], "condition": condition.shape[1], "grid": job.grid}
    shape |= {"hidden": budget.hidden, "depth": budget.depth}
    model = build(settings.model, shape, settings.own)
    initialise(model, stream(seed, f"train/{name}/weights"))
    if job.scale is not None and model.weight is not None:
        model.weight.copy_(job.scale / job.scale.mean())  # between all alike and as in the item, whose small ones blur

    def loss(pairs: Pairs, stream: Generator, rows: Tensor | None = None) -> dict[str, Tensor]:
        return model.losses(*pairs(budget.batch, stream, rows), stream)

    score = None
    if job.held is not None and model.comparable:
        score = mean_loss(partial(loss, job.held), budget.batch, seed=seed, name=f"train/{name}")
    if model.learning_rate is not None:
        budget = budget.model_copy(update={"learning_rate": model.learning_rate})
    curve = optimise(
        model, partial(loss, pairs), budget, ema_decay=settings.ema_decay, hold=settings.hold, betas=model.betas,
        seed=seed, name=f"train/{name}", state=state, score=score, choose=False, private=job.private,
    )  # fmt: skip
    check_spread(model, *pairs(CHECKED, stream(seed, f"train/{name}/check")), f"train.{settings.model}", name)
    return model, shape, curve


def check_spread(model: Density, target: Tensor, condition: Tensor, section: str, name: str) -> None:
    """Raises ValueError when samples of `model` hardly differ though the data do: a collapsed training."""
    chance = stream(0, "train/check")
    noise = torch.randn(len(target), model.latent_width, generator=chance, device=chance.device)
    made = model.sample(condition, noise, steps=10)
    share = (made.var(0).sum() / target.var(0).sum()).item()
    if not share > COLLAPSED:
        raise ValueError(
            f"'{name}': expected samples that differ as the data do, got {share:.1%} of their variance: the training "
            f"collapsed; change the settings in {section} (gan: raise gradient_penalty or noise) or lower learning_rate"
        )


if __name__ == "__main__":
    main()
