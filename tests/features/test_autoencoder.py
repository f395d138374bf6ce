"""The autoencoder: normalised features, a decoder that learns, the same codec every time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.features import autoencoder, chunked_items
from stages.features.bottleneck import Bottleneck
from stages.features.randomised_pca import fit_pca, levels
from stages.features.reconstruction import error
from stages.learning.networks import initialise
from stages.learning.training import stream

SETTINGS = autoencoder.Settings(components=24, hidden=64, depth=1)
BOTTLENECK = Bottleneck(width=8, noise=0.1, steps=400, batch=64, learning_rate=0.005)


def blocks(count: int, seed: int) -> np.ndarray:
    """Pictures of a coloured block somewhere: (N, 12, 12, 3) uint8."""
    rng = np.random.default_rng(seed)
    items = np.full((count, 12, 12, 3), 255, np.uint8)
    for item in items:
        row, column = rng.integers(0, 7, 2)
        item[row : row + 5, column : column + 5] = rng.integers(0, 200, 3)
    return items


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> autoencoder.Autoencoder:
    return autoencoder.fit(
        BOTTLENECK, SETTINGS, blocks(600, 1), seed=1, name="test", state=tmp_path_factory.mktemp("state")
    )[0]


def test_it_begins_as_the_leading_components() -> None:
    """Of variance 1, as a PCA that whitens has them; what the perceptrons add is nothing yet."""
    items = blocks(600, 1)
    model = autoencoder.Autoencoder(items.shape[1:], BOTTLENECK.width, SETTINGS)
    initialise(model, stream(1, "weights"))
    found = fit_pca(items, SETTINGS.components, np.random.default_rng(1))
    autoencoder.begin_as(model, found)
    basis, spread = found.components[: BOTTLENECK.width], found.variances[: BOTTLENECK.width].sqrt()
    with torch.no_grad():
        expected = (levels(items) - found.mean) @ basis.T / spread
        torch.testing.assert_close(expected.var(0), torch.ones(BOTTLENECK.width), atol=1e-2, rtol=0)
        torch.testing.assert_close(model.encoder(model.project(items)), expected, atol=1e-4, rtol=1e-4)
        made = model.decoder(expected) * model.scale @ model.basis
        torch.testing.assert_close(made, expected * spread @ basis, atol=1e-4, rtol=1e-4)


def test_features_have_mean_zero_and_variance_one(codec: autoencoder.Autoencoder) -> None:
    features = codec.encode(blocks(50, 2))
    assert features.shape == (50, 8)
    torch.testing.assert_close(features.mean(-1), torch.zeros(50), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.var(-1, correction=0), torch.ones(50), atol=1e-3, rtol=0)


def test_what_comes_back_is_nearer_than_the_average_item(codec: autoencoder.Autoencoder) -> None:
    train, test = blocks(600, 1), blocks(100, 2)
    with torch.no_grad():
        made = codec.decode(codec.encode(test))
    assert made.shape == test.shape
    assert made.dtype == np.uint8
    error = ((made.astype(float) - test) ** 2).mean()
    average = ((train.mean(0) - test.astype(float)) ** 2).mean()
    assert error < 0.35 * average


def test_small_errors_in_the_features_change_little(codec: autoencoder.Autoencoder) -> None:
    """The noise in training is what makes a generator's small errors harmless."""
    test = blocks(100, 2)
    with torch.no_grad():
        features = codec.encode(test)
        clean = codec.decode(features).astype(float)
        moved = codec.decode(features + 0.05 * torch.randn(features.shape, generator=torch.Generator().manual_seed(1)))
    assert ((moved - clean) ** 2).mean() < 0.2 * ((clean - test) ** 2).mean() + 0.1 * clean.var()


def test_items_do_not_see_each_other(codec: autoencoder.Autoencoder) -> None:
    test = blocks(20, 2)
    torch.testing.assert_close(codec.encode(test)[:5], codec.encode(test[:5]), atol=1e-4, rtol=1e-4)


def test_fitting_again_gives_the_same_codec(tmp_path: Path) -> None:
    few = BOTTLENECK.model_copy(update={"steps": 5})
    first, again, other = (
        autoencoder.fit(few, SETTINGS, blocks(60, 1), seed=seed, name="test", state=tmp_path / f"{number}")[
            0
        ].state_dict()
        for number, seed in enumerate((1, 1, 2))
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_state_that_is_kept_is_the_best_of_items_held_out(tmp_path: Path) -> None:
    """Of a few items everything is soon learned by heart."""
    few = BOTTLENECK.model_copy(update={"steps": 200, "noise": 0.0})
    train, held = blocks(30, 1), blocks(100, 2)
    kept, last = (
        autoencoder.fit(few, SETTINGS, train, told, seed=1, name="test", state=tmp_path / f"{told is None}")[0]
        for told in (held, None)
    )
    assert error(kept, held) < error(last, held)


def test_pieces_do_not_change_what_comes_back(codec: autoencoder.Autoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    test = blocks(20, 2)
    whole = codec.encode(test)
    monkeypatch.setattr(chunked_items, "CHUNK", 3 * test[0].size)
    torch.testing.assert_close(codec.encode(test), whole, atol=1e-4, rtol=1e-4)
    assert codec.encode(test[:0]).shape == (0, 8)
    with torch.no_grad():
        assert codec.decode(whole).shape == test.shape
        assert codec.decode(whole[:0]).shape == (0, 12, 12, 3)
