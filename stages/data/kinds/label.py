"""Labels: one of a few words, such as a mood or a speaker, as a modality to give and to make.

Tensor: (1,) uint16, the place of the word among those of the train split, from 1; 0 where there is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.common.files import read_json, write_json
from stages.common.params import Strict

VALUES = "values.json"


class Settings(Strict):
    """Section `preprocess.label`."""

    values: Annotated[int, Field(ge=2, le=65534)]  # different words, at most


@dataclass(frozen=True)
class Label:
    """The words that there are."""

    words: tuple[str, ...]


def fit(settings: Settings, told: Iterable[str], folder: Path) -> Label:
    """Learn the words from what is `told` of train samples, and keep them below `folder`."""
    words = sorted({cleaned(word) for word in told} - {""})
    if len(words) > settings.values:
        raise ValueError(
            f"preprocess.{folder.name}: expected at most {settings.values} different values, got {len(words)}, such as "
            f"'{words[0]}' and '{words[-1]}'; raise values, or call it number or text in modalities"
        )
    write_json(folder / VALUES, {"words": words})
    return Label(tuple(words))


def restore(settings: Settings, told: Iterable[str], folder: Path) -> Label:
    """What `fit` learned, read back in a later stage."""
    return Label(tuple(read_json(folder / VALUES)["words"]))


def cleaned(told: str) -> str:
    return " ".join(told.split())


def read(payload: bytes, label: Label) -> str:
    """A word. Raises ValueError when it is none of those that training knows."""
    word = cleaned(payload.decode("utf-8", "replace"))
    if word not in label.words:
        raise ValueError(f"expected a value that the train split has, got '{word}'; add such samples or correct it")
    return word


def augment(word: str, label: Label, rng: np.random.Generator) -> str:
    """A label is what it is."""
    return word


def tensor(word: str, label: Label) -> np.ndarray:
    """The place of a word: (1,) uint16."""
    return np.array([1 + label.words.index(word)], np.uint16)


def blank(label: Label) -> np.ndarray:
    """What stands where a sample has no label."""
    return np.zeros(1, np.uint16)


def write(place: np.ndarray, label: Label) -> bytes:
    """The word at (1,) place; nothing at 0, which a generator may make too."""
    return label.words[int(place[0]) - 1].encode() if 0 < place[0] <= len(label.words) else b""
