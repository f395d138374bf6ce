"""What the generator learns from: whole samples as they are, given what is observed of a changed copy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.common.params import read_yaml
from stages.fusion.dataset import FeatureDataset, Shape, widths_of
from stages.fusion.trained_fusion import TrainedFusion
from stages.generation.pairs import Pairs, decoder_pairs, prior_pairs, views_of_all_subsets
from stages.generation.train import Job, Train, check_spread, fit
from stages.learning.masks import subset_number
from stages.learning.training import stream
from tests.clones import ROOT

NAMES, SAMPLES, VARIANTS = ("image", "text"), 40, 3
SHAPES: list[Shape] = [(2,), (3, 1)]
WIDTHS = widths_of(SHAPES)


class Visible(torch.nn.Module):
    """A fusion that one can look through: its representation is the observed features themselves, zero elsewhere."""

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        return features * seen.repeat_interleave(torch.tensor(WIDTHS), -1)


@pytest.fixture
def dataset() -> FeatureDataset:
    """Every feature is the sample's number, 0.5 more in copies; every third sample lacks its text."""
    there = torch.ones(SAMPLES, 2, dtype=torch.bool)
    there[::3, 1] = False
    clean = torch.arange(SAMPLES)[:, None].expand(-1, 5) + 1.0
    copies = (clean + 0.5)[:, None].expand(-1, VARIANTS, -1)
    return FeatureDataset(NAMES, SHAPES, clean, there, np.full(SAMPLES, "train"), copies, torch.ones(5))


FUSED = TrainedFusion(Visible(), width=8, noise=0.0)


def test_the_whole_is_asked_for_as_it_is_given_part_of_a_copy(dataset: FeatureDataset) -> None:
    target, condition = prior_pairs(dataset, FUSED, 0.0)(500, stream(1, "test"))
    view, seen = condition.split([5, 2], -1)
    sample = target[:, 0].long() - 1
    there = dataset.available[sample]
    assert torch.equal(target, FUSED(dataset.clean[sample], there)), "the whole of one sample, as it is"
    assert torch.equal(view, FUSED(dataset.clean[sample] + 0.5, seen.bool())), "the same sample, changed, in part"
    assert not (seen.bool() & ~there).any()
    complete = there.all(1)
    assert not seen[complete].all(1).any()
    assert {tuple(row) for row in seen[complete].tolist()} == {(0, 0), (1, 0), (0, 1)}


def test_a_modality_is_learned_from_samples_that_have_it(dataset: FeatureDataset) -> None:
    for place, name in enumerate(NAMES):
        target, condition = decoder_pairs(dataset, FUSED, name, 0.0)(500, stream(1, "test"))
        sample = target[:, 0].long() - 1
        assert target.shape == (500, WIDTHS[place])
        assert dataset.available[sample, place].all()
        assert torch.equal(condition, FUSED(dataset.clean[sample], dataset.available[sample]))
    assert {int(row) for row in sample} == {int(row) for row in dataset.available[:, 1].nonzero()[:, 0]}


def test_the_noise_of_the_fusion_lies_on_what_is_asked_for(dataset: FeatureDataset) -> None:
    fused = TrainedFusion(Visible(), width=8, noise=0.25)
    target, _ = prior_pairs(dataset, fused, 0.0)(4000, stream(1, "test"))
    assert (target[:, 0] - target[:, 0].round()).std() == pytest.approx(0.25, rel=0.15)


def test_noise_lies_on_what_is_given_and_leaves_alone_what_was_asked_and_which_it_is(dataset: FeatureDataset) -> None:
    (clean, exact), (target, condition) = (
        prior_pairs(dataset, FUSED, noise)(4000, stream(1, "test")) for noise in (0.0, 0.4)
    )
    assert (condition - exact)[:, :5].std() == pytest.approx(0.4, rel=0.05)
    assert torch.equal(condition[:, 5:], exact[:, 5:])
    assert torch.equal(target, clean)


def test_noise_lies_on_the_representation_that_a_decoder_is_given(dataset: FeatureDataset) -> None:
    (clean, exact), (target, condition) = (
        decoder_pairs(dataset, FUSED, "image", noise)(4000, stream(1, "test")) for noise in (0.0, 0.4)
    )
    assert (condition - exact).std() == pytest.approx(0.4, rel=0.05)
    assert torch.equal(target, clean)


def test_a_subset_is_numbered_as_its_view() -> None:
    seen = torch.tensor([[False, False], [False, True], [True, False], [True, True]])
    assert subset_number(seen).tolist() == [0, 1, 2, 3]
    features = torch.ones(1, 5)
    views = views_of_all_subsets(FUSED, features, torch.ones(1, 2, dtype=torch.bool))
    assert torch.equal(views, FUSED(features.expand(4, -1), seen))


class Same(torch.nn.Module):
    """A model that always draws the same, with a little noise."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size, self.latent_width = size, 5

    def sample(self, condition: Tensor, noise: Tensor, *, steps: int) -> Tensor:
        return 1 + self.size * noise


@pytest.mark.parametrize("size", [0.0, 0.1, float("nan")])
def test_a_collapsed_training_is_refused_with_the_section_to_change(size: float) -> None:
    target = torch.randn(300, 5, generator=stream(1, "target"))
    check_spread(Same(0.5), target, torch.zeros(300, 1), "train.gan", "prior")  # type: ignore[arg-type]  # a stand-in
    with pytest.raises(ValueError, match=r"'prior': .* collapsed; .* train\.gan") as told:
        check_spread(Same(size), target, torch.zeros(300, 1), "train.gan", "prior")  # type: ignore[arg-type]
    assert "\n" not in str(told.value)


def learned(state: Path, *, learning_rate: float | None, hold: float = 0.0, steps: int = 1) -> Tensor:
    """The weights of a small GAN after `steps` steps; the budget's learning rate is 0.1, its own may be another."""
    section = read_yaml(ROOT / "params.yaml")["train"] | {"model": "gan", "hold": hold}
    section["gan"] |= {"learning_rate": learning_rate}
    section["decoders"] |= {"hidden": 8, "depth": 1, "steps": steps, "batch": 4, "learning_rate": 0.1}
    settings = Train.model_validate(section)
    targets, given = torch.randn(512, 3, generator=stream(1, "x")), torch.zeros(512, 1)
    job = Job(Pairs(512, 1, lambda rows, _: (targets[: len(rows)], given[: len(rows)])), settings.decoders)
    model, *_ = fit("text", job, settings, 1, state)
    return torch.cat([weight.flatten() for weight in model.parameters()])


def test_a_family_that_has_a_learning_rate_of_its_own_learns_at_it(tmp_path: Path) -> None:
    """One step with no learning rate to speak of leaves the weights as they were drawn."""
    still, moved, own = (learned(tmp_path / str(rate), learning_rate=rate) for rate in (1e-9, None, 0.1))
    assert torch.equal(moved, own)
    assert (moved - still).abs().max() > 1e-4


def test_a_learning_rate_that_is_held_teaches_more(tmp_path: Path) -> None:
    drawn = learned(tmp_path / "drawn", learning_rate=1e-9)
    fell, held = (
        (learned(tmp_path / str(hold), learning_rate=0.001, hold=hold, steps=20) - drawn).norm() for hold in (0.0, 0.7)
    )
    assert held > 1.2 * fell
