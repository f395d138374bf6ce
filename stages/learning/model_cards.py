"""What the card of every model tells beside its shape: from what it was made, how, and what was known of it then.

What `evaluate` measures is known later only; the card says where it stands. There is no time, host or user in it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stages.common.params import Run, Strict

LICENCE = Path("data/acquire/licence.txt")
EVALUATED = "metrics/summary.json and metrics/table.csv of the Git commit that this model comes from"
LIBRARIES = ("torch", "numpy", "safetensors")


def origin(settings: Strict, run: Run, inputs: Iterable[Path], figures: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a card that is alike for all models."""
    return {
        "parameters": settings.model_dump(mode="json") | {"run": run.model_dump()},
        "data": {path.as_posix(): sha256(path) for path in sorted(inputs)},
        "data_licence": LICENCE.read_text(encoding="utf-8").strip(),
        "figures": figures,
        "evaluated": EVALUATED,
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
