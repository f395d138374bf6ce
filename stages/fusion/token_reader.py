"""What reads the features of one modality: a perceptron of a vector, a transformer of tokens.

Axes: B batch, T token, D features of a token, E width of the reader, Q what it asks for.
"""

import torch
from torch import Tensor, nn

from stages.learning.networks import Perceptron
from stages.learning.transformer_block import Block

ASKED = 4  # Q


class TokenReader(nn.Module):
    """(B, T x D) -> (B, outputs): blocks over the tokens, of which a few learned queries then take what they look for.

    Source of the queries: set transformer, Lee et al. 2019, arXiv:1810.00825, section 3.2 (pooling by attention).
    """

    def __init__(self, shape: tuple[int, ...], outputs: int, *, width: int, depth: int) -> None:
        super().__init__()
        self.shape = shape
        self.enter, self.place = nn.Linear(shape[1], width), nn.Parameter(torch.zeros(shape[0], width))
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.ask = nn.Linear(width, ASKED, bias=False)
        self.leave = nn.Linear(ASKED * width, outputs)

    def forward(self, features: Tensor) -> Tensor:
        tokens = self.norm(self.blocks(self.enter(features.unflatten(-1, self.shape)) + self.place))  # (B, T, E)
        weight = self.ask(tokens).softmax(1).mT  # (B, Q, T)
        read: Tensor = self.leave((weight @ tokens).flatten(1))
        return read


def reader(shape: tuple[int, ...], outputs: int, *, width: int, depth: int) -> nn.Module:
    """(B, W) features of one modality, which are of this shape each -> (B, outputs).

    Of tokens its width is `outputs`: attention over twenty tokens costs as much as a perceptron twice as wide.
    """
    if len(shape) == 1:
        return Perceptron(*shape, outputs, width=width, depth=depth)
    return TokenReader(shape, outputs, width=outputs, depth=depth)
