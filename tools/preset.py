"""A preset as the settings that `dvc exp run` takes: ``dvc exp run $(python -m tools.preset article_gan)``.

A preset is a file in `tools/presets` with those keys of params.yaml that differ; whatever it leaves out stays as it is.
`follows` finds the experiments that were run with one.
"""

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.common.params import read_yaml
from tools.refusal import one_line

PRESETS = Path(__file__).parent / "presets"

Run = Mapping[str, Any]  # an experiment as DVC shows it: name, revision, metrics, parameters


def main(names: list[str]) -> None:
    """Print the preset's settings, one -S a setting."""
    known = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    with one_line("preset"):
        if len(names) != 1 or names[0] not in known:
            got = f"'{' '.join(names)}'" if names else "none"
            raise ValueError(f"expected one of {', '.join(known)}, got {got}; python -m tools.preset NAME")
        told = settings(read_yaml(PRESETS / f"{names[0]}.yaml"))
    print(" ".join(f"-S {key}={value}" for key, value in told))


def settings(values: Mapping[str, object], section: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, value without blanks) of every leaf."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from settings(value, f"{section}{key}.")
        else:
            yield f"{section}{key}", json.dumps(value, separators=(",", ":")).replace('"', "")


def differing(run: Run, commit: Run) -> set[str]:
    """The settings in which an experiment is not as the commit that it comes from."""
    return {key for key, _ in settings(read_yaml(Path("params.yaml"))) if run.get(key) != commit.get(key)}


def follows(run: Run, commit: Run, name: str, *, free: Collection[str] = ()) -> bool:
    """Is an experiment its commit with the preset `name` and nothing else? Settings that are `free` do not count."""
    preset = dict(settings(read_yaml(PRESETS / f"{name}.yaml")))
    return differing(run, commit) <= {*preset, *free} and all(same(run.get(key), preset[key]) for key in preset)


def same(got: object, wanted: str) -> bool:
    """Is a value, as DVC shows it, the one that a preset writes as `wanted`?"""
    try:
        return float(str(got)) == float(wanted)
    except ValueError:
        return bool(yaml.safe_load(str(got).replace("None", "null")) == yaml.safe_load(wanted))


if __name__ == "__main__":
    main(sys.argv[1:])
