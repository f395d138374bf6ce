"""What prior and decoders learn from: pairs of a target and what it is given.

The subset's representation comes from augmented copies, so that it is recognised in other forms too; what is drawn
comes from the samples as they are. The representation is modelled with the noise under which the fusion learned it,
and what a model is given has noise as well (conditioning augmentation, Ho et al. 2022, arXiv:2106.15282, section 4):
without, the prior learns by heart which digit each caption belongs to, even where the caption does not say it, and a
decoder which picture each representation belongs to.
Axes: B batch, R train samples, V copies of each, M modality, U unified width, D width of a target, C of its condition.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Generator, Tensor

from stages.fusion.dataset import FeatureDataset
from stages.fusion.trained_fusion import TrainedFusion
from stages.learning.device import take_rows, to_device
from stages.learning.masks import random_subsets, subset_number
from stages.learning.training import add_noise

NOTHING = 0.35  # chance that a training item observes nothing
CHUNK = 8192  # samples that are fused together
KEPT = 2**28  # numbers of all samples' representations under all subsets that are kept: 1 GiB; else fused step by step


@dataclass(frozen=True)
class Pairs:
    """Targets (B, D) and conditions (B, C) of `count` rows, so many a sample that stand next to each other."""

    count: int
    copies: int
    of: Callable[[Tensor, Generator], tuple[Tensor, Tensor]]  # rows (B,)

    def __call__(self, batch: int, stream: Generator, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Those of a random batch of rows, or of rows that are given."""
        if rows is None:
            rows = torch.randint(self.count, (batch,), generator=stream, device=stream.device)
        return self.of(rows, stream)


def prior_pairs(dataset: FeatureDataset, fused: TrainedFusion, noise: float) -> Pairs:
    """Representation of the whole (B, U), given that of a random subset and which it is (B, U + M)."""
    there, variants = dataset.train_available, dataset.augmented.shape[1]
    count, features = len(there) * variants, dataset.augmented.flatten(0, 1)
    known = there.repeat_interleave(variants, 0)  # (R V, M)
    views = None
    if 2 ** there.shape[1] * count * fused.width <= KEPT:
        views = views_of_all_subsets(fused, features, known)  # (2^M x R V, U)
    wholes = fused(dataset.targets, there)  # (R, U)

    def pair(copies: Tensor, stream: Generator) -> tuple[Tensor, Tensor]:
        samples = copies // variants
        seen = random_subsets(there[samples], nothing=NOTHING, stream=stream)
        if views is None:
            view = fused(take_rows(features, copies), seen)
        else:
            view = take_rows(views, subset_number(seen) * count + copies)
        view = add_noise(view, noise, stream)  # (B, U)
        return fused.noised(wholes[samples], stream), torch.cat([view, seen], -1)

    return Pairs(count, variants, pair)


def decoder_pairs(dataset: FeatureDataset, fused: TrainedFusion, name: str, noise: float) -> Pairs:
    """Features of one modality (B, D), given the representation of the whole (B, U), of samples that have it."""
    place = dataset.names.index(name)
    having = dataset.train_available[:, place].nonzero()[:, 0]
    features = dataset.targets.split(dataset.widths, -1)[place][having]  # (R', D)
    wholes = fused(dataset.targets[having], dataset.train_available[having])  # (R', U)

    def pair(samples: Tensor, stream: Generator) -> tuple[Tensor, Tensor]:
        return features[samples], add_noise(fused.noised(wholes[samples], stream), noise, stream)

    return Pairs(len(having), 1, pair)


def views_of_all_subsets(fused: TrainedFusion, features: Tensor, there: Tensor) -> Tensor:
    """The representation of every sample under every subset, by `number`: (2^M x N, U)."""
    views = []
    for subset in product((False, True), repeat=there.shape[1]):
        seen = there & torch.tensor(subset, device=there.device)
        parts = zip(features.split(CHUNK), seen.split(CHUNK), strict=True)
        views += [fused(part.to(there.device), some).to(features.device) for part, some in parts]
    return to_device(torch.cat(views))
