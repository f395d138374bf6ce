"""The transformer codec of captions: every caption comes back, and context mends what noise has done."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.common.special_tokens import END, MARKS, PAD, START
from stages.features import transformer
from stages.features.bottleneck import Bottleneck
from stages.features.reconstruction import error
from stages.learning.networks import initialise
from stages.learning.training import stream

SETTINGS = transformer.Settings(hidden=32, depth=1)
BOTTLENECK = Bottleneck(width=8, noise=0.8, steps=300, batch=64, learning_rate=0.005)
PAIRS, LENGTH = 20, 9


def captions(count: int, seed: int) -> np.ndarray:
    """Three pairs of tokens at most, of which the second follows from the first: (count, T) uint16."""
    rng = np.random.default_rng(seed)
    made = np.full((count, LENGTH), PAD, np.uint16)
    for row in made:
        first = MARKS + 2 * rng.integers(PAIRS, size=rng.integers(1, 4))
        said = [START, *np.stack([first, first + 1], 1).flatten(), END]
        row[: len(said)] = said
    return made


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> transformer.Transformer:
    state = tmp_path_factory.mktemp("state")
    return transformer.fit(BOTTLENECK, SETTINGS, captions(500, 1), seed=1, name="test", state=state)[0]


def wrong(made: np.ndarray, wanted: np.ndarray) -> float:
    return float((made != wanted)[wanted != PAD].mean())


def test_a_token_has_features_of_mean_zero_and_variance_one(codec: transformer.Transformer) -> None:
    features = codec.encode(captions(60, 2))
    assert features.shape == (60, LENGTH - 1, 8)
    torch.testing.assert_close(features.mean(-1), torch.zeros(60, LENGTH - 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.var(-1, correction=0), torch.ones(60, LENGTH - 1), atol=1e-2, rtol=0)


def test_captions_come_back_whatever_they_say(codec: transformer.Transformer) -> None:
    """Also where no pair is one that training saw."""
    tokens = captions(200, 2)
    odd = tokens.copy()
    inside = tokens >= MARKS
    odd[inside] = np.random.default_rng(1).integers(MARKS, MARKS + 2 * PAIRS, inside.sum())
    with torch.no_grad():
        assert error(codec, tokens) == 0
        assert error(codec, odd) < 0.1, "the context speaks for other tokens, nearly in vain"


def test_it_begins_as_the_nearest_code() -> None:
    model = transformer.Transformer(LENGTH, MARKS + 2 * PAIRS, 8, 0.8, SETTINGS)
    initialise(model, stream(1, "weights"))
    with torch.no_grad():
        noised = torch.randn(50, LENGTH - 1, 8, generator=stream(1, "noise"))
        nearest = torch.cdist(noised, model.codes().expand(50, -1, -1)).argmin(-1)
        assert torch.equal(model.scores(noised).argmax(-1), nearest)


def test_context_mends_what_noise_has_done(codec: transformer.Transformer) -> None:
    tokens = captions(300, 3)
    with torch.no_grad():
        noised = codec.encode(tokens) + BOTTLENECK.noise * torch.randn(300, LENGTH - 1, 8, generator=stream(1, "noise"))
        nearest = torch.cdist(noised, codec.codes().expand(300, -1, -1)).argmin(-1).numpy()
        assert wrong(codec.decode(noised)[:, 1:], tokens[:, 1:]) < 0.7 * wrong(nearest, tokens[:, 1:])


def test_whatever_is_decoded_has_a_start_and_nothing_after_its_end(codec: transformer.Transformer) -> None:
    with torch.no_grad():
        made = codec.decode(3 * torch.randn(200, LENGTH - 1, 8, generator=stream(1, "noise")))
    assert made.shape == (200, LENGTH) and made.dtype == np.uint16
    assert (made[:, 0] == START).all()
    for row in made:
        ends = np.flatnonzero(row == END)
        assert not len(ends) or (row[ends[0] + 1 :] == PAD).all()


def test_a_token_that_training_never_saw_is_nothing(codec: transformer.Transformer) -> None:
    """A caption of the test split may hold a byte or a pair that no train caption has."""
    odd = captions(1, 1)
    odd[0, 1] = 300
    assert codec.decode(codec.encode(odd))[0, 1] == PAD


def test_fitting_again_gives_the_same_codec(tmp_path: Path) -> None:
    few = BOTTLENECK.model_copy(update={"steps": 3})
    first, again = (
        transformer.fit(few, SETTINGS, captions(80, 1), captions(20, 2), seed=1, name="test", state=tmp_path / name)[0]
        for name in ("1", "2")
    )
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
