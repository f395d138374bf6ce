"""How the network fusions learn: a subset of the modalities must tell what it can of the others.

Prediction: from the representation of a random subset, predict the features of the modalities outside it. The
subset's own features are left out: to predict them too, the representation would have to hold what is private to a
modality (handwriting, timbre), which no other tells and which the generator then would have to draw in vain.
Contrast: the representation of a subset must pick out, among a batch, that of the same sample's other modalities
(InfoNCE, van den Oord et al. 2018, arXiv:1807.03748; across modalities as in CLIP, Radford et al. 2021,
arXiv:2103.00020). A regression alone loses what few features tell, such as the weight of a stroke.
Under privacy the contrast is left out.
Noise on the representation bounds what it can hold; the generator later models it with that noise.
Axes: B batch, V view, M modality, W features of all modalities, U unified width.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from stages.fusion.dataset import FeatureDataset, Shape, widths_of
from stages.learning.contrastive import info_nce
from stages.learning.curve import Curve
from stages.learning.data_parallel import data_parallel
from stages.learning.masks import random_halves
from stages.learning.networks import Perceptron, initialise
from stages.learning.privacy import Privacy, Private
from stages.learning.training import Training, add_noise, optimise, stream
from stages.learning.validation import FEWEST, mean_loss

PREDICTION, CONTRAST = 0.3, 0.7  # weights of the two losses
EMA_DECAY = 0.99  # decay of the moving average of the weights


class NetworkFusion(nn.Module, ABC):
    """Features of any subset of modalities -> one unified representation, mean 0 and variance 1 over U.

    Features come with variance 1 each; a network sees them in the size that they have in the item, because what hardly
    shows in an item tells little about others.
    """

    scale: Tensor  # (W,)

    def __init__(self, shapes: list[Shape], unified: int) -> None:
        super().__init__()
        self.widths, self.unified = widths_of(shapes), unified
        self.register_buffer("scale", torch.ones(sum(self.widths)))

    @abstractmethod
    def tokenise(self, features: Tensor) -> Tensor:
        """Scaled features (B, W) -> tokens, (B, ...), once for all subsets."""

    @abstractmethod
    def mix(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """Tokens, and which modalities each view sees, (B, V, M) bool -> (B, V, U)."""

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features and (B, M) bool -> (B, U)."""
        return self.mix(self.tokenise(features * self.scale), seen[:, None])[:, 0]


class Learning(Training):
    """What all network fusions learn by."""

    unified_width: PositiveInt  # U, width of the representation
    noise: Annotated[float, Field(ge=0)]  # standard deviation of the noise on it, whose own is 1
    feature_noise: Annotated[float, Field(ge=0)]  # of the noise on the features in training
    hidden: PositiveInt  # width of the network that predicts features in training
    privacy: Privacy | None = None  # what the fusion may tell of the data; null: it is not private


def fit_by_prediction(
    fusion: NetworkFusion, dataset: FeatureDataset, settings: Learning, *,
    seed: int, state: Path, private: Private | None = None,
) -> Curve:  # fmt: skip
    """Train `fusion` in place; returns the loss curve."""
    predict = Perceptron(settings.unified_width, sum(dataset.widths), width=settings.hidden, depth=1)
    compare = nn.Linear(settings.unified_width, settings.unified_width)
    networks = nn.ModuleList([fusion, predict, compare])
    initialise(networks, stream(seed, "fuse/weights"))
    fusion.scale.copy_(dataset.scale)
    scale, held = dataset.scale, dataset.held_out()

    def losses(features: Tensor, there: Tensor, target: Tensor, stream: Generator) -> dict[str, Tensor]:
        """Of (B, W) features of which (B, M) are there, and what they should tell, (B, W)."""
        tokens = data_parallel(fusion.tokenise, add_noise(features * scale, settings.feature_noise, stream))
        some = random_halves(there, stream)
        rest = there & ~some
        seen = torch.stack([some, rest, there], 1)  # (B, V, M)
        views = add_noise(data_parallel(fusion.mix, tokens, seen), settings.noise, stream)  # (B, V, U)
        asked = dataset.columns(rest)  # (B, W)
        error = (data_parallel(predict, views[:, 0]).float() - target) ** 2 * asked
        prediction = error.sum() / asked.sum().clamp(min=1)
        if private:  # a contrast would compare one sample with others
            return {"prediction": prediction}
        left, right, everything = normalize(data_parallel(compare, views).float(), dim=-1).unbind(1)  # (B, U) each
        return {
            "prediction": PREDICTION * prediction,
            "contrast": CONTRAST * (info_nce(left, right, rest.any(1)) + info_nce(everything, right, rest.any(1))) / 2,
        }

    known, targets = dataset.train_available, dataset.targets * scale

    def loss(stream: Generator, rows: Tensor | None = None) -> dict[str, Tensor]:
        rows, features = dataset.draw(settings.batch, stream, rows)  # (B,), (B, W)
        return losses(features, known[rows], targets[rows], stream)

    def held_loss(stream: Generator) -> dict[str, Tensor]:
        rows = torch.rand(len(held.clean), generator=stream, device=stream.device).argsort()[: settings.batch]
        return losses(held.clean[rows], held.available[rows], held.clean[rows] * scale, stream)

    batch, score = min(settings.batch, len(held.clean)), None
    if batch >= FEWEST:
        score = mean_loss(held_loss, batch, seed=seed, name="fuse")
    return optimise(
        networks, loss, settings, ema_decay=EMA_DECAY, seed=seed, name="fuse", state=state, score=score, choose=False,
        private=private,
    )  # fmt: skip
