"""Models that others trained: a folder in Hugging Face's layout, with weights as safetensors; nothing is downloaded.

What a card tells of such a model is its config, its licence and the hashes of its files.
"""

import json
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from stages.common.files import read_json
from stages.learning.model_cards import sha256

CONFIG = "config.json"
EXTRA = "python -m pip install --constraint requirements.lock '.[pretrained]'"
PICKLED = (".bin", ".pt", ".pth", ".ckpt")  # of weights whose reading runs code
UNKNOWN = "not stated"


class Source(TypedDict):
    """Where a model is from."""

    path: str
    config: dict[str, Any]
    licence: str
    files: dict[str, str]  # name -> SHA-256


def read_source(path: str, root: Path, where: str, weights: str) -> Source:
    """What there is at `path` below `root`, the value of the parameter `where`; `weights` is the stem of their file.

    Raises ValueError when it is no such folder.
    """
    folder = Path(path)
    if folder.is_absolute() or ".." in folder.parts or root not in folder.parents:
        raise ValueError(f"{where}: expected a folder below {root}/, which DVC watches, got {path}; move it there")
    if not (folder / CONFIG).is_file():
        raise ValueError(
            f"{where}: expected a folder with {CONFIG}, got {path}, which has none; download the model there"
        )
    files = sorted(file for file in folder.iterdir() if file.is_file())
    if not any(file.name.startswith(weights) and file.suffix == ".safetensors" for file in files):
        pickled = [file.name for file in files if file.suffix in PICKLED]
        got = f"{pickled[0]}, a pickle, whose reading runs code" if pickled else "none"
        raise ValueError(f"{where}: expected {path}/{weights}.safetensors, got {got}; take weights as safetensors")
    try:
        config = read_json(folder / CONFIG)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: expected JSON in {path}/{CONFIG}, got {error}; download it again") from error
    hashes = {file.name: sha256(file) for file in files if file.suffix not in PICKLED}
    return Source(path=path, config=config, licence=licence(folder), files=hashes)


def licence(folder: Path) -> str:
    """What the front matter of the folder's README says, or the first line of its LICENSE."""
    for name, pattern in (("README.md", r"^license:\s*(\S.*)$"), ("LICENSE", r"^\s*(\S.*)$")):
        if (folder / name).is_file():
            found = re.search(pattern, (folder / name).read_text("utf-8", "replace"), re.MULTILINE)
            if found:
                return found[1].strip()
    return UNKNOWN


@contextmanager
def library(where: str) -> Iterator[None]:
    """Meanwhile a library of the extra `pretrained` is used: it stays off the network, and its warnings are no errors.

    Raises ValueError where it is not installed, or can't do what it is asked.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ModuleNotFoundError as error:
        raise ValueError(f"{where}: expected the package {error.name}, which is not installed; {EXTRA}") from error
    except (OSError, RuntimeError, TypeError, KeyError, AttributeError) as error:
        said = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{where}: expected a model that its library can read, got: {said}; download it again"
        ) from error


def load(kind: Any, source: Source, where: str, *, spare: str = "", **options: Any) -> Any:
    """A model of a class of diffusers or transformers, with its weights; the part `spare` may be without.

    Raises ValueError when the files have no weights for another part: the libraries would draw these at random.
    """
    with library(where):
        model, found = kind.from_pretrained(
            source["path"], use_safetensors=True, local_files_only=True, output_loading_info=True, **options
        )
    lacking = sorted(map(str, [*found["missing_keys"], *found["mismatched_keys"]]))
    lacking = [part for part in lacking if not spare or not part.startswith(spare)]
    if lacking:
        raise ValueError(
            f"{where}: expected weights for all of {type(model).__name__}, got none that fit for {lacking[0]} "
            f"({len(lacking)} in all); download the model again"
        )
    return model
