"""Wide residual multilayer perceptrons: what two CPU cores do best.

Source of the block: pre-normalised residual layers, He et al. 2016, arXiv:1603.05027.
Axes: B batch, D width.
"""

import math
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Generator, Tensor, nn

from stages.common.files import replace


class ZeroLinear(nn.Linear):
    """A linear map that begins at zero: the end of a branch that is to be learned beside something that works."""


class Residual(nn.Module):
    """x + W2 silu(W1 norm(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.rise = nn.Linear(width, width)
        self.fall = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        update: Tensor = self.fall(nn.functional.silu(self.rise(self.norm(x))))
        return x + update  # (B, D)


class Within(nn.Sequential):
    """(B, T, E) -> (B, T, E), each token for itself; zero at first."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, 2 * width), nn.SiLU(), ZeroLinear(2 * width, width))


class Perceptron(nn.Sequential):
    """(B, inputs) -> (B, outputs) through `depth` residual blocks of `width`."""

    def __init__(self, inputs: int, outputs: int, *, width: int, depth: int) -> None:
        blocks = (Residual(width) for _ in range(depth))
        super().__init__(nn.Linear(inputs, width), *blocks, nn.LayerNorm(width), nn.Linear(width, outputs))


class PlainPerceptron(nn.Sequential):
    """(B, inputs) -> (B, outputs) through `depth` layers of `width`, none normalised, to tell how far off an item is.

    Normalised, a discriminator's slope would vanish far from the data, and a generator that has run away would never
    come back.
    """

    def __init__(self, inputs: int, outputs: int, *, width: int, depth: int) -> None:
        widths = [inputs, *depth * [width]]
        layers = [(nn.Linear(one, other), nn.LeakyReLU(0.2)) for one, other in pairwise(widths)]
        super().__init__(*(part for layer in layers for part in layer), nn.Linear(width, outputs))


def initialise(model: nn.Module, stream: Generator) -> None:
    """Draw every weight matrix anew from `stream` (LeCun normal) and zero the biases, and all of a `ZeroLinear`."""
    zero = {f"{name}.weight" for name, part in model.named_modules() if isinstance(part, ZeroLinear)}
    spread = {f"{name}.weight": part for name, part in model.named_modules() if isinstance(part, nn.ConvTranspose2d)}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in zero:
                weight.zero_()
            elif weight.ndim >= 2:
                fan_in = weight[0].numel() if not name.startswith("embed") else 1
                if name in spread:  # its weights stand the other way round, and a value meets a share of them
                    fan_in = weight[:, 0].numel() // math.prod(spread[name].stride)
                drawn = torch.randn(weight.shape, generator=stream, device=stream.device)
                weight.copy_(drawn * fan_in**-0.5)
            elif name.rpartition(".")[2].startswith("bias"):  # `bias_ih_l0` and the like in a recurrent layer
                weight.zero_()


def write_weights(path: Path, model: nn.Module) -> None:
    """All parameters and buffers as safetensors, whole or not at all."""
    replace(path, save(model.state_dict()))
