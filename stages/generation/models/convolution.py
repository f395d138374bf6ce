"""Convolutional networks between vectors and grids of pixels, for features that are the pixels themselves.

The article's pair (its listing, section 5): a dense layer, reshaped into a small grid, doubled twice by transposed
convolutions; and back by strided ones. The reshaping is what the listing leaves out. More dense layers, at the far end
of either, see the picture as a whole: convolutions alone paint strokes that do not meet, and a second dense layer mends
more of them than twice the channels do in the same time.
Source: DCGAN, Radford et al. 2016, arXiv:1511.06434, section 3; the dense layers as in InfoGAN's networks for MNIST,
Chen et al. 2016, arXiv:1606.03657, appendix C.1.
Axes: B batch, H W C rows, columns and channels of the grid, P = H W C, K width of the condition.
"""

from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from stages.learning.networks import PlainPerceptron

Grid = tuple[int, int, int]  # H, W, C
DENSE, LAYERS = 4, 2  # width of the dense layers, per channel; their number


class ConvDecoder(nn.Module):
    """(B, inputs) -> (B, P) in [-1, 1], through `depth` doublings that start with `hidden` channels.

    The first normalisation takes away how long the input is: a temperature of the noise changes next to nothing here.
    """

    def __init__(self, inputs: int, grid: Grid, *, hidden: int, depth: int) -> None:
        super().__init__()
        rows, columns, channels = grid
        self.start = (hidden, rows >> depth, columns >> depth)
        counts = [max(1, hidden >> step) for step in range(depth)]
        widths, steps = [inputs, *LAYERS * [DENSE * hidden]], list[nn.Module]()
        for width, following in pairwise(widths):
            steps += [nn.Linear(width, following), nn.LayerNorm(following), nn.ReLU()]
        steps += [nn.Linear(widths[-1], prod(self.start)), nn.Unflatten(-1, self.start)]
        for count, following in zip(counts, [*counts[1:], channels], strict=True):
            steps += [nn.GroupNorm(1, count), nn.ReLU(), nn.ConvTranspose2d(count, following, 4, 2, 1)]
        self.steps = nn.Sequential(*steps, nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        picture: Tensor = self.steps(x)  # (B, C, H, W)
        return picture.permute(0, 2, 3, 1).flatten(1)  # (B, P)


class ConvEncoder(nn.Module):
    """(B, P + K) -> (B, outputs), through `depth` halvings that end with `hidden` channels.

    The condition is seen as one more channel, which a dense layer paints.
    """

    def __init__(self, grid: Grid, condition: int, outputs: int, *, hidden: int, depth: int) -> None:
        super().__init__()
        rows, columns, channels = grid
        self.grid, self.widths = grid, [prod(grid), condition]
        self.plane = nn.Linear(condition, rows * columns) if condition else None
        counts = [channels + bool(condition), *(max(1, hidden >> step) for step in reversed(range(depth)))]
        steps: list[nn.Module] = []
        for count, following in zip(counts[:-1], counts[1:], strict=True):
            steps += [nn.Conv2d(count, following, 4, 2, 1), nn.LeakyReLU(0.2)]
        flat = hidden * (rows >> depth) * (columns >> depth)
        dense = PlainPerceptron(flat, outputs, width=DENSE * hidden, depth=LAYERS)
        self.steps = nn.Sequential(*steps, nn.Flatten(), dense)

    def forward(self, x: Tensor) -> Tensor:
        pixels, condition = x.split(self.widths, -1)
        picture = pixels.unflatten(-1, self.grid).permute(0, 3, 1, 2)  # (B, C, H, W)
        if self.plane is not None:
            picture = torch.cat([picture, self.plane(condition).view(x.shape[0], 1, *self.grid[:2])], 1)
        seen: Tensor = self.steps(picture)
        return seen


def check_grid(grid: Grid, depth: int, name: str) -> None:
    """Raises ValueError unless both sides of the grid can be halved `depth` times."""
    if any(side % (1 << depth) for side in grid[:2]):
        raise ValueError(
            f"'{name}': expected sides that can be halved {depth} times, got {grid[0]} x {grid[1]}; "
            "change the working size in preprocess or train.decoders.depth"
        )
