"""Networks of the judges: what is pooled is found wherever it is, and all of them take items of many sizes."""

import pytest
import torch
from torch import Tensor, nn

from stages.common.modality import GRID, PICTURE, SPECTRUM
from stages.evaluation.judges.backbones import BACKBONES, BANDS, WIDTH
from stages.learning.networks import initialise
from stages.learning.training import stream

STEP = 8  # of a pooled network: what moves by as much is the same to it


def network(kind: str, name: str, channels: int) -> nn.Module:
    model = BACKBONES[kind][name](channels)
    initialise(model, stream(1, "weights"))
    return model.requires_grad_(False)


def spot(row: int, column: int) -> Tensor:
    """A picture of 64 x 64, dark but for one place far from its edges."""
    picture = torch.zeros(1, 1, 64, 64)
    picture[:, :, row : row + 4, column : column + 4] = 1
    return picture


@pytest.mark.parametrize("kind", BACKBONES)
@pytest.mark.parametrize(("name", "channels"), [(PICTURE, 3), (SPECTRUM, 1), (GRID, 16)])
@pytest.mark.parametrize("shape", [(28, 28), (64, 64), (16, 100)])
def test_items_of_many_sizes_are_read(kind: str, name: str, channels: int, shape: tuple[int, int]) -> None:
    assert network(kind, name, channels)(torch.zeros(2, channels, *shape)).shape == (2, WIDTH)


def test_a_shape_is_the_same_wherever_it_is() -> None:
    read, here = network("pooled", PICTURE, 1), spot(24, 24)
    for there in (spot(24 + STEP, 24), spot(24, 24 - STEP)):
        torch.testing.assert_close(read(there), read(here), atol=1e-4, rtol=1e-4)
        assert (network("grid", PICTURE, 1)(there) - network("grid", PICTURE, 1)(here)).abs().max() > 0.01


def test_a_sound_is_the_same_whenever_but_not_at_another_pitch() -> None:
    read, here = network("pooled", SPECTRUM, 1), spot(24, 24)
    torch.testing.assert_close(read(spot(24, 24 + STEP)), read(here), atol=1e-4, rtol=1e-4)
    assert (read(spot(24 + 64 // BANDS, 24)) - read(here)).abs().max() > 0.001
