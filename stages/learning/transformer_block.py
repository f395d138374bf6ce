"""One block of a transformer: attention between tokens, then a perceptron within each.

Both stand behind a normalisation (Xiong et al. 2020, arXiv:2002.04745) and begin at zero. Source of the attention:
Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
Axes: B batch, T token, E width of a token, H head.
"""

import math

from torch import Tensor, nn

from stages.learning.networks import Within, ZeroLinear

HEAD = 32  # width of a head, at least


class SelfAttention(nn.Module):
    """(B, T, E) -> (B, T, E), zero at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(heads for heads in range(1, max(2, width // HEAD + 1)) if width % heads == 0)
        self.qkv, self.out = nn.Linear(width, 3 * width), ZeroLinear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, H, T, E / H)
        weight = (query @ key.mT / math.sqrt(key.shape[-1])).softmax(-1)  # (B, H, T, T)
        mixed: Tensor = self.out((weight @ value).transpose(1, 2).flatten(2))
        return mixed


class Block(nn.Module):
    """(B, T, E) -> (B, T, E)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.attend = nn.LayerNorm(width), SelfAttention(width)
        self.norm_within, self.within = nn.LayerNorm(width), Within(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.norm(x))
        changed: Tensor = x + self.within(self.norm_within(x))
        return changed
