"""Encoders and decoders of the peers: MultiVae's perceptrons for levels, and for captions a reader and a writer.

Tried with MoPoE and given up, because they came to less in the same seconds: convolutions (MultiVae's for PolyMNIST,
and such for clips) and its transformer for the captions of CUB. Its perceptron that writes all tokens of a caption at
once hardly wrote a sentence. The writer here goes from token to token, as in Bowman et al. 2016, arXiv:1511.06349.
Axes: B batch, L latent, T tokens, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor, nn

from stages.common.modality import TOKENS, tensor_of
from stages.common.special_tokens import START
from tools.peers.items import Batch, Items
from tools.peers.library import BaseAEConfig, BaseDecoder, BaseEncoder, Decoder_AE_MLP, Encoder_VAE_MLP, ModelOutput

TOKEN, HIDDEN = 64, 128  # widths of a token and of the writer


class CaptionReader(BaseEncoder):  # type: ignore[misc]  # the library has no types
    """Tokens (B, T) -> mean and logarithm of the variance, (B, L) each."""

    def __init__(self, length: int, vocabulary: int, latent: int) -> None:
        super().__init__()
        self.tokens, self.latent_dim = nn.Embedding(vocabulary, TOKEN), latent
        self.body = Encoder_VAE_MLP(BaseAEConfig(input_dim=(length, TOKEN), latent_dim=latent))

    def forward(self, captions: dict[str, Tensor]) -> ModelOutput:
        return self.body(self.tokens(captions["tokens"]))


class CaptionWriter(BaseDecoder):  # type: ignore[misc]
    """(B, L) -> scores of the tokens (B, T, V), each after those before it: the `told` ones, or its own likeliest."""

    told: Tensor | None = None  # (B, T)

    def __init__(self, length: int, vocabulary: int, latent: int) -> None:
        super().__init__()
        self.length, self.tokens = length, nn.Embedding(vocabulary, TOKEN)
        self.first = nn.Linear(latent, HIDDEN)
        self.body, self.last = nn.GRU(TOKEN + HIDDEN, HIDDEN, batch_first=True), nn.Linear(HIDDEN, vocabulary)

    def forward(self, latents: Tensor) -> ModelOutput:
        plan = self.first(latents)[:, None]  # (B, 1, H)
        before = torch.full((len(latents), 1), START)
        if self.told is not None and len(self.told) == len(latents):
            before = torch.cat([before, self.told[:, :-1]], 1)
            rows, _ = self.body(torch.cat([self.tokens(before), plan.expand(-1, self.length, -1)], -1))
            return ModelOutput(reconstruction=self.last(rows))
        scores, state = [], None
        for _ in range(self.length):
            row, state = self.body(torch.cat([self.tokens(before), plan], -1), state)
            scores.append(self.last(row))
            before = scores[-1].argmax(-1)
        return ModelOutput(reconstruction=torch.cat(scores, 1))


class TwoEncoders(BaseEncoder):  # type: ignore[misc]
    """What modalities share and what is private to one, each by a network of its own, as in MMVAE+."""

    def __init__(self, shared: nn.Module, private: nn.Module) -> None:
        super().__init__()
        self.shared, self.private = shared, private
        self.latent_dim, self.style_dim = shared.latent_dim, private.latent_dim

    def forward(self, items: Any) -> ModelOutput:
        shared, private = self.shared(items), self.private(items)
        return ModelOutput(
            embedding=shared.embedding, log_covariance=shared.log_covariance,
            style_embedding=private.embedding, style_log_covariance=private.log_covariance,
        )  # fmt: skip


def encoder(name: str, items: Items, latent: int) -> nn.Module:
    """Of one modality."""
    if tensor_of(name) == TOKENS:
        return CaptionReader(items.shape(name)[0], items.vocabulary[name], latent)
    return Encoder_VAE_MLP(BaseAEConfig(input_dim=items.shape(name), latent_dim=latent))


def decoder(name: str, items: Items, latent: int) -> nn.Module:
    """Of one modality."""
    if tensor_of(name) == TOKENS:
        return CaptionWriter(items.shape(name)[0], items.vocabulary[name], latent)
    return Decoder_AE_MLP(BaseAEConfig(input_dim=items.shape(name), latent_dim=latent))


def tell(decoders: nn.ModuleDict, batch: Batch | None) -> None:
    """Let the writers of captions see those of a batch, whose likelihood is asked for; None: they write their own."""
    for name, one in decoders.items():
        if isinstance(one, CaptionWriter):
            one.told = None if batch is None else batch[name]["tokens"]
