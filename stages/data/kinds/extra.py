"""Libraries that only some kinds of modalities need: extras, imported when an item is first looked at."""

from importlib import import_module
from typing import Any

INSTALL = "python -m pip install --constraint requirements.lock '.[{}]'"


def library(name: str, extra: str) -> Any:
    """A module of a library. Raises ValueError with the command that installs it when it is not there."""
    try:
        return import_module(name)
    except ImportError as error:
        wanted = name.partition(".")[0]
        raise ValueError(f"expected the library {wanted}, got none; {INSTALL.format(extra)}") from error
