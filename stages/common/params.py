"""Parameters: read once, when a stage starts, into strict frozen records.

Each layer declares a model for its own section of params.yaml, so a new setting reruns that layer only.
PyYAML reads ``2e-4`` as text where DVC reads a number; floats are therefore coerced from text.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError
from yaml.constructor import ConstructorError

PARAMS = Path("params.yaml")


class Strict(BaseModel):
    """A section of params.yaml: frozen, unknown keys forbidden, NaN and infinity refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Run(Strict):
    """What every stage that draws random numbers depends on."""

    seed: int  # the one number from which every named random stream is derived
    threads: PositiveInt  # CPU threads of a stage; results may depend on it, so it is tracked


Model = TypeVar("Model", bound=Strict)


class UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys silently; DVC refuses them, and so do we."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ConstructorError(None, None, f"key '{key.value}' stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ValueError with file and line when it is none."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: expected valid YAML, got {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected a mapping of sections, got {type(values).__name__}")
    return values


def load(model: type[Model], section: str, path: Path = PARAMS) -> Model:
    """Section `section` of params.yaml (``extract.image`` reaches into a section) as a `model`.

    Raises ValueError naming the key, what was expected and what was got.
    """
    values: Any = read_yaml(path)
    for part in section.split("."):
        if not isinstance(values, dict) or part not in values:
            raise ValueError(f"{path}: expected a section '{section}', got none; add it")
        values = values[part]
    return validate(model, values, f"{path}: {section}")


def load_modalities(path: Path = PARAMS) -> list[str]:
    """Section `modalities`: the names of those that the pipeline works with.

    Known is what `extract` has a section for, because dvc.yaml makes an extract stage of each. Raises ValueError
    with what was expected and what was got.
    """
    values = read_yaml(path)
    names, sections = values.get("modalities"), values.get("extract")
    known = list(sections) if isinstance(sections, dict) else []
    if isinstance(names, list) and names and all(name in known and names.count(name) == 1 for name in names):
        return names
    raise ValueError(
        f"{path}: modalities: expected one or more of {', '.join(known)}, each once, got {names!r}; correct params.yaml"
    )


def validate(model: type[Model], values: Any, where: str) -> Model:
    """`values` as a `model`; the first mistake becomes one line."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        name = f"{where}.{key}" if key else where
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(model.model_fields))
            raise ValueError(f"{name}: expected a known key, got '{key}'; known here: {known}") from None
        if first["type"] == "missing":
            raise ValueError(f"{name}: expected this key, got none; add it to params.yaml") from None
        expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        raise ValueError(f"{name}: expected {expected}, got {first['input']!r}; correct params.yaml") from None
