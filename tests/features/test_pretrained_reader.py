"""A reader of captions that learned elsewhere: real checkpoints of three architectures, small, as their library writes
them."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from stages.common.files import write_json
from stages.common.shards import read_shard
from stages.data.kinds import text
from stages.features import pretrained_reader
from stages.features.bottleneck import Bottleneck
from stages.features.codecs import load_codecs
from stages.features.hugging_face import library
from tests.clones import staged
from tests.toy import copied, edit
from tools.params import check

transformers = pytest.importorskip("transformers")

WORDS = ["a", "red", "blue", "green", "seven", "bird", "sings", "runs", "<pad>"]
CAPTIONS = [f"a {colour} {thing} {does}" for colour in WORDS[1:4] for thing in WORDS[4:6] for does in WORDS[6:8]]
SIZE: dict[str, int] = {"vocab_size": len(WORDS), "pad_token_id": WORDS.index("<pad>")}
LAYER = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
BOTTLENECK = Bottleneck(width=3, noise=0.1, steps=60, batch=8, learning_rate=0.02)
SETTINGS = {"meaning": 2, "hidden": 8, "depth": 1}
PATH = "models/text/small"
NAMES = ["BertModel", "T5ForConditionalGeneration", "CLIPModel"]


def checkpoint(folder: Path, name: str) -> Any:
    """A model and its tokeniser, which are written to the folder."""
    torch.manual_seed(1)
    with library("test"):
        transformers.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        if name == "BertModel":
            config = transformers.BertConfig(**SIZE, **LAYER, max_position_embeddings=12)
        elif name == "CLIPModel":
            config = transformers.CLIPConfig(
                text_config=SIZE | LAYER | {"max_position_embeddings": 12, "eos_token_id": 0},
                vision_config=LAYER | {"image_size": 16, "patch_size": 8}, projection_dim=8,
            )  # fmt: skip
        else:
            config = transformers.T5Config(**SIZE, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        model = getattr(transformers, name)(config).eval()
        model.save_pretrained(folder)
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<pad>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return model


def tokens(captions: list[str]) -> np.ndarray:
    """Of our own tokeniser, which is where `preprocess` leaves it."""
    own = Path("data/preprocess/text")
    own.mkdir(parents=True, exist_ok=True)
    fitted = text.fit(text.Settings(vocabulary=280, length=10), CAPTIONS, own)
    return np.stack([text.tensor(caption, fitted) for caption in captions])


def fitted(path: str = PATH, captions: list[str] = CAPTIONS) -> pretrained_reader.PretrainedReader:
    settings = pretrained_reader.Settings(path=path, **SETTINGS)
    codec, curve = pretrained_reader.fit(
        BOTTLENECK, settings, np.repeat(tokens(captions), 2, 0), seed=1, name="text", state=Path("state")
    )
    assert len(curve.rows) > 1
    return codec


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A checkpoint at PATH of a folder in which the test then works."""
    monkeypatch.chdir(tmp_path)
    return checkpoint(tmp_path / PATH, request.param)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, of one architecture."""
    monkeypatch.chdir(tmp_path)
    checkpoint(tmp_path / PATH, "BertModel")
    return tmp_path / PATH


def test_the_first_tokens_are_what_the_library_reads(model: Any) -> None:
    """Each of mean 0 and variance 1; the size that is taken from them is that of the encoder's own states."""
    codec = fitted()
    features = codec.encode(tokens(CAPTIONS))
    assert features.shape == (12, 2 + 9, 3)
    meaning = features[:, :2].flatten(1)
    assert meaning.mean(0).abs().max() < 1e-3
    kept = codec.basis.square().sum(1) > 0
    assert kept.sum() >= 4
    torch.testing.assert_close(meaning.std(0)[kept], torch.ones(int(kept.sum())), atol=1e-2, rtol=0)
    words = torch.tensor([[WORDS.index(word) for word in caption.split()] for caption in CAPTIONS])
    parts = {"BertModel": "", "T5ForConditionalGeneration": "encoder", "CLIPModel": "text_model"}
    encoder: Any = model.get_submodule(parts[type(model).__name__])
    with torch.no_grad():
        own = encoder(input_ids=words).last_hidden_state.mean(1)
    found = (own - codec.middle) @ codec.basis.T / codec.spread
    torch.testing.assert_close(found, meaning, atol=1e-3, rtol=1e-3)


def test_captions_of_any_length_mean_the_same_alone_and_among_others(model: Any) -> None:
    captions = ["a bird", "a red bird sings", "", "seven " * 40]
    codec, mixed = fitted(), tokens(captions)
    among = codec.encode(mixed)
    for number in range(len(captions)):
        torch.testing.assert_close(codec.encode(mixed[number : number + 1])[0], among[number], atol=1e-4, rtol=1e-4)


def test_captions_come_back_whatever_the_encoder_makes_of_them(folder: Path) -> None:
    codec, new = fitted(), tokens(["green green a", "zebra?", "a seven sings"])
    np.testing.assert_array_equal(codec.decode(codec.encode(new))[[0, 2]], new[[0, 2]])


def test_it_is_kept_whole_and_says_where_it_is_from(model: Any, tmp_path: Path) -> None:
    (tmp_path / PATH / "README.md").write_text("---\nlicense: mit\n---\n# A model\n", encoding="utf-8")
    codec, items = fitted(), tokens(CAPTIONS)
    (tmp_path / "text").mkdir()
    save_file(codec.state_dict(), tmp_path / "text/codec.safetensors")
    write_json(tmp_path / "text/codec.json", {"codec": "pretrained"} | codec.card)
    for gone in ("models", "data"):
        shutil.rmtree(tmp_path / gone)
    again = load_codecs(["text"], tmp_path)["text"]
    features = codec.encode(items)
    assert torch.equal(again.encode(items), features)
    np.testing.assert_array_equal(again.decode(features), codec.decode(features))
    source: dict[str, Any] = json.loads((tmp_path / "text/codec.json").read_text(encoding="utf-8"))["source"]
    assert source["licence"] == "mit" and {"README.md", "config.json", "model.safetensors"} < set(source["files"])


def test_a_caption_that_never_changes_has_no_features_of_its_own(folder: Path) -> None:
    codec = fitted(captions=["a bird"] * 3)
    assert torch.equal(codec.spread, torch.ones(6)) and codec.encode(tokens(CAPTIONS)).isfinite().all()


def no_tokeniser(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def broken_tokeniser(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")


def foreign_tokeniser(folder: Path) -> None:
    Tokenizer(WordLevel({str(number): number for number in range(40)})).save(str(folder / "tokenizer.json"))


def a_model_that_writes(folder: Path) -> None:
    edit(folder / "config.json", '"bert"', '"gpt2"')


def half_the_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    kept = {name: value for name, value in load_file(weights).items() if "attention" not in name}
    save_file(kept, weights, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (no_tokeniser, rf"expected {PATH}/tokenizer.json, got none; download it too"),
        (broken_tokeniser, rf"expected a tokeniser in {PATH}/tokenizer.json, got: .*; download it again"),
        (foreign_tokeniser, r"expected a tokeniser of 9 tokens at most, got one of 40; take that of the model"),
        (a_model_that_writes, r"expected a text encoder as BERT, T5 or CLIP, got gpt2; take another model"),
        (half_the_weights, r"expected weights for all of BertModel, got none that fit for encoder"),
    ],
)
def test_a_folder_that_is_no_encoder_is_refused(harm: Any, said: str, folder: Path) -> None:
    harm(folder)
    with pytest.raises(ValueError, match=rf"^extract\.text\.pretrained\.path: {said}") as told:
        fitted()
    assert "\n" not in str(told.value)


def test_a_pooler_may_lack(folder: Path) -> None:
    weights = folder / "model.safetensors"
    kept = {name: value for name, value in load_file(weights).items() if not name.startswith("pooler")}
    save_file(kept, weights, metadata={"format": "pt"})
    fitted()


def test_without_the_extra_one_is_told_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=r"expected the package transformers, which is not installed; python -m pip"):
        fitted()


@pytest.mark.slow
def test_a_generator_learns_on_it(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = copied(built, tmp_path / "clone")
    checkpoint(clone / PATH, "BertModel")
    edit(clone / "params.yaml", "  text:\n    codec: recurrent\n", "  text:\n    codec: pretrained\n")
    edit(clone / "params.yaml", "      path: models/text/encoder\n", f"      path: {PATH}\n")
    monkeypatch.chdir(clone)
    check()
    staged(clone, {"extract", "fuse", "train", "generate"})
    card = json.loads((clone / "data/extract/text/codec.json").read_text(encoding="utf-8"))
    assert card["codec"] == "pretrained" and card["origin"]["figures"]["reconstruction"]["kept"] == "pretrained"
    made = list(read_shard(clone / "data/generate/nothing.tar"))
    assert all(files["txt"].decode("utf-8") is not None for _, files in made)
