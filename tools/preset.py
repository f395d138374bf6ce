"""A preset as the settings that `dvc exp run` takes: ``dvc exp run $(python -m tools.preset article_gan)``.

A preset is a file in `tools/presets` with those keys of params.yaml that differ; whatever it leaves out stays as it is.
A modality that is null is taken out.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from stages.common.params import read_yaml
from tools.refusal import one_line

PRESETS = Path(__file__).parent / "presets"


def main(names: list[str]) -> None:
    """Print the preset's settings, one -S a setting."""
    known = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    with one_line("preset"):
        if len(names) != 1 or names[0] not in known:
            got = f"'{' '.join(names)}'" if names else "none"
            raise ValueError(f"expected one of {', '.join(known)}, got {got}; python -m tools.preset NAME")
        told = settings(read_yaml(PRESETS / f"{names[0]}.yaml"))
    print(" ".join(f"-S {setting}" for setting in map(overriding, told)))


def overriding(setting: tuple[str, str]) -> str:
    """What `-S` takes; a modality that is null is taken out."""
    key, value = setting
    return f"~{key}" if key.startswith("modalities.") and value == "null" else f"{key}={value}"


def settings(values: Mapping[str, object], section: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, value without blanks) of every leaf."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from settings(value, f"{section}{key}.")
        else:
            yield f"{section}{key}", json.dumps(value, separators=(",", ":")).replace('"', "")


if __name__ == "__main__":
    main(sys.argv[1:])
