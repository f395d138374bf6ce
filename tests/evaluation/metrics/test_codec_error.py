"""The figure of a codec is the error that `extract` measured, with an interval around it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from stages.common.files import write_json
from stages.evaluation.metrics.codec_error import codec_errors
from stages.evaluation.metrics.evaluated_data import Dataset
from stages.features import linear
from stages.features.reconstruction import error, losses
from stages.learning.networks import write_weights

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["levels", "tokens"])
def test_the_figure_is_that_of_the_stage(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items: Any = RNG.integers(256, size=(80, 6, 5), dtype=np.uint8)
    if kind == "tokens":
        items = RNG.integers(3, 9, size=(80, 7)).astype(np.uint16)
        items[RNG.random((80, 7)) < 0.3] = 0  # padding does not count
    monkeypatch.chdir(tmp_path)
    codec = linear.fit(items, 4, RNG)
    samples = pd.DataFrame({"split": ["train", "test"] * 40, "has_image": [True] * 60 + [False] * 20})
    test = items[(samples["split"] == "test") & samples["has_image"]]
    write_json(Path("data/extract/image/codec.json"), codec.card)
    write_json(Path("data/extract/image/reconstruction.json"), {"pca": 0.5})
    write_weights(Path("data/extract/image/codec.safetensors"), codec)
    Path("data/preprocess").mkdir()
    np.save("data/preprocess/image.clean.npy", items)
    dataset = cast(Dataset, SimpleNamespace(names=["image"], samples=samples))
    (result,) = codec_errors(dataset, np.random.default_rng(1))
    assert result.n == len(test) == 30 and result.floor == 0.5
    assert result.value == pytest.approx(error(codec, test), rel=1e-6)
    assert result.low < result.value < result.high
    assert losses(items, items)[0].sum() == 0
