"""Attention beyond the laws of all fusions: a distribution over a set of tokens."""

import pytest
import torch

from stages.common.modality_subsets import proper_subsets
from stages.fusion import attention
from stages.fusion.dataset import Shape, widths_of
from stages.learning.masks import mask
from stages.learning.networks import initialise
from stages.learning.training import stream

NAMES, UNIFIED = ("image", "text", "audio"), 6
SHAPES: list[Shape] = [(3,), (2, 3), (4,)]  # captions are tokens
WIDTHS = widths_of(SHAPES)
SUBSETS = [*proper_subsets(NAMES), NAMES]
SETTINGS = attention.Settings(token_width=8, heads=2, hidden=16, depth=1)


@pytest.fixture(scope="module")
def fusion() -> attention.Fusion:
    model = attention.build(SHAPES, UNIFIED, SETTINGS)
    initialise(model, stream(1, "weights"))
    torch.nn.init.normal_(model.always, generator=stream(1, "always"))  # 0 until it is trained
    return model.requires_grad_(False)


def features(seed: int, batch: int = 7) -> torch.Tensor:
    return torch.randn(batch, sum(WIDTHS), generator=stream(seed, "features"))


@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
def test_a_representation_is_normalised_whatever_is_seen(subset: tuple[str, ...], fusion: attention.Fusion) -> None:
    unified = fusion(features(1), mask(subset, NAMES, 7))
    assert unified.shape == (7, UNIFIED)
    torch.testing.assert_close(unified.mean(-1), torch.zeros(7), atol=1e-5, rtol=0)
    torch.testing.assert_close(unified.var(-1, correction=0), torch.ones(7), atol=1e-2, rtol=0)


def test_the_order_of_modalities_does_not_matter(fusion: attention.Fusion) -> None:
    """Tokens are a set: the same model with its modalities in another order fuses the same."""
    order = [2, 0, 1]
    turned = attention.build([SHAPES[place] for place in order], UNIFIED, SETTINGS)
    weights = fusion.state_dict()
    renamed = {f"tokens.{new}.": f"tokens.{old}." for new, old in enumerate(order)}
    for name in turned.state_dict():
        prefix = next((new for new in renamed if name.startswith(new)), "")
        turned.state_dict()[name].copy_(weights[name.replace(prefix, renamed[prefix])] if prefix else weights[name])
    for subset in SUBSETS:
        seen = mask(subset, NAMES, 7)
        moved = torch.cat([features(1).split(WIDTHS, -1)[place] for place in order], -1)
        torch.testing.assert_close(turned(moved, seen[:, order]), fusion(features(1), seen), atol=1e-5, rtol=1e-5)


def test_attention_is_a_distribution_over_what_is_seen(fusion: attention.Fusion) -> None:
    seen = torch.tensor([[[True, True, False, True]]] * 7)  # one view, the constant token first
    score = fusion.attend(fusion.tokenise(features(1)), seen)  # (B, H, V, 1 + M)
    torch.testing.assert_close(score.sum(-1), torch.ones(score.shape[:-1]))
    assert (score[..., 2] == 0).all()
    assert (score[..., [0, 1, 3]] > 0).all()


@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
def test_what_a_representation_attends_to_sums_to_one_and_is_never_what_is_missing(
    subset: tuple[str, ...], fusion: attention.Fusion
) -> None:
    seen = mask(subset, NAMES, 7)
    weights = fusion.weights(features(1), seen)
    assert weights.shape == (7, 1 + len(NAMES))
    torch.testing.assert_close(weights.sum(-1), torch.ones(7))
    assert (weights[:, 1:][~seen] == 0).all() and (weights[:, 1:][seen] > 0).all()
