"""The judge of data without labels: which items belong together?

A tower a modality embeds items on one sphere. A real sample's items are to lie nearer to each other than to those of
the other samples of a batch, for every pair of modalities (InfoNCE, van den Oord et al. 2018, arXiv:1807.03748; across
modalities as in CLIP, Radford et al. 2021, arXiv:2103.00020); and so are two moved views of one item (SimCLR, Chen et
al. 2020, arXiv:2002.05709), which teaches features where there is one modality alone, and what is private to each.
Axes: N or B items, E judge features, S dimensions of the sphere's space.
"""

from collections.abc import Mapping
from functools import partial
from itertools import combinations
from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from stages.common.modality import tensor_of
from stages.evaluation.judges.backbones import BACKBONES, WIDTH
from stages.evaluation.judges.inputs import AUGMENTATIONS, INPUTS, augmented, input_size
from stages.learning.budget import sized
from stages.learning.contrastive import info_nce
from stages.learning.curve import Curve
from stages.learning.data_parallel import data_parallel
from stages.learning.device import device, take_rows, to_device
from stages.learning.networks import initialise
from stages.learning.training import Training, optimise, stream

SPACE = 32  # S
EMA_DECAY = 0.99  # decay of the moving average of the weights


class Matcher(nn.Module):
    """Items of each modality, as `inputs` gives them -> (B, E) features -> (B, S) unit vectors."""

    def __init__(self, network: str, inputs: Mapping[str, int]) -> None:
        super().__init__()
        self.card = {"network": network, "inputs": dict(inputs)}
        self.trunks = nn.ModuleDict(
            {name: BACKBONES[network][tensor_of(name)](count) for name, count in inputs.items()}
        )
        self.heads = nn.ModuleDict({name: nn.Linear(WIDTH, SPACE) for name in inputs})

    def features(self, name: str, x: Tensor) -> Tensor:
        features: Tensor = self.trunks[name](x)
        return features

    def embed(self, name: str, features: Tensor) -> Tensor:
        return normalize(self.heads[name](features).float(), dim=-1)

    def forward(self, name: str, x: Tensor) -> Tensor:
        return self.embed(name, self.features(name, x))


def train_matcher(
    network: str,
    items: Mapping[str, Tensor],
    there: Mapping[str, Tensor],
    training: Training,
    *,
    seed: int,
    state: Path,
) -> tuple[Matcher, Curve]:
    """The matcher and its loss curve, from (N, ...) clean items of each modality; `there` (N,) says which exist."""
    matcher = Matcher(network, {name: input_size(name, part) for name, part in items.items()})
    initialise(matcher, stream(seed, "judge/matcher/weights"))
    count = len(next(iter(items.values())))
    items = {name: to_device(part) for name, part in items.items()}
    there = {name: mask.to(device()) for name, mask in there.items()}
    training = sized(training, count)

    def loss(stream: Generator) -> dict[str, Tensor]:
        order = torch.rand(count, generator=stream, device=stream.device).argsort()
        drawn = order[: training.batch]  # an item twice would be its own rival
        known = {name: mask[drawn] for name, mask in there.items()}  # what is not there is blank, and left out below
        views, parts = {}, {}
        for name, part in items.items():
            tower = partial(matcher, name)
            seen = INPUTS[tensor_of(name)](take_rows(part, drawn))
            views[name] = data_parallel(tower, augmented(name, seen, stream))  # (B, S)
            again = data_parallel(tower, AUGMENTATIONS[tensor_of(name)](seen, stream))
            parts[name] = info_nce(views[name], again, known[name])
        for one, other in combinations(items, 2):
            parts[f"{one}_{other}"] = info_nce(views[one], views[other], known[one] & known[other])
        return parts

    return matcher, optimise(matcher, loss, training, ema_decay=EMA_DECAY, seed=seed, name="judge/matcher", state=state)
