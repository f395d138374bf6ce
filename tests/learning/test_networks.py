"""Networks: shapes, a repeatable start, and rows that do not see each other."""

import pytest
import torch
from torch import nn

from stages.learning.networks import Perceptron, Residual, initialise
from stages.learning.training import stream


@pytest.mark.parametrize(("inputs", "outputs", "depth"), [(1, 1, 0), (3, 7, 2)])
def test_shapes(inputs: int, outputs: int, depth: int) -> None:
    model = Perceptron(inputs, outputs, width=8, depth=depth)
    assert model(torch.zeros(5, inputs)).shape == (5, outputs)
    assert model(torch.zeros(0, inputs)).shape == (0, outputs)


def test_a_residual_block_without_output_is_the_identity() -> None:
    block, x = Residual(6), torch.randn(4, 6, generator=stream(1, "x"))
    nn.init.zeros_(block.fall.weight)
    nn.init.zeros_(block.fall.bias)
    assert torch.equal(block(x), x)


def test_weights_depend_on_the_stream_alone() -> None:
    def weights(seed: int) -> torch.Tensor:
        model = Perceptron(3, 2, width=16, depth=2)
        initialise(model, stream(seed, "weights"))
        return nn.utils.parameters_to_vector(model.parameters())

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(400, 300), (200, 400)),
        (nn.Conv2d(20, 30, 3, 2, 0), (20, 20, 21, 21)),
        (nn.ConvTranspose2d(40, 30, 4, 2, 3), (20, 40, 12, 12)),  # the edge, which fewer values meet, cut off
    ],
)
def test_a_layer_keeps_the_size_of_its_input(layer: nn.Module, shape: tuple[int, ...]) -> None:
    layer = nn.Sequential(layer)
    initialise(layer, stream(1, "weights"))
    made = layer(torch.randn(shape, generator=stream(1, "x")))
    assert made.std().item() == pytest.approx(1, abs=0.05)
    assert made.mean().item() == pytest.approx(0, abs=0.05)
