"""Models as artifacts: another project gets them by name from Git and the team's remote, and they load there."""

from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from stages.common.files import read_json
from stages.common.params import read_yaml
from stages.fusion.fuse import load_fused
from stages.generation.train import load_generator
from tests.clones import ROOT, run, succeed
from tests.toy import commit, copied

ARTIFACTS: dict[str, dict[str, Any]] = read_yaml(ROOT / "dvc.yaml")["artifacts"]
TAG = ("git", "-c", "user.name=test", "-c", "user.email=test@localhost", "tag", "--annotate", "-m", "Release")


@pytest.fixture(scope="module")
def origin(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository, without any cache, of which every model has the version 1.0.0; the data are on the remote."""
    team = tmp_path_factory.mktemp("team")
    folder = copied(built, team / "author")
    succeed(folder, "dvc", "remote", "modify", "store", "url", str(team / "store"))
    commit(folder, "Build")
    succeed(folder, "dvc", "push", "--quiet")
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
def test_another_folder_gets_weights_and_card(name: str, origin: Path, tmp_path: Path) -> None:
    succeed(tmp_path, "dvc", "artifacts", "get", str(origin), name, "--rev", "v1.0.0", "--out", "model")
    cards = [read_json(path) for path in (tmp_path / "model").glob("*.json")]
    assert cards and all(cards)
    for path in (tmp_path / "model").glob("*.safetensors"):
        with safe_open(path, framework="np") as weights:
            assert list(weights.keys()), path
    assert not [path for path in (tmp_path / "model").iterdir() if path.suffix in (".pkl", ".pt", ".pth", ".bin")]


@pytest.mark.slow
def test_what_was_got_loads(origin: Path, tmp_path: Path) -> None:
    for name in ("generator", "fusion"):
        succeed(tmp_path, "dvc", "artifacts", "get", str(origin), name, "--out", name)
    fused = load_fused(tmp_path / "fusion")
    whole, parts = load_generator(tmp_path / "generator", read_json(tmp_path / "fusion/fusion.json")["modalities"])
    assert (
        sum(weight.numel() for model in (fused, whole, *parts) if model for weight in model.state_dict().values()) > 0
    )


@pytest.mark.slow
def test_a_version_that_is_not_there_is_an_error(origin: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "dvc", "artifacts", "get", str(origin), "generator", "--rev", "v9.9.9")
    assert done.returncode != 0 and "Unable to find artifact 'generator" in done.stderr
    assert not list(tmp_path.iterdir())
