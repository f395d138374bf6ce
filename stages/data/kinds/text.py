"""Captions: UTF-8 bytes to byte-level BPE tokens, and back.

Tensor: (T,) uint16 tokens; START, the caption, END, then PAD up to `length`. The tokeniser does not know these
marks, so no caption can contain one, whatever it says: its own tokens are numbered from 0, in a tensor from MARKS.
Source of the tokeniser: Sennrich et al. 2016, arXiv:1508.07909; on bytes, so that no text is unknown.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from stages.common.files import replace
from stages.common.params import Strict
from stages.common.special_tokens import END, MARKS, PAD, START

LOOKED_AT = 10_000  # words of a caption whose tokens are counted
TOKENIZER = "tokenizer.json"
CUT = ("length", "tokens", "captions")


class Settings(Strict):
    """Section `preprocess.text`."""

    vocabulary: Annotated[int, Field(ge=260, le=65535)]  # tokens, the 256 bytes and 3 marks included
    length: Annotated[int, Field(ge=4)]  # T, tokens a caption with its marks; longer captions are cut


@dataclass(frozen=True)
class Text:
    """Settings and the tokeniser learned from the train split."""

    settings: Settings
    tokenizer: Tokenizer


def fit(settings: Settings, captions: Iterable[str], folder: Path) -> Text:
    """Learn byte pairs from `captions` and keep them below `folder`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    size = settings.vocabulary - MARKS
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(captions, trainer)
    replace(folder / TOKENIZER, tokenizer.to_str())
    return Text(settings, tokenizer)


def restore(settings: Settings, captions: Iterable[str], folder: Path) -> Text:
    """What `fit` learned, read back in a later stage."""
    return Text(settings, Tokenizer.from_file(str(folder / TOKENIZER)))


def read(payload: bytes, text: Text) -> str:
    """A caption with one kind of white space and composed letters. Raises ValueError when it is not UTF-8."""
    try:
        return " ".join(unicodedata.normalize("NFC", payload.decode("utf-8-sig")).split())
    except UnicodeDecodeError as error:
        raise ValueError(f"expected UTF-8 text, got byte {payload[error.start]:#04x} at {error.start}") from error


def augment(caption: str, text: Text, rng: np.random.Generator) -> str:
    """Captions are not changed: their wording is what they are."""
    return caption


def length(caption: str, text: Text) -> int:
    """How many tokens a caption has, its marks included; of a book the beginning is counted."""
    beginning = " ".join(caption.split(" ", LOOKED_AT)[:LOOKED_AT])
    return len(text.tokenizer.encode(beginning).ids) + 2


def tensor(caption: str, text: Text) -> np.ndarray:
    """The tokens of a caption: (T,) uint16."""
    beginning = " ".join(caption.split(" ", text.settings.length)[: text.settings.length])  # a word is a token or more
    tokens = text.tokenizer.encode(beginning).ids[: text.settings.length - 2]
    padding = [PAD] * (text.settings.length - 2 - len(tokens))
    return np.array([START, *(MARKS + token for token in tokens), END, *padding], np.uint16)


def blank(text: Text) -> np.ndarray:
    """What stands where a sample has no caption."""
    return np.full(text.settings.length, PAD, np.uint16)


def write(tokens: np.ndarray, text: Text) -> bytes:
    """The caption of (T,) tokens, up to the first END, as UTF-8."""
    end = np.flatnonzero(tokens == END)
    kept = tokens[: end[0]] if len(end) else tokens
    return str(text.tokenizer.decode([int(token) - MARKS for token in kept if token >= MARKS])).encode()
