"""Codecs on disk: what `extract` keeps is what later stages get."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stages.common.files import write_json
from stages.data.kinds.modalities import MODALITIES
from stages.features import autoencoder, codecs, pixels, text
from stages.features.codecs import CODECS, load_codecs

ITEMS = {
    "image": np.random.default_rng(1).integers(0, 256, (40, 6, 6, 3), dtype=np.uint8),
    "text": np.random.default_rng(2).integers(3, 50, (40, 9)).astype(np.uint16),
    "audio": np.random.default_rng(3).integers(0, 256, (40, 5, 7), dtype=np.uint8),
}
LEARNING: dict[str, Any] = {"hidden": 16, "depth": 1, "noise": 0.1, "steps": 3, "batch": 8, "learning_rate": 0.01}
SETTINGS: dict[str, autoencoder.Settings | text.Settings] = {
    "image": autoencoder.Settings(codec="autoencoder", width=4, components=10, **LEARNING),
    "text": text.Settings(codec="text", width=6, token_width=5, **LEARNING),
    "audio": autoencoder.Settings(codec="autoencoder", width=5, components=12, **LEARNING),
}


def test_every_modality_has_a_codec() -> None:
    assert codecs.SETTINGS.keys() == MODALITIES.keys() == ITEMS.keys()


@pytest.mark.parametrize("name", ITEMS)
def test_a_kept_codec_is_the_same_codec(name: str, tmp_path: Path) -> None:
    settings = SETTINGS[name]
    codec, curve = CODECS[settings.codec].fit(settings, ITEMS[name], seed=1, name=name, state=tmp_path / "state")
    assert len(curve) == 3
    (tmp_path / name).mkdir()
    save_file(codec.state_dict(), tmp_path / name / "codec.safetensors")
    write_json(tmp_path / name / "codec.json", {"codec": settings.codec} | codec.card)
    again = load_codecs([name], tmp_path)[name]
    with torch.no_grad():
        features = codec.encode(ITEMS[name])
        assert torch.equal(again.encode(ITEMS[name]), features)
        np.testing.assert_array_equal(again.decode(features), codec.decode(features))
    assert features.shape == (40, SETTINGS[name].width)
    assert not again.training


def test_pixels_come_back_as_they_were(tmp_path: Path) -> None:
    """Every level survives, whatever the shape; and as features they fill the range of a hyperbolic tangent."""
    items = np.arange(256, dtype=np.uint8).reshape(2, 8, 4, 4)
    settings = autoencoder.Settings(codec="pixels", width=4, components=10, **LEARNING)
    codec, curve = pixels.fit(settings, items, seed=1, name="image", state=tmp_path)
    features = codec.encode(items)
    assert features.shape == (2, 128) and features.min() == -1 and features.max() == 1
    np.testing.assert_array_equal(codec.decode(features), items)
    assert curve.empty and not list(codec.parameters())
