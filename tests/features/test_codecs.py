"""Codecs on disk: what `extract` keeps is what later stages get."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stages.common.files import write_json
from stages.data.kinds.modalities import MODALITIES
from stages.features import codecs, pixels, values
from stages.features.bottleneck import Bottleneck
from stages.features.codecs import codec_of, load_codecs

ITEMS: dict[str, np.ndarray] = {
    "image": np.random.default_rng(1).integers(0, 256, (40, 6, 6, 3), dtype=np.uint8),
    "text": np.random.default_rng(2).integers(3, 50, (40, 9)).astype(np.uint16),
    "audio": np.random.default_rng(3).integers(0, 256, (40, 5, 7), dtype=np.uint8),
    "label": np.random.default_rng(4).integers(1, 7, (40, 1)).astype(np.uint16),
    "number": np.random.default_rng(5).integers(0, 256, (40, 1), dtype=np.uint8),
    "video": np.random.default_rng(6).integers(0, 256, (40, 6, 6, 9), dtype=np.uint8),
    "volume": np.random.default_rng(7).integers(0, 256, (40, 6, 6, 6), dtype=np.uint8),
    "molecule": np.random.default_rng(8).integers(3, 20, (40, 9)).astype(np.uint16),
}
BOTTLENECK = Bottleneck(width=5, noise=0.1, steps=3, batch=8, learning_rate=0.01)
LEARNED: list[tuple[str, str, dict[str, int]]] = [  # modality, codec, its settings
    ("image", "autoencoder", {"components": 10, "hidden": 16, "depth": 1}),
    ("image", "mixer", {"patch": 4, "hidden": 16, "depth": 1}),
    ("text", "recurrent", {"token_width": 5, "hidden": 16, "depth": 1}),
    ("text", "transformer", {"hidden": 16, "depth": 1}),
    ("audio", "autoencoder", {"components": 12, "hidden": 16, "depth": 1}),
    ("audio", "mixer", {"patch": 4, "hidden": 16, "depth": 1}),
    ("video", "mixer", {"patch": 4, "hidden": 16, "depth": 1}),
    ("volume", "mixer", {"patch": 4, "hidden": 16, "depth": 1}),
    ("volume", "autoencoder", {"components": 10, "hidden": 16, "depth": 1}),
    ("molecule", "recurrent", {"token_width": 5, "hidden": 16, "depth": 1}),
]


def test_every_modality_has_a_codec() -> None:
    assert codecs.SETTINGS.keys() == MODALITIES.keys() == ITEMS.keys()


@pytest.mark.parametrize(("name", "kind", "own"), LEARNED)
def test_a_kept_codec_is_the_same_codec(name: str, kind: str, own: dict[str, int], tmp_path: Path) -> None:
    module = codec_of(name, kind)
    codec, curve = module.fit(
        BOTTLENECK, module.Settings(**own), ITEMS[name], seed=1, name=name, state=tmp_path / "state"
    )
    assert len(curve.rows) == 3
    (tmp_path / name).mkdir()
    save_file(codec.state_dict(), tmp_path / name / "codec.safetensors")
    write_json(tmp_path / name / "codec.json", {"codec": kind} | codec.card)
    again = load_codecs([name], tmp_path)[name]
    with torch.no_grad():
        features = codec.encode(ITEMS[name])
        assert torch.equal(again.encode(ITEMS[name]), features)
        np.testing.assert_array_equal(again.decode(features), codec.decode(features))
    places = [ITEMS[name].shape[1] - 1] if kind == "transformer" else []  # a vector a token, but for the first
    assert features.shape == (40, *places, BOTTLENECK.width)
    assert not again.training


@pytest.mark.parametrize("name", ["label", "number"])
def test_values_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    """In as many features as they vary in, and with noise on these too; the kept codec is the same one."""
    codec, _ = values.fit(BOTTLENECK, values.Settings(width=9), ITEMS[name], seed=1, name=name, state=tmp_path)
    features = codec.encode(ITEMS[name])
    assert features.shape == (40, 5 if name == "label" else 1)
    np.testing.assert_array_equal(codec.decode(features), ITEMS[name])
    noised = codec.decode(features + 0.1 * torch.randn(features.shape, generator=torch.Generator().manual_seed(1)))
    near = (
        (noised == ITEMS[name]).mean() if name == "label" else 1 - np.abs(noised.astype(int) - ITEMS[name]).mean() / 255
    )
    assert near > 0.9
    (tmp_path / name).mkdir()
    save_file(codec.state_dict(), tmp_path / name / "codec.safetensors")
    write_json(tmp_path / name / "codec.json", {"codec": "values"} | codec.card)
    assert torch.equal(load_codecs([name], tmp_path)[name].encode(ITEMS[name]), features)


def test_pixels_come_back_as_they_were(tmp_path: Path) -> None:
    """Every level survives, whatever the shape; and as features they fill the range of a hyperbolic tangent."""
    items = np.arange(256, dtype=np.uint8).reshape(2, 8, 4, 4)
    codec, curve = pixels.fit(BOTTLENECK, pixels.Settings(), items, seed=1, name="image", state=tmp_path)
    features = codec.encode(items)
    assert features.shape == (2, 128) and features.min() == -1 and features.max() == 1
    np.testing.assert_array_equal(codec.decode(features), items)
    assert curve is None and not list(codec.parameters())
