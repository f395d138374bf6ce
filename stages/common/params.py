"""Parameters: read once, when a stage starts, into strict frozen records.

Each layer declares a model for its own section of params.yaml, so a new setting reruns that layer only.
PyYAML reads ``2e-4`` as text where DVC reads a number; floats are therefore coerced from text.
"""

import re
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError
from yaml.constructor import ConstructorError

from stages.common.modality import KINDS, Modality, kind_of

PARAMS = Path("params.yaml")
NAME = re.compile(r"[a-z][a-z0-9]{0,30}")  # of a modality: it stands in files, columns and figures
TAKEN = {  # names that files, columns or settings have beside those of the modalities
    "id", "split", "group", "shard", "nothing", "prior", "constant", "interpolation", "reconstructed", "variants",
    "network", "matcher", "retrieval", "codec",
}  # fmt: skip


class Strict(BaseModel):
    """A section of params.yaml: frozen, unknown keys forbidden, NaN and infinity refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Run(Strict):
    """What every stage that draws random numbers depends on."""

    seed: int  # the one number from which every named random stream is derived
    threads: PositiveInt  # CPU threads of a stage; results may depend on it, so it is tracked


Model = TypeVar("Model", bound=Strict)


class UniqueKeyLoader(yaml.CSafeLoader):
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

    What it has of kinds and of single modalities is left to `load_named`. Raises ValueError naming the key, what was
    expected and what was got.
    """
    values: Any = read_yaml(path)
    own = own_names(values)
    for part in section.split("."):
        if not isinstance(values, dict) or part not in values:
            raise ValueError(f"{path}: expected a section '{section}', got none; add it")
        values = values[part]
    if isinstance(values, dict):
        values = {key: value for key, value in values.items() if key not in own | KINDS.keys()}
    return validate(model, values, f"{path}: {section}")


def load_named(
    models: Mapping[str, type[Model]], section: str, names: Iterable[str], path: Path = PARAMS
) -> dict[str, Model]:
    """What a section says of each modality: of its kind, and where it differs, below its own name.

    `models` has the record of each kind. Raises ValueError as `load` does.
    """
    values = read_yaml(path).get(section, {})
    found = {}
    for name in names:
        kind, where = kind_of(name), f"{path}: {section}.{name}"
        said = merged(values.get(kind), {} if name == kind else values.get(name) or {}, where)
        found[name] = validate(models[kind], said, where)
    return found


def merged(default: Any, own: Any, where: str) -> Any:
    """A record, and over it what another says, key by key, in records within it too.

    >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 4}}, "here")
    {'a': 1, 'b': {'c': 4, 'd': 3}}
    """
    if not isinstance(default, dict):
        return own
    if not isinstance(own, dict):
        raise ValueError(f"{where}: expected settings, each by its name, got {own!r}; correct params.yaml")
    return default | {
        key: merged(default[key], value, f"{where}.{key}") if isinstance(default.get(key), dict) else value
        for key, value in own.items()
    }


def own_names(values: Mapping[str, Any]) -> set[str]:
    """The modalities that are not called as their kind."""
    named = values.get("modalities")
    return set(named) - set(KINDS) if isinstance(named, dict) else set()


def load_modalities(path: Path = PARAMS) -> list[Modality]:
    """Section `modalities`: those that the pipeline works with, each with its kind.

    Their order is that of the kinds, then of the names, whatever it is in the file: DVC does not see that change. Each
    has a section in `extract`, be it empty, because dvc.yaml makes an extract stage of each and watches that section.
    Raises ValueError with what was expected and what was got.
    """
    values, where = read_yaml(path), f"{path}: modalities"
    named, kinds = values.get("modalities"), ", ".join(KINDS)
    if not isinstance(named, dict) or not named:
        raise ValueError(f"{where}: expected names, each with its kind ({kinds}), got {named!r}; correct params.yaml")
    for name, kind in named.items():
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"{where}.{name}: expected a kind ({kinds}), got {kind!r}; correct params.yaml")
        usable = isinstance(name, str) and NAME.fullmatch(name) and name not in TAKEN | (KINDS.keys() - {kind})
        if not usable:
            raise ValueError(
                f"{where}: expected a name of small letters and digits that is not in use, got {name!r}; rename it"
            )
        if name not in (values.get("extract") or {}):
            raise ValueError(f"{path}: expected a section 'extract.{name}', got none; add {name}: {{}} below extract")
    order = sorted(named.items(), key=lambda pair: (list(KINDS).index(pair[1]), pair[0]))
    return [Modality(*pair) for pair in order]


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
