"""The preprocessed items as the networks of the peers take them, and what they make as items again.

Pictures and clips: (B, C, H, W) levels from 0 to 1. Captions: (B, T) tokens, in a record, by which MultiVae's
likelihoods know them. Axes: B batch, C channels, T tokens.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stages.common.files import read_json, read_table
from stages.common.modality import PICTURE, SPECTRUM, TOKENS, tensor_of

TOP = 255  # the highest level
CARRIED = (PICTURE, SPECTRUM, TOKENS)  # what the peers have networks for
Batch = dict[str, Any]  # by modality: a tensor, or of captions a record with `tokens`


class Items:
    """All copies of the train samples, and the validation split. Raises ValueError for what peers can't learn from."""

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        samples = read_table(folder / "samples.csv", text=("id",))
        for name in names:
            if tensor_of(name) not in CARRIED:
                raise ValueError(f"expected pictures, clips and captions, got '{name}'; take it out of modalities")
            if not samples[f"has_{name}"].all():
                raise ValueError(f"expected whole samples, got some without '{name}'; peers learn from whole ones only")
        self.names = list(names)
        self.copies = {name: np.load(folder / f"{name}.augmented.npy", mmap_mode="r") for name in names}
        held = (samples["split"] == "validation").to_numpy()
        self.held = self.batch({name: np.load(folder / f"{name}.clean.npy", mmap_mode="r")[held] for name in names})
        text = read_json(folder / "settings.json")
        self.vocabulary = {name: text[name]["vocabulary"] for name in names if tensor_of(name) == TOKENS}

    def __len__(self) -> int:
        return len(self.copies[self.names[0]])

    def shape(self, name: str) -> tuple[int, ...]:
        """(C, H, W) of levels, (T,) of tokens."""
        one = self.held[name]
        return tuple((one["tokens"] if isinstance(one, dict) else one).shape[1:])

    def draw(self, size: int, rng: np.random.Generator) -> Batch:
        """Some copies."""
        return self.rows(rng.integers(len(self), size=size))

    def rows(self, rows: np.ndarray) -> Batch:
        """The copies of these numbers."""
        return self.batch({name: copies[rows] for name, copies in self.copies.items()})

    @staticmethod
    def batch(items: Mapping[str, np.ndarray]) -> Batch:
        """Items by modality as the networks take them."""
        return {name: network_input(name, values) for name, values in items.items()}

    def blank(self, count: int, given: Batch) -> Batch:
        """`given` with zeros for what is not; some peers encode everything before they choose."""
        shown = {}
        for name in sorted(self.names, key=lambda name: tensor_of(name) == TOKENS):  # the first tells MMVAE+ how many
            zeros = torch.zeros(count, *self.shape(name))
            shown[name] = given.get(name, {"tokens": zeros.long()} if tensor_of(name) == TOKENS else zeros)
        return shown


def network_input(name: str, items: np.ndarray) -> Any:
    """(B, ...) items of one modality."""
    values = torch.from_numpy(np.ascontiguousarray(items).astype(np.int64))
    if tensor_of(name) == TOKENS:
        return {"tokens": values}
    levels = values.float() / TOP
    return levels.movedim(-1, 1) if tensor_of(name) == PICTURE else levels[:, None]


def item(name: str, made: Tensor) -> np.ndarray:
    """(B, ...) items of one modality, of what a network made: levels, or scores (B, T, V) of tokens."""
    if tensor_of(name) == TOKENS:
        return made.argmax(-1).numpy().astype(np.uint16)
    levels = (made.clamp(0, 1) * TOP).round().to(torch.uint8)
    return (levels.movedim(1, -1) if tensor_of(name) == PICTURE else levels[:, 0]).numpy()
