"""The recurrent codec of captions: features of one size for any caption, and captions that come back."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.common.special_tokens import END, PAD, START
from stages.data.kinds import text as captions
from stages.data.sources.digit_inks import INKS
from stages.features import recurrent
from stages.features.bottleneck import Bottleneck

TOLD = [f"the digit {digit} in {ink} ink" for digit in range(10) for ink in INKS]
SETTINGS = recurrent.Settings(token_width=16, hidden=64, depth=1)
BOTTLENECK = Bottleneck(width=16, noise=0.1, steps=400, batch=32, learning_rate=0.005)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    folder = tmp_path_factory.mktemp("tokeniser")
    fitted = captions.fit(captions.Settings(vocabulary=300, length=14), TOLD, folder)
    return np.stack([captions.tensor(caption, fitted) for caption in TOLD])


@pytest.fixture(scope="module")
def codec(tokens: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> recurrent.Recurrent:
    return recurrent.fit(BOTTLENECK, SETTINGS, tokens, seed=1, name="test", state=tmp_path_factory.mktemp("state"))[0]


def test_features_have_mean_zero_and_variance_one(codec: recurrent.Recurrent, tokens: np.ndarray) -> None:
    features = codec.encode(tokens)
    assert features.shape == (60, 16)
    torch.testing.assert_close(features.mean(-1), torch.zeros(60), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.var(-1, correction=0), torch.ones(60), atol=1e-3, rtol=0)


def test_most_captions_come_back_exactly(codec: recurrent.Recurrent, tokens: np.ndarray) -> None:
    with torch.no_grad():
        made = codec.decode(codec.encode(tokens))
    assert made.dtype == np.uint16
    assert (made == tokens).all(1).mean() > 0.8


def test_anything_decodes_to_a_start_an_end_and_padding(codec: recurrent.Recurrent) -> None:
    with torch.no_grad():
        made = codec.decode(3 * torch.randn(200, 16, generator=torch.Generator().manual_seed(1)))
    assert made.shape == (200, 14)
    assert (made[:, 0] == START).all()
    for row in made:
        ends = np.flatnonzero((row == END) | (row == PAD))
        if len(ends):
            assert (row[ends[0] + 1 :] == PAD).all()


def test_a_token_that_training_never_saw_is_read_too(codec: recurrent.Recurrent, tokens: np.ndarray) -> None:
    """A caption of the test split may hold a byte or a pair that no train caption has."""
    odd = tokens[:1].copy()
    odd[0, 1] = 299 if tokens.max() < 299 else tokens.max() + 1
    assert torch.isfinite(codec.encode(odd)).all()


def test_fitting_again_gives_the_same_codec(tokens: np.ndarray, tmp_path: Path) -> None:
    few = BOTTLENECK.model_copy(update={"steps": 3})
    first, again = (
        recurrent.fit(few, SETTINGS, tokens, seed=1, name="test", state=tmp_path / name)[0].state_dict()
        for name in ("1", "2")
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
