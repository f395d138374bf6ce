"""A codec that learned elsewhere: real checkpoints of two architectures, small, as their own library writes them."""

import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from stages.common.files import write_json
from stages.common.shards import read_shard
from stages.features import pretrained_autoencoder as pretrained
from stages.features.bottleneck import Bottleneck
from stages.features.codecs import load_codecs
from stages.features.hugging_face import UNKNOWN, library, licence
from tests.clones import staged
from tests.toy import copied, edit
from tools.params import check

diffusers = pytest.importorskip("diffusers")

SMALL: dict[str, dict[str, Any]] = {
    "AutoencoderKL": {
        "block_out_channels": (8, 8, 8), "down_block_types": ("DownEncoderBlock2D",) * 3,
        "up_block_types": ("UpDecoderBlock2D",) * 3, "norm_num_groups": 4, "latent_channels": 3,
    },
    "AutoencoderTiny": {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4},
}  # fmt: skip
GRIDS = {"AutoencoderKL": (3, 4, 4), "AutoencoderTiny": (4, 2, 2)}  # of a picture of 16 x 16
BOTTLENECK = Bottleneck(width=5, noise=0.1, steps=3, batch=8, learning_rate=0.01)
PATH = "models/image/small"
PICTURES = np.random.default_rng(1).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)


def checkpoint(folder: Path, name: str) -> Any:
    """A model that is written to the folder."""
    torch.manual_seed(1)
    with library("test"):
        diffusers.utils.logging.set_verbosity_error()
        model = getattr(diffusers, name)(**SMALL[name]).eval()
        model.save_pretrained(folder)
    return model


def fitted(path: str = PATH, pictures: np.ndarray = PICTURES) -> pretrained.Pretrained:
    settings = pretrained.Settings(path=path)
    return pretrained.fit(BOTTLENECK, settings, pictures, seed=1, name="image", state=Path("state"))[0]


@pytest.fixture(params=list(SMALL))
def model(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A checkpoint at PATH of a folder in which the test then works."""
    monkeypatch.chdir(tmp_path)
    return checkpoint(tmp_path / PATH, request.param)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, of one architecture."""
    monkeypatch.chdir(tmp_path)
    checkpoint(tmp_path / PATH, "AutoencoderTiny")
    return tmp_path / PATH


def test_its_features_are_the_latents_each_of_mean_0_and_variance_1(model: Any) -> None:
    codec, grid = fitted(), GRIDS[type(model).__name__]
    features = codec.encode(PICTURES)
    assert features.shape == (24, grid[1] * grid[2], grid[0])
    assert features.mean(0).abs().max() < 1e-4
    torch.testing.assert_close(features.std(0, correction=0), torch.ones(features.shape[1:]))
    levels = torch.from_numpy(PICTURES).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        own = pretrained.encoded(model, levels)
    sizes = codec.sizes.unflatten(0, features.shape[1:])
    torch.testing.assert_close(features * sizes + pretrained.tokens(codec.middle[None]), pretrained.tokens(own))


def test_what_it_restores_is_what_the_library_restores(model: Any) -> None:
    codec = fitted()
    levels = torch.from_numpy(PICTURES).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        made = model.decode(pretrained.encoded(model, levels)).sample
    expected = ((made + 1) * 127.5).round().clamp(0, 255).permute(0, 2, 3, 1).numpy()
    restored = codec.decode(codec.encode(PICTURES))
    assert restored.dtype == np.uint8 and restored.shape == PICTURES.shape
    assert np.abs(restored - expected).max() <= 1


def test_it_is_kept_whole_and_says_where_it_is_from(model: Any, tmp_path: Path) -> None:
    (tmp_path / PATH / "README.md").write_text("---\nlicense: openrail\n---\n# A model\n", encoding="utf-8")
    codec = fitted()
    (tmp_path / "image").mkdir()
    save_file(codec.state_dict(), tmp_path / "image/codec.safetensors")
    write_json(tmp_path / "image/codec.json", {"codec": "pretrained"} | codec.card)
    shutil.rmtree(tmp_path / "models")
    again = load_codecs(["image"], tmp_path)["image"]
    features = codec.encode(PICTURES)
    assert torch.equal(again.encode(PICTURES), features)
    np.testing.assert_array_equal(again.decode(features), codec.decode(features))
    source: dict[str, Any] = json.loads((tmp_path / "image/codec.json").read_text(encoding="utf-8"))["source"]
    assert source["licence"] == "openrail" and source["config"]["_class_name"] == type(model).__name__
    assert {len(digest) for digest in source["files"].values()} == {64}
    assert set(source["files"]) == {"README.md", "config.json", "diffusion_pytorch_model.safetensors"}


def test_latents_that_never_change_are_no_features_of_their_own(folder: Path) -> None:
    """A white picture only: nothing is divided by nothing."""
    codec = fitted(pictures=np.full((8, 16, 16, 3), 255, np.uint8))
    assert torch.equal(codec.spread, torch.ones(codec.grid))
    assert codec.encode(PICTURES).isfinite().all()


def test_a_licence_that_is_not_stated_is_said_to_be_so(folder: Path) -> None:
    assert licence(folder) == UNKNOWN


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")


def pickled(folder: Path) -> None:
    weights = folder / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), folder / "diffusion_pytorch_model.bin")
    weights.unlink()


def another_architecture(folder: Path) -> None:
    edit(folder / "config.json", '"AutoencoderTiny"', '"UNet2DModel"')


def half_the_weights(folder: Path) -> None:
    weights = folder / "diffusion_pytorch_model.safetensors"
    save_file({name: value for name, value in load_file(weights).items() if "decoder" not in name}, weights)


def cut_short(folder: Path) -> None:
    weights = folder / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (without_config, rf"expected a folder with config.json, got {PATH}, which has none"),
        (broken_config, rf"expected JSON in {PATH}/config.json, got Expecting"),
        (
            pickled,
            r"expected .*, got diffusion_pytorch_model.bin, a pickle, whose reading runs code; take weights as saf",
        ),
        (another_architecture, r"expected an AutoencoderKL or AutoencoderTiny, got UNet2DModel; take another"),
        (half_the_weights, r"expected weights for all of AutoencoderTiny, got none that fit for decoder"),
        (cut_short, r"expected a model that its library can read, got: .*; download it again"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(harm: Any, said: str, folder: Path) -> None:
    harm(folder)
    with pytest.raises(ValueError, match=rf"^extract\.image\.pretrained\.path: {said}") as told:
        fitted()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "path", ["/tmp/model", "data/model", "models/image/../../model", "models/image", "models/text/x"]
)
def test_only_what_dvc_watches_is_read(path: str, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a folder below models/image/, which DVC watches, got"):
        fitted(path)


def test_pictures_that_do_not_fit_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a model for pictures of 1 channels, got one for 3; change preproc"):
        fitted(pictures=PICTURES[..., :1])
    with pytest.raises(ValueError, match=r"preprocess.image.size: .* got 12, of which it makes 16; set it to 16"):
        fitted(pictures=PICTURES[:, :12, :12])


def test_without_the_extra_one_is_told_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ValueError, match=r"expected the package diffusers, which is not installed; python -m pip inst"):
        fitted()


@pytest.mark.slow
def test_a_generator_learns_on_it(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = copied(built, tmp_path / "clone")
    checkpoint(clone / PATH, "AutoencoderKL")
    for old, new in (
        ("    size: 28\n", "    size: 32\n"),
        ("  image:\n    codec: autoencoder\n", "  image:\n    codec: pretrained\n"),
        ("      path: models/image/autoencoder\n", f"      path: {PATH}\n"),
    ):
        edit(clone / "params.yaml", old, new)
    monkeypatch.chdir(clone)
    check()
    staged(clone, {"preprocess", "extract", "fuse", "train", "generate"})
    card = json.loads((clone / "data/extract/image/codec.json").read_text(encoding="utf-8"))
    assert card["codec"] == "pretrained" and card["origin"]["figures"]["reconstruction"]["kept"] == "pretrained"
    assert list(load_file(clone / "data/extract/image/features.safetensors")["clean"].shape[1:]) == [64, 3]
    made = list(read_shard(clone / "data/generate/nothing.tar"))
    assert {Image.open(io.BytesIO(files["png"])).size for _, files in made} == {(32, 32)}
