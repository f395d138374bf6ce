"""Rows of the leaderboard that older code measured: which they are, and whether this code still measures the same."""

import subprocess
import time
from functools import cache
from subprocess import CalledProcessError
from typing import Any

import pandas as pd

from stages.common.params import read_yaml
from tools.experiments import git
from tools.preset import PRESETS, settings
from tools.same import does_the_same

Row = dict[str, Any]  # of the leaderboard
METHOD = {"fuse.method": "fuse.method", "train.model": "train.model"}  # parameter -> column
KEYS = METHOD | {"run.seed": "seed"}
FIGURES = ("coherence.joint", "coherence.worst", "fidelity.", "coverage.")
# What measures:
CODE = ("stages", "data/*.dvc", "dvc.yaml", "params.yaml", "requirements.lock", "tools/presets/grid.yaml")
OLDEST_DAYS = 180  # of rows of older code
SEEDS = 3  # that show what chance does
SPREADS = 3  # standard deviations among seeds that a row may be off when it is run again
UNUSED = ":(exclude)stages/generation/models/convolution.py"  # networks on pixels, which no run of either budget has


@cache
def changed(commit: str) -> str:
    """Why a figure of the commit may not be one of this code: the first file that measures and is not as it was."""
    try:
        files = git("diff", "--name-only", commit, "HEAD", "--", *CODE, UNUSED).split()
    except CalledProcessError:  # a shallow clone has only the last ones
        return "this clone has no such commit to compare with"
    return next((f"{name} has changed since" for name in files if not reworded(name, commit)), "")


def reworded(name: str, commit: str) -> bool:
    """Does a file do the same at the commit and now?"""
    try:
        old, new = (git("show", f"{rev}:{name}").encode() for rev in (commit, "HEAD"))
        return does_the_same(old, new, name)
    except (CalledProcessError, ValueError):  # it is in one of the two alone, or can't be compared
        return False


def expired(commit: str) -> bool:
    """Is it too long ago for a row of older code to stay?"""
    try:
        return time.time() - int(git("show", "--no-patch", "--format=%ct", commit)) > OLDEST_DAYS * 86400
    except CalledProcessError:
        return False


def run_again(rows: list[Row]) -> Row:
    """Run the cheapest row of older code by this code; returns it as it was. Raises ValueError where there is none."""
    old = [row for row in rows if changed(row["commit"])]
    if not old:
        raise ValueError("--check: expected rows of older code, got none; leave it out")
    cheapest = min(old, key=lambda row: (row["training steps"], row["parameters"]))
    preset = settings(read_yaml(PRESETS / "grid.yaml")) if cheapest["budget"] == "grid" else ()
    wanted = [*preset, *((key, cheapest[name]) for key, name in KEYS.items())]
    told = [word for key, value in wanted for word in ("-S", f"{key}={value}")]
    print(f"leaderboard: {' '.join(str(cheapest[name]) for name in ('budget', *KEYS.values()))} runs again")
    done = subprocess.run(["dvc", "exp", "run", "--temp", "--quiet", *told], check=False)
    if done.returncode:
        raise ValueError(f"--check: expected the run to succeed, got exit code {done.returncode}; it said why above")
    return cheapest


def seed_spread(rows: list[Row]) -> pd.Series:
    """How much chance moves each figure: the largest standard deviation among seeds of one method.

    Raises ValueError where no method has enough of them.
    """
    table = pd.DataFrame(rows)
    figures = [str(name) for name in table if str(name).startswith(FIGURES)]
    seeds = table.groupby([*METHOD.values(), "budget", "commit"])[figures]
    spread = seeds.std()[seeds.size().ge(SEEDS)].max()
    if spread.isna().any():
        raise ValueError(f"--check: expected a method with {SEEDS} seeds, to know chance by, got none; make grid")
    return spread


def otherwise(was: Row, rows: list[Row], spread: pd.Series) -> str:
    """In which figure a row that ran again is not as it `was`, by more than chance moves it."""
    now = next(row for row in rows if all(row[name] == was[name] for name in ("budget", *KEYS.values())))
    off = {name: abs(now[name] - was[name]) / spread[name] for name in map(str, spread.index)}
    worst = max(off, key=off.__getitem__)
    return f"{worst} was {was[worst]:.3f} and is {now[worst]:.3f}" if off[worst] > SPREADS else ""
