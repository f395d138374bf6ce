"""The mixer codec: it begins as the principal components, learns what they lack, and takes pictures of any shape."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.features import linear, mixer
from stages.features.bottleneck import Bottleneck
from stages.features.randomised_pca import fit_pca
from stages.features.reconstruction import error
from stages.learning.networks import initialise
from stages.learning.training import stream
from tests.features.test_autoencoder import blocks

SETTINGS = mixer.Settings(patch=4, hidden=48, depth=2)
BOTTLENECK = Bottleneck(width=16, noise=0.1, steps=300, batch=64, learning_rate=0.003)


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> mixer.MixerCodec:
    return mixer.fit(BOTTLENECK, SETTINGS, blocks(600, 1), seed=1, name="test", state=tmp_path_factory.mktemp("s"))[0]


@pytest.fixture(scope="module")
def pca() -> linear.Linear:
    return linear.fit(blocks(600, 1), BOTTLENECK.width, np.random.default_rng(1))


def test_its_features_are_the_principal_components(codec: mixer.MixerCodec, pca: linear.Linear) -> None:
    test = blocks(50, 2)
    torch.testing.assert_close(codec.encode(test).abs(), pca.encode(test).abs(), atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize("shape", [(12, 12, 3), (9, 14, 1), (5, 7)])
def test_it_begins_as_the_linear_map_whatever_the_shape(shape: tuple[int, ...]) -> None:
    """Sides that no patch divides, and spectra, which have no channels."""
    items = np.random.default_rng(1).integers(0, 256, (30, *shape), dtype=np.uint8)
    model = mixer.MixerCodec(shape, 8, SETTINGS)
    initialise(model, stream(1, "weights"))
    model.set_components(fit_pca(items, 8, np.random.default_rng(1)))
    plain = linear.fit(items, 8, np.random.default_rng(1))
    with torch.no_grad():
        np.testing.assert_array_equal(model.decode(model.encode(items)), plain.decode(plain.encode(items)))


def test_what_it_learns_brings_unseen_items_nearer(codec: mixer.MixerCodec, pca: linear.Linear) -> None:
    test = blocks(100, 2)
    assert error(codec, test) < 0.85 * error(pca, test)


def test_every_patch_sees_the_whole_picture() -> None:
    network = mixer.Mixer((12, 12, 3), SETTINGS)
    pictures = torch.zeros(1, 3, 12, 12, requires_grad=True)
    network(pictures)[0, :, 0, 0].sum().backward()
    assert pictures.grad is not None
    seen = pictures.grad.abs().sum(1)[0]  # (H, W)
    assert (seen.unflatten(0, (3, 4)).unflatten(2, (3, 4)).sum((1, 3)) > 0).all()


def test_fitting_again_gives_the_same_codec(tmp_path: Path) -> None:
    few = BOTTLENECK.model_copy(update={"steps": 5})
    first, again, other = (
        mixer.fit(few, SETTINGS, blocks(60, 1), seed=seed, name="test", state=tmp_path / f"{n}")[0].state_dict()
        for n, seed in enumerate((1, 1, 2))
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_of_too_many_items_a_part_is_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixer, "MOST", 20 * blocks(1, 1).size)
    few = BOTTLENECK.model_copy(update={"steps": 5})
    codec, curve = mixer.fit(few, SETTINGS, blocks(60, 1), seed=1, name="test", state=tmp_path)
    assert curve.rows and codec.encode(blocks(3, 2)).shape == (3, BOTTLENECK.width)


def test_components_that_lack_nothing_leave_nothing_to_learn(tmp_path: Path) -> None:
    """Fewer items than features: the loss stays finite, and the items come back to the level."""
    items = blocks(10, 1)
    few = BOTTLENECK.model_copy(update={"steps": 20, "noise": 0.0})
    codec, curve = mixer.fit(few, SETTINGS, items, seed=1, name="test", state=tmp_path)
    assert np.isfinite(curve.table()["reconstruction"]).all()
    with torch.no_grad():
        assert np.abs(codec.decode(codec.encode(items)).astype(int) - items).max() <= 2
