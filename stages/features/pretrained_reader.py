"""A codec of captions whose reader learned elsewhere: a text encoder in Hugging Face's layout.

A team with some hundreds of captions stands on a model that has read millions of sentences: a word that training never
saw lies near those that mean the same. Its features are tokens. The first ones are the meaning, what the encoder makes
of a caption, the mean over its words, as principal components of mean 0 and variance 1. Then comes a code for each
token of the caption (transformer.py), so captions come back whole, whatever the encoder makes of them.
The weights are kept with the codec, so what was made needs the folder no more.
Source of the mean over words: Sentence-BERT, Reimers and Gurevych 2019, arXiv:1908.10084, section 3.
Axes: B batch, T token of our own tokeniser but the first, S token of the meaning, D features of a token, L token of
the encoder's tokeniser, E width of the encoder.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import PositiveInt
from tokenizers import Tokenizer
from torch import Tensor, nn

from stages.common.seeds import draws
from stages.common.special_tokens import END, MARKS
from stages.features import transformer
from stages.features.bottleneck import Bottleneck
from stages.features.chunked_items import Items
from stages.features.hugging_face import Source, library, load, read_source
from stages.features.randomised_pca import fit_pca
from stages.learning.curve import Curve
from stages.learning.device import device

WHERE = "extract.text.pretrained.path"
ROOT = Path("models/text")
WEIGHTS = "model"
CLEAN = Path("data/preprocess")
TOKENIZER = "tokenizer.json"
BATCH = 64  # captions at a time
LONGEST = 128  # tokens of a caption that the encoder reads
POOLER = "pooler"  # what some encoders make of the first token alone; not used here, and not in every file


class Settings(transformer.Settings):
    """Section `extract.text.pretrained`: size of the writer, and of the meaning."""

    path: str  # folder below models/text
    meaning: PositiveInt  # S


class PretrainedReader(nn.Module):
    """(1 + T,) tokens <-> (S + T, D) features."""

    middle: Tensor
    basis: Tensor
    spread: Tensor
    tokenizers: Tensor

    def __init__(self, source: Source, meaning: int, lengths: list[int], writer: Mapping[str, Any]) -> None:
        """`lengths` are those of the tokenisers, in bytes of JSON: ours, and that of the encoder."""
        super().__init__()
        self.card = {"source": source, "meaning": meaning, "lengths": lengths, "writer": dict(writer)}
        self.meaning, self.lengths = meaning, lengths
        self.encoder, self.writer = encoder_of(source), transformer.build(writer)
        numbers, width = meaning * self.writer.width, self.encoder.config.hidden_size
        self.register_buffer("tokenizers", torch.zeros(sum(lengths), dtype=torch.uint8))
        self.register_buffer("middle", torch.zeros(width))
        self.register_buffer("basis", torch.zeros(numbers, width))
        self.register_buffer("spread", torch.ones(numbers))

    @property
    def sizes(self) -> Tensor:
        """((S + T) D,): the meaning's as they lie in the encoder, of mean square 1; all codes alike."""
        codes = torch.ones((self.writer.length - 1) * self.writer.width, device=self.spread.device)
        return torch.cat([self.spread / self.spread.square().mean().sqrt(), codes])

    @property
    def padding(self) -> int:
        """The token of the encoder that says nothing."""
        return int(self.encoder.config.pad_token_id or 0)

    @cached_property
    def own(self) -> Tokenizer:
        return Tokenizer.from_str(self.tokenizers[: self.lengths[0]].cpu().numpy().tobytes().decode())

    @cached_property
    def foreign(self) -> Tokenizer:
        tokenizer = Tokenizer.from_str(self.tokenizers[self.lengths[0] :].cpu().numpy().tobytes().decode())
        places = getattr(self.encoder.config, "max_position_embeddings", LONGEST + 2)
        tokenizer.enable_truncation(min(LONGEST, places - 2))  # some number their places from 2
        tokenizer.enable_padding(pad_id=self.padding)
        return tokenizer

    def read(self, tokens: np.ndarray) -> Tensor:
        """(B, 1 + T) uint16 -> (B, E): the mean over the words of each caption, on the CPU. What is said again and
        again is read once."""
        different, which = np.unique(tokens, axis=0, return_inverse=True)
        parts = np.array_split(different, range(BATCH, len(different), BATCH))
        return torch.cat([self.means([said(row, self.own) for row in part]) for part in parts])[which.reshape(-1)]

    @torch.no_grad()
    def means(self, captions: list[str]) -> Tensor:
        """B captions -> (B, E)."""
        found, where = self.foreign.encode_batch(captions), self.middle.device
        words = torch.tensor([one.ids or [self.padding] for one in found], device=where)  # (B, L)
        there = torch.tensor([one.attention_mask or [1] for one in found], device=where)
        there[:, 0] = 1  # so that something is there of a caption without words
        states = self.encoder(input_ids=words, attention_mask=there).last_hidden_state  # (B, L, E)
        mean: Tensor = (states * there[..., None]).sum(1) / there.sum(1, keepdim=True)
        return mean.float().cpu()

    def encode(self, tokens: np.ndarray) -> Tensor:
        """(B, 1 + T) uint16 -> (B, S + T, D) features, on the CPU."""
        means = self.read(tokens).to(self.middle.device)
        meaning = ((means - self.middle) @ self.basis.T / self.spread).unflatten(1, (self.meaning, -1)).cpu()
        return torch.cat([meaning, self.writer.encode(tokens)], 1)

    def decode(self, features: Tensor) -> np.ndarray:
        """(B, S + T, D) features -> (B, 1 + T) uint16."""
        return self.writer.decode(features[:, self.meaning :])


def said(tokens: np.ndarray, tokenizer: Tokenizer) -> str:
    """The caption of (1 + T,) tokens, up to the first END."""
    end = np.flatnonzero(tokens == END)
    kept = tokens[: end[0]] if len(end) else tokens
    return str(tokenizer.decode([int(token) - MARKS for token in kept if token >= MARKS]))


def architecture(source: Source) -> tuple[Any, Any]:
    """The class of transformers for the config of a text encoder, and that config. Raises ValueError when there is
    none: a model that writes reads each word without those behind it."""
    with library(WHERE):
        import transformers  # takes seconds to start, and only this codec needs it

        known: Any = transformers
        known.logging.set_verbosity_error()
        configs, encoders = known.CONFIG_MAPPING, known.MODEL_FOR_TEXT_ENCODING_MAPPING
        kind = source["config"].get("model_type")
        if kind == "clip":  # of pictures and texts; the latter have an encoder of their own
            return architecture(
                source | {"config": source["config"]["text_config"] | {"model_type": f"{kind}_text_model"}}
            )
        config = configs[kind].from_dict(source["config"]) if kind in configs else None
        if type(config) not in encoders:
            raise ValueError(f"{WHERE}: expected a text encoder as BERT, T5 or CLIP, got {kind}; take another model")
        return encoders[type(config)], config


def encoder_of(source: Source) -> Any:
    """The encoder that a config describes, of random weights."""
    kind, config = architecture(source)
    with library(WHERE):
        return bare(kind(config))


def bare(model: Any) -> Any:
    """The encoder of a model, and nothing else that it has: a second name of its table of words, a pooler."""
    encoder = model.encoder if hasattr(model, "shared") else model
    if hasattr(encoder, POOLER):
        encoder.pooler = None
    return encoder.eval().requires_grad_(False)


def read_tokenizer(source: Source) -> str:
    """The JSON of the encoder's tokeniser. Raises ValueError when it has none, or one of another model."""
    path = Path(source["path"]) / TOKENIZER
    if not path.is_file():
        raise ValueError(f"{WHERE}: expected {path}, got none; download it too")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no other
        raise ValueError(f"{WHERE}: expected a tokeniser in {path}, got: {error}; download it again") from error
    known, size = architecture(source)[1].vocab_size, tokenizer.get_vocab_size()
    if size > known:
        raise ValueError(
            f"{WHERE}: expected a tokeniser of {known} tokens at most, got one of {size}; take that of the model"
        )
    return str(tokenizer.to_str())


def shape_of(settings: Settings, length: int, width: int) -> tuple[int, int]:
    """Of the features (S + T, D) of a caption of 1 + T tokens. Raises ValueError when the folder has no encoder."""
    source = read_source(settings.path, ROOT, WHERE, WEIGHTS)
    read_tokenizer(source)
    return settings.meaning + length - 1, width


def build(card: Mapping[str, Any]) -> PretrainedReader:
    """The codec that a card describes, of random weights."""
    return PretrainedReader(card["source"], card["meaning"], card["lengths"], card["writer"])


def fit(
    bottleneck: Bottleneck, settings: Settings, items: Items, held: Items | None = None, *,
    seed: int, name: str, state: Path,
) -> tuple[PretrainedReader, Curve]:  # fmt: skip
    """The encoder of the folder, what it says measured on (N, 1 + T) uint16 `items`, and a writer that learns them; its
    loss curve."""
    source = read_source(settings.path, ROOT, WHERE, WEIGHTS)
    own = CLEAN / Path(name).name / TOKENIZER  # streams are called by their stage and the modality
    tokenizers = [own.read_bytes(), read_tokenizer(source).encode()]
    size = transformer.Settings(hidden=settings.hidden, depth=settings.depth)
    writer, curve = transformer.fit(bottleneck, size, items, held, seed=seed, name=name, state=state)
    model = PretrainedReader(source, settings.meaning, [len(one) for one in tokenizers], writer.card)
    model.tokenizers.copy_(torch.tensor(list(b"".join(tokenizers)), dtype=torch.uint8))
    model.writer.load_state_dict(writer.state_dict())
    trained = load(architecture(source)[0], source, WHERE, spare=POOLER)
    model.encoder.load_state_dict(bare(trained).state_dict())
    model.to(device()).eval()
    captions = np.unique(items[:], axis=0)
    found = fit_pca(
        model.read(captions).numpy(),
        len(model.spread),
        draws(seed, f"{name}/meaning"),
        lambda part: torch.from_numpy(part),
    )
    model.middle.copy_(found.mean)
    model.basis.copy_(found.components)
    model.spread.copy_(found.variances.sqrt().where(found.variances > 0, torch.ones(())))
    return model, curve
