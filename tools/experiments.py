"""Experiments as `dvc exp show` knows them: which have ended, and which are their commit with a preset alone."""

import subprocess
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dvc.api
import yaml

from stages.common.params import read_yaml
from tools.preset import PRESETS, settings

Run = Mapping[str, Any]  # an experiment as DVC shows it: name, revision, metrics, parameters


def experiments(figure: str) -> tuple[Run, list[Run]]:
    """The last commit, and what has measured `figure`, the latest last: its experiments and, if it has, itself."""
    shown = [run for run in dvc.api.exp_show() if run["rev"] != "workspace"]
    ended = sorted((run for run in shown if finished(run, figure)), key=committed)
    return next(run for run in shown if run["Experiment"] is None), ended


def finished(run: Run, figure: str) -> bool:
    """Has this run come to its end, figures and all? Where DVC finds no file of figures it shows `!`."""
    return run["State"] in (None, "Success") and isinstance(run.get(figure), int | float)


def committed(run: Run) -> int:
    """When a run was committed, seconds since 1970. DVC's `Created` can't be sorted: it is a time or, later, a date."""
    return int(git("show", "--no-patch", "--format=%ct", str(run["rev"])))


def git(*command: str) -> str:
    """What a git command writes."""
    return subprocess.run(["git", *command], check=True, capture_output=True, text=True).stdout.strip()


def fetch(rev: str, paths: Iterable[str], folder: Path) -> None:
    """Files and folders of a revision, from the cache or the remote, into `folder` by their last names."""
    there = dvc.api.DVCFileSystem(rev=rev)
    for path in paths:
        there.get(path, str(folder / Path(path).name), recursive=True)


def held(rev: str, paths: Iterable[str]) -> list[str]:
    """Those of the files and folders that a revision has."""
    there = dvc.api.DVCFileSystem(rev=rev)
    return [path for path in paths if there.exists(path)]


def latest(preset: str, figure: str, command: str) -> str:
    """The revision of the latest experiment with a preset. Raises ValueError without one; `command` makes it."""
    commit, runs = experiments(figure)
    revs = [str(run["rev"]) for run in runs if follows(run, commit, preset)]
    if not revs:
        raise ValueError(f"expected an experiment with the preset {preset}, got none; {command}")
    return revs[-1]


def differing(run: Run, commit: Run) -> set[str]:
    """The settings in which an experiment is not as the commit that it comes from."""
    return {key for key in known() if run.get(key) != commit.get(key)}


@cache
def known() -> tuple[str, ...]:
    """Every setting of params.yaml."""
    return tuple(key for key, _ in settings(read_yaml(Path("params.yaml"))))


def follows(run: Run, commit: Run, name: str, *, free: Collection[str] = ()) -> bool:
    """Is an experiment its commit with the preset `name` and nothing else? Settings that are `free` do not count."""
    preset = dict(settings(read_yaml(PRESETS / f"{name}.yaml")))
    return differing(run, commit) <= {*preset, *free} and all(same(run.get(key), preset[key]) for key in preset)


def same(got: object, wanted: str) -> bool:
    """Is a value, as DVC shows it, the one that a preset writes as `wanted`?"""
    if got is None and wanted == "{}":  # DVC does not show a record without settings
        return True
    try:
        return float(str(got)) == float(wanted)
    except ValueError:
        return bool(yaml.safe_load(str(got).replace("None", "null")) == yaml.safe_load(wanted))
