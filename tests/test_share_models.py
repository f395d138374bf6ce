"""Models as artifacts: another project gets them by name from Git and the team's remote, and they load there."""

import hashlib
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from stages.common.files import read_json
from stages.common.params import read_yaml
from stages.data.sources.digits import LICENCE
from stages.features.codecs import load_codecs
from stages.fusion.trained_fusion import load_fusion
from stages.generation.models.trained_generator import load_generator
from tests.clones import ROOT, run, succeed
from tests.toy import published

ARTIFACTS: dict[str, dict[str, Any]] = read_yaml(ROOT / "dvc.yaml")["artifacts"]
ARTIFACTS.pop("model")  # that no stage makes: tests/tools/test_export.py
TAG = ("git", "-c", "user.name=test", "-c", "user.email=test@localhost", "tag", "--annotate", "-m", "Release")


@pytest.fixture(scope="module")
def origin(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository, without any cache, of which every model has the version 1.0.0; the data are on the remote."""
    team = tmp_path_factory.mktemp("team")
    folder = published(built, team)
    for name in ARTIFACTS:
        succeed(folder, *TAG, f"{name}@v1.0.0")
    succeed(team, "git", "clone", "--quiet", "--bare", str(folder), "origin.git")
    return team / "origin.git"


def test_every_model_is_named_and_every_name_is_a_model() -> None:
    outs = {
        "data/train",
        "data/fuse",
        *(f"data/extract/{name}" for name in read_yaml(ROOT / "params.yaml")["modalities"]),
    }
    assert {artifact["path"] for artifact in ARTIFACTS.values()} == outs


@pytest.mark.slow
@pytest.mark.parametrize("name", ARTIFACTS)
def test_another_folder_gets_weights_and_card(name: str, built: Path, origin: Path, tmp_path: Path) -> None:
    succeed(tmp_path, "dvc", "artifacts", "get", str(origin), name, "--rev", "v1.0.0", "--out", "model")
    (card,) = [read_json(path) for path in (tmp_path / "model").glob("*.json") if path.name != "reconstruction.json"]
    assert card["origin"]["data_licence"] == LICENCE
    assert card["origin"]["data"]
    for path, digest in card["origin"]["data"].items():
        assert hashlib.sha256((built / path).read_bytes()).hexdigest() == digest, path
    assert card["origin"]["figures"]["losses"]
    for path in (tmp_path / "model").glob("*.safetensors"):
        with safe_open(path, framework="np") as weights:
            assert list(weights.keys()), path
    assert not [path for path in (tmp_path / "model").iterdir() if path.suffix in (".pkl", ".pt", ".pth", ".bin")]


@pytest.mark.slow
def test_what_was_got_makes_a_sample_from_nothing(origin: Path, tmp_path: Path) -> None:
    for name in ARTIFACTS:
        succeed(tmp_path, "dvc", "artifacts", "get", str(origin), name, "--out", name.removeprefix("codec-"))
    card = read_json(tmp_path / "fusion/fusion.json")
    names, fused = card["modalities"], load_fusion(tmp_path / "fusion")
    prior, decoders = load_generator(tmp_path / "generator", names)
    assert prior
    nothing = torch.zeros(1, len(names), dtype=torch.bool)
    view = torch.cat([fused(torch.zeros(1, sum(prod(shape) for shape in card["shapes"])), nothing), nothing], -1)
    drawn = prior.sample(view, torch.randn(1, prior.latent_width), steps=4)
    codecs = load_codecs(names, tmp_path)
    with torch.no_grad():
        for name, decoder in zip(names, decoders, strict=True):
            made = codecs[name].decode(decoder.sample(drawn, torch.randn(1, decoder.latent_width), steps=4))
            assert made.shape == (1, *read_json(tmp_path / name / "codec.json")["shape"])


@pytest.mark.slow
def test_a_version_that_is_not_there_is_an_error(origin: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "dvc", "artifacts", "get", str(origin), "generator", "--rev", "v9.9.9")
    assert done.returncode != 0 and "Unable to find artifact 'generator" in done.stderr
    assert not list(tmp_path.iterdir())
