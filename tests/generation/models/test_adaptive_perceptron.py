"""A perceptron that is told a condition in every block."""

import torch

from stages.generation.models.adaptive_perceptron import AdaptivePerceptron, AdaptiveResidual
from stages.learning.networks import Residual, initialise
from stages.learning.training import stream


def test_at_first_a_block_is_a_plain_residual_one_whatever_it_is_told() -> None:
    told, plain = AdaptiveResidual(6, 3), Residual(6)
    initialise(told, stream(1, "weights"))
    plain.load_state_dict(
        {name: value for name, value in told.state_dict().items() if "adapt" not in name}, strict=False
    )
    x = torch.randn(5, 6)
    torch.testing.assert_close(told(x, torch.randn(5, 3)), plain(x))


def test_every_block_comes_to_read_the_condition() -> None:
    """Also where the input carries none of it."""
    network = AdaptivePerceptron(4, 3, 2, width=8, depth=3, condition=5)
    initialise(network, stream(1, "weights"))
    network(torch.randn(7, 4), torch.randn(7, 3)).square().sum().backward()
    for block in network.blocks:
        assert isinstance(block, AdaptiveResidual) and block.adapt.weight.grad is not None
        assert all(part.abs().max() > 0 for part in block.adapt.weight.grad.chunk(3))
