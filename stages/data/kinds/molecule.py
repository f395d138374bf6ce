"""Molecules: SMILES to the symbols of SELFIES, and back to canonical SMILES.

Tensor: (T,) uint16; START, a number a symbol, END, then PAD up to `length`. Whatever stands between the marks is some
molecule: SELFIES has no mistakes (Krenn et al. 2020, arXiv:1905.13741).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from stages.common.files import read_json, write_json
from stages.common.params import Strict
from stages.common.special_tokens import END, MARKS, PAD, START
from stages.data.kinds.extra import library

ALPHABET = "alphabet.json"
LONGEST = 2000  # characters of SMILES that are looked at
DRAWN = 240  # side of a drawing, pixels


class Settings(Strict):
    """Section `preprocess.molecule`."""

    length: Annotated[int, Field(ge=4, le=1000)]  # T, symbols a molecule with its marks; larger ones are rejects


@dataclass(frozen=True)
class Molecules:
    """Settings and the symbols that the train split has."""

    settings: Settings
    symbols: tuple[str, ...]


def fit(settings: Settings, told: Iterable[str], folder: Path) -> Molecules:
    """Learn the symbols from what is `told` of train samples, and keep them below `folder`."""
    symbols = sorted({symbol for one in told for symbol in (usable(one) or ())})
    write_json(folder / ALPHABET, {"symbols": symbols})
    return Molecules(settings, tuple(symbols))


def restore(settings: Settings, told: Iterable[str], folder: Path) -> Molecules:
    """What `fit` learned, read back in a later stage."""
    return Molecules(settings, tuple(read_json(folder / ALPHABET)["symbols"]))


@cache
def chem() -> Any:
    """RDKit, which says nothing of what it can't read."""
    library("rdkit.RDLogger", "molecule").DisableLog("rdApp.*")
    return library("rdkit.Chem", "molecule")


def molecule(smiles: str) -> Any:
    """What RDKit makes of SMILES; None where it makes nothing."""
    return chem().MolFromSmiles(smiles) if smiles and len(smiles) <= LONGEST else None


def selfies_of(told: str) -> tuple[str, ...]:
    """The symbols of a molecule. Raises ValueError when it is none."""
    smiles = told.split()[0] if told.split() else ""  # a name may follow
    found = molecule(smiles)
    if found is None or not found.GetNumAtoms():
        raise ValueError(f"expected a molecule as SMILES, got '{smiles[:60]}'; correct it")
    selfies = library("selfies", "molecule")
    try:
        return tuple(selfies.split_selfies(selfies.encoder(chem().MolToSmiles(found))))
    except selfies.EncoderError as error:
        raise ValueError(f"expected a molecule that SELFIES can write, got '{smiles[:60]}'; take it out") from error


def usable(told: str) -> tuple[str, ...] | None:
    try:
        return selfies_of(told)
    except ValueError:
        return None


def read(payload: bytes, known: Molecules) -> tuple[str, ...]:
    """The symbols of a molecule. Raises ValueError when it is none, too large, or has symbols that train lacks."""
    symbols = selfies_of(payload.decode("utf-8", "replace"))
    if len(symbols) > known.settings.length - 2:
        raise ValueError(
            f"expected at most {known.settings.length - 2} symbols, got {len(symbols)}; raise the length in preprocess"
        )
    if strange := [symbol for symbol in symbols if symbol not in known.symbols]:
        raise ValueError(f"expected symbols that the train split has, got {strange[0]}; add such molecules")
    return symbols


def augment(symbols: tuple[str, ...], known: Molecules, rng: np.random.Generator) -> tuple[str, ...]:
    """A molecule is what it is."""
    return symbols


def tensor(symbols: tuple[str, ...], known: Molecules) -> np.ndarray:
    """(T,) uint16."""
    numbers = [MARKS + known.symbols.index(symbol) for symbol in symbols]
    padding = [PAD] * (known.settings.length - 2 - len(numbers))
    return np.array([START, *numbers, END, *padding], np.uint16)


def blank(known: Molecules) -> np.ndarray:
    """What stands where a sample has no molecule."""
    return np.full(known.settings.length, PAD, np.uint16)


def write(tokens: np.ndarray, known: Molecules) -> bytes:
    """The molecule of (T,) tokens, up to the first END, as canonical SMILES; nothing where there is no atom."""
    end = np.flatnonzero(tokens == END)
    kept = tokens[: end[0]] if len(end) else tokens
    numbers = [int(token) - MARKS for token in kept if MARKS <= token < MARKS + len(known.symbols)]
    smiles = library("selfies", "molecule").decoder("".join(known.symbols[number] for number in numbers))
    found = molecule(smiles)
    return b"" if found is None else str(chem().MolToSmiles(found)).encode()


def shown(payload: bytes, light: bool) -> tuple[str, bytes]:
    """A drawing of a molecule above its SMILES; of what is none, that alone."""
    draw = library("rdkit.Chem.Draw.rdMolDraw2D", "molecule")
    smiles = payload.decode("utf-8", "replace").strip()
    found = molecule(smiles.split()[0] if smiles else "")
    page = draw.MolDraw2DSVG(DRAWN, DRAWN)
    page.drawOptions().legendFontSize = 14
    page.DrawMolecule(chem().Mol() if found is None else found, legend=smiles[:60] or "(empty)")
    page.FinishDrawing()
    return "image/svg+xml", page.GetDrawingText().encode()
