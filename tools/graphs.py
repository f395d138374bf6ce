"""The trained models as graphs: tensors in, tensors out, nothing of Python left in them.

Axes: B samples, M modalities, W features of all of them, D of one, U width of the representation, T tokens.
"""

from typing import Any

import torch
from torch import Tensor, nn

from stages.common.special_tokens import END, PAD, START
from stages.features.autoencoder import LEVELS, Autoencoder
from stages.features.linear import Linear
from stages.features.pixels import HALF, Pixels
from stages.features.recurrent import Recurrent
from stages.features.transformer import Transformer
from stages.generation.models.flow import Flow

TAKEN = (Autoencoder, Linear, Pixels, Recurrent, Transformer)  # codecs of which there are graphs


class Side(nn.Module):
    """What a codec does in one direction."""

    def __init__(self, codec: nn.Module) -> None:
        super().__init__()
        self.codec = codec


class Encoder(Side):
    """(B, *shape) levels as float32, or tokens as int64 -> (B, D) features, those of tokens side by side."""

    def forward(self, items: Tensor) -> Tensor:
        codec: Any = self.codec
        if isinstance(codec, Recurrent | Transformer):
            known = (codec.choose.out_features if isinstance(codec, Recurrent) else codec.embed.num_embeddings) - 1
            features: Tensor = codec.features(torch.where(items > known, PAD, items))  # training saw no others
            return features.flatten(1)
        if isinstance(codec, Pixels):
            return items.flatten(1) / HALF - 1
        if isinstance(codec, Linear) and codec.vocabulary is not None:
            tokens = items.clamp(max=codec.vocabulary - 1)
            numbers = nn.functional.one_hot(tokens, codec.vocabulary).flatten(1).float()
        else:
            numbers = items.flatten(1) / LEVELS
        components: Tensor = (numbers - codec.middle) @ codec.basis.T / codec.scale
        return codec.features(components) if isinstance(codec, Autoencoder) else components


class Decoder(Side):
    """(B, D) features -> (B, *shape) levels as uint8, or tokens as int64."""

    def forward(self, features: Tensor) -> Tensor:
        codec: Any = self.codec
        if isinstance(codec, Recurrent):
            return written(codec, features)
        if isinstance(codec, Transformer):
            return chosen(codec, features.unflatten(1, (-1, codec.width)))
        if isinstance(codec, Pixels):
            return as_levels((features + 1) * HALF, codec.shape)
        if isinstance(codec, Autoencoder):
            return as_levels((codec.decoder(features) * codec.scale @ codec.basis + codec.middle) * LEVELS, codec.shape)
        values: Tensor = codec.values(features)
        if codec.vocabulary is not None:
            return values.unflatten(1, (-1, codec.vocabulary)).argmax(-1)
        return as_levels(values * LEVELS, codec.shape)


def as_levels(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    return values.round().clamp(0, 255).to(torch.uint8).unflatten(1, shape)


def written(codec: Recurrent, features: Tensor) -> Tensor:
    """`Recurrent.decode` with its loop unrolled: (B, D) -> (B, T)."""
    layer: Any = codec.writer
    token = torch.full_like(features[:, 0], START, dtype=torch.int64)
    hidden, tokens = codec.start(features).tanh(), [token]
    for _ in range(codec.length - 1):
        inputs = torch.cat([codec.embed_write(token), features], -1)
        hidden = cell(layer, inputs, hidden)
        over = (token == END) | (token == PAD)
        token = codec.choose(hidden).argmax(-1).masked_fill(over, PAD)
        tokens.append(token)
    return torch.stack(tokens, 1)


def cell(layer: Any, inputs: Tensor, hidden: Tensor) -> Tensor:
    """One step of a gated recurrent unit (Cho et al. 2014, equations 5 to 8, as PyTorch orders its weights)."""
    reset, update, new = nn.functional.linear(inputs, layer.weight_ih_l0, layer.bias_ih_l0).chunk(3, -1)
    reset_h, update_h, new_h = nn.functional.linear(hidden, layer.weight_hh_l0, layer.bias_hh_l0).chunk(3, -1)
    kept = torch.sigmoid(update + update_h)
    return (1 - kept) * torch.tanh(new + torch.sigmoid(reset + reset_h) * new_h) + kept * hidden


def chosen(codec: Transformer, features: Tensor) -> Tensor:
    """`Transformer.decode`: (B, T, D) -> (B, 1 + T)."""
    tokens = codec.scores(features).argmax(-1)
    ends = (tokens == END).long()
    over = ends.cumsum(1) - ends
    return torch.cat([torch.full_like(tokens[:, :1], START), torch.where(over > 0, PAD, tokens)], 1)


class Density(nn.Module):
    """Of a GAN or a VAE: (B, L) noise and (B, C) conditions -> (B, D). A flow is its velocity, a graph as it is."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        made: Tensor = self.model.sample(condition, noise, steps=1)
        return made

    @staticmethod
    def of(model: Any, told: int) -> tuple[nn.Module, dict[str, Tensor]]:
        """The graph of a model that is told so many numbers, and what goes in."""
        noise, condition = torch.zeros(2, model.latent_width), torch.zeros(2, told)
        if isinstance(model, Flow):
            return model, {"x": noise, "t": torch.zeros(2, 1), "condition": condition}
        return Density(model), {"noise": noise, "condition": condition}


def example(codec: Any) -> Tensor:
    """Two items of a codec, as its encoder reads them."""
    if isinstance(codec, Recurrent | Transformer):
        return torch.full((2, codec.length), PAD)
    tokens = isinstance(codec, Linear) and codec.vocabulary is not None
    return torch.zeros(2, *codec.shape, dtype=torch.int64 if tokens else torch.float32)
