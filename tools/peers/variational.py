"""MVTCAE, MoPoE and MMVAE+ as MultiVae has them, with the settings that it reproduces their papers' PolyMNIST with.

MVTCAE: Hwang et al. 2021 (NeurIPS). MoPoE: Sutter et al. 2021, arXiv:2105.02470. MMVAE+: Palumbo et al. 2023 (ICLR).
Likelihoods are not scaled by the size of a modality, as they are for MNIST, SVHN and text: MoPoE came to less with it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from stages.common.modality import TOKENS, tensor_of
from tools.peers.clock import OWN, Clock, Patience, descend, peak_mib
from tools.peers.items import Batch, Items, item
from tools.peers.library import (
    MVTCAE,
    MMVAEPlus,
    MMVAEPlusConfig,
    MoPoE,
    MoPoEConfig,
    MultimodalBaseDataset,
    MVTCAEConfig,
)
from tools.peers.networks import TwoEncoders, decoder, encoder, tell
from tools.peers.trained import Given, Trained

CHUNK = 50  # samples made at a time: MMVAE+ chooses one of several given modalities for all of them


class Peer(NamedTuple):
    """A model, and how it is trained."""

    model: Callable[..., nn.Module]
    config: Callable[..., Any]
    settings: Mapping[str, Any]
    private: int  # width of the latent that a modality has of its own
    batch: int
    adam: Mapping[str, Any]


PEERS = {
    "MVTCAE": Peer(MVTCAE, MVTCAEConfig, {"latent_dim": 512, "beta": 2.5, "alpha": 5 / 6}, 0, 128, {"lr": 1e-3}),
    "MoPoE": Peer(MoPoE, MoPoEConfig, {"latent_dim": 512, "beta": 2.5}, 0, 128, {"lr": 1e-3}),
    "MMVAE+": Peer(
        MMVAEPlus, MMVAEPlusConfig,
        {
            "latent_dim": 32, "modalities_specific_dim": 32, "beta": 2.5, "K": 1, "loss": "iwae_looser",
            "prior_and_posterior_dist": "laplace_with_softmax", "learn_shared_prior": False,
            "learn_modality_prior": True,
        },
        32, 128, {"lr": 1e-3, "amsgrad": True},
    ),
}  # fmt: skip
SCALE = 0.75  # of the Laplace distribution of levels


def build(method: str, items: Items) -> Any:
    """The model, its weights as PyTorch draws them."""
    peer, names = PEERS[method], items.names
    shared = peer.settings["latent_dim"]
    encoders = {name: encoder(name, items, shared) for name in names}
    if peer.private:
        encoders = {name: TwoEncoders(one, encoder(name, items, peer.private)) for name, one in encoders.items()}
    decoders = {name: decoder(name, items, shared + peer.private) for name in names}
    text = {name: tensor_of(name) == TOKENS for name in names}
    config = peer.config(
        n_modalities=len(names), input_dims={name: items.shape(name) for name in names},
        decoders_dist={name: "categorical" if text[name] else "laplace" for name in names},
        decoder_dist_params={name: {} if text[name] else {"scale": SCALE} for name in names},
        **peer.settings,
    )  # fmt: skip
    return peer.model(config, encoders, decoders)


def train(method: str, items: Items, seed: int, budgets: Sequence[float], clock: Clock) -> Iterator[Trained]:
    """The model at each budget, in their order, of one training."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # of MMVAE+
    peer, model, rng = PEERS[method], build(method, items), np.random.default_rng(seed)
    adam, steps = torch.optim.Adam(model.parameters(), **peer.adam, fused=True), 0

    def loss(model: Any, batch: Batch) -> Tensor:
        tell(model.decoders, batch)
        found: Tensor = model(MultimodalBaseDataset(batch)).loss
        return found

    def step() -> Tensor:
        return loss(model.train(), items.draw(peer.batch, rng))

    patience = Patience(lambda: loss(model.eval(), items.held), model) if OWN in budgets else None
    peak = 0
    for budget in sorted(budgets):
        for _ in descend(step, adam, clock, budget, patience):
            steps += 1
        weights = sum(weight.numel() for weight in model.parameters())
        peak = peak or peak_mib()  # later the judges are there, too
        yield Trained(budget, clock.seconds(), steps, weights, peak, partial(sample, model, items))


def sample(model: Any, items: Items, given: Given, count: int, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Items of the `wanted` modalities."""
    model.eval()
    tell(model.decoders, None)
    parts = []
    with torch.no_grad():
        for rows in np.array_split(np.arange(count), math.ceil(count / CHUNK)):
            shown = items.batch({name: values[rows] for name, values in given.items()})
            if shown:
                whole = MultimodalBaseDataset(items.blank(len(rows), shown))
                made = model.predict(whole, cond_mod=list(shown), gen_mod=list(wanted))
            else:  # of one it forgets the axis
                made = model.decode(model.generate_from_prior(max(2, len(rows))), list(wanted))
            parts.append({name: item(name, made[name][: len(rows)]) for name in wanted})
    return {name: np.concatenate([part[name] for part in parts]) for name in wanted}
