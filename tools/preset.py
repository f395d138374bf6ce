"""A preset as the settings that `dvc exp run` takes: ``dvc exp run $(python -m tools.preset article_gan)``.

A preset is a file in `tools/presets` with those keys of params.yaml that differ; whatever it leaves out stays as it is.
A modality that is null is taken out, one that params.yaml does not have comes in.
"""

import json
import sys
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from stages.common.params import PARAMS, read_yaml
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
        there = dict(settings(read_yaml(PARAMS)))
    print(" ".join(f"-S {overriding(key, value, there)}" for key, value in told))


def overriding(key: str, value: str, known: Container[str]) -> str:
    """What `-S` takes; a modality that is null is taken out, and one that params.yaml does not have comes in.

    >>> overriding("modalities.en", "text", []), overriding("modalities.text", "null", ["modalities.text"])
    ('+modalities.en=text', '~modalities.text')
    """
    if key.startswith("modalities.") and value == "null":
        return f"~{key}"
    return f"{key}={value}" if key in known else f"+{key}={value}"


def settings(values: Mapping[str, object], section: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, value without blanks) of every leaf; a record without any is one."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from settings(value, f"{section}{key}.")
        else:
            yield f"{section}{key}", json.dumps(value, separators=(",", ":")).replace('"', "")


if __name__ == "__main__":
    main(sys.argv[1:])
