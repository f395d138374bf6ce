"""The laws that every fusion keeps, whatever its method."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from stages.common.modality_subsets import proper_subsets
from stages.common.params import read_yaml
from stages.fusion import none
from stages.fusion.dataset import Shape, widths_of
from stages.fusion.trained_fusion import FUSIONS
from stages.learning.masks import mask
from stages.learning.networks import initialise
from stages.learning.training import stream
from tests.clones import ROOT

NAMES, UNIFIED = ("image", "text", "audio"), 6
SHAPES: list[Shape] = [(3,), (2, 3), (4,)]  # captions are tokens
WIDTHS = widths_of(SHAPES)
SUBSETS = [*proper_subsets(NAMES), NAMES]
SETTINGS: dict[str, Any] = read_yaml(ROOT / "tests/tiny.yaml")["fuse"]


@pytest.fixture(scope="module", params=FUSIONS)
def fusion(request: pytest.FixtureRequest) -> nn.Module:
    """Each method with weights from a stream."""
    method = FUSIONS[request.param]
    model: nn.Module = method.build(SHAPES, UNIFIED, method.Settings(**SETTINGS[request.param]))
    initialise(model, stream(1, "weights"))
    for name, values in [*model.named_parameters(), *model.named_buffers()]:
        if values.is_floating_point() and not values.any():  # what is 0 until it is trained
            nn.init.normal_(values, generator=stream(1, name))
    return model.requires_grad_(False)


def features(seed: int, batch: int = 7) -> Tensor:
    return torch.randn(batch, sum(WIDTHS), generator=stream(seed, "features"))


@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
@given(size=st.sampled_from([0.0, 1.0, 1e6, float("inf"), float("nan")]))
def test_what_is_missing_cannot_change_the_result(subset: tuple[str, ...], fusion: nn.Module, size: float) -> None:
    seen = mask(subset, NAMES, 7)
    known = seen.repeat_interleave(torch.tensor(WIDTHS), -1)
    other = torch.where(known, features(1), size * features(2))
    assert torch.equal(fusion(features(1), seen), fusion(other, seen))


@pytest.mark.parametrize("subset", SUBSETS[1:], ids="+".join)
def test_what_is_seen_is_read(subset: tuple[str, ...], fusion: nn.Module) -> None:
    if isinstance(fusion, none.Fusion):
        assert fusion(features(1), mask(subset, NAMES, 7)).shape == (7, 0)
        return
    for name in subset:
        other = features(1)
        other.split(WIDTHS, -1)[NAMES.index(name)].add_(1.0)
        other.split(WIDTHS, -1)[NAMES.index(name)].mul_(torch.linspace(0.5, 2, WIDTHS[NAMES.index(name)]))
        seen = mask(subset, NAMES, 7)
        assert not torch.equal(fusion(features(1), seen), fusion(other, seen)), name


@pytest.mark.parametrize("size", [0.0, 1.0])
def test_subsets_tell_apart(fusion: nn.Module, size: float) -> None:
    """Even where all that is seen is 0, as what is missing may be."""
    if isinstance(fusion, none.Fusion):
        return
    unified = torch.stack([fusion(size * features(1), mask(subset, NAMES, 7)) for subset in SUBSETS])
    distance = (unified[:, None] - unified[None]).abs().amax((2, 3)) + torch.eye(len(SUBSETS))
    assert distance.min() > 1e-3


def test_nothing_seen_is_one_representation_for_all(fusion: nn.Module) -> None:
    unified = fusion(features(1), mask((), NAMES, 7))
    assert torch.equal(unified, unified[:1].expand(7, -1))


def test_samples_do_not_see_each_other_and_may_differ_in_subset(fusion: nn.Module) -> None:
    seen = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])
    together = fusion(features(1, 3), seen)
    for row in range(3):
        alone = fusion(features(1, 3)[row : row + 1], seen[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(fusion(features(1, 3)[order], seen[order]), together[order], atol=1e-5, rtol=1e-5)
