"""`make leaderboard`: the runs of `make grid` as a table and a picture, from what `dvc exp show` knows.

A run takes part when its settings are those of tools/presets/grid.yaml, so the budget is the same for all. Of runs that
differ in nothing else, the last counts. Parameters: weights of fusion and generator, what only training needs (a
discriminator, an encoder) included. Training steps: optimiser steps of both; a closed form takes none.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dvc.api
import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from safetensors.numpy import load

from stages.common.files import replace, write_table
from stages.common.params import read_yaml
from tools.preset import PRESETS, settings
from tools.refusal import one_line

KEYS = {"fuse.method": "fuse.method", "train.model": "train.model", "run.seed": "seed"}
FIGURES = ("coherence.joint", "coherence.worst", "fidelity.", "coverage.")
CLOSED = ("matrix", "none")  # fusions that are not trained by steps
OUT = Path("metrics")

Run = Mapping[str, Any]  # an experiment as DVC shows it: name, revision, metrics, parameters


def main() -> None:
    """Write metrics/leaderboard.csv and metrics/leaderboard.png."""
    with one_line("leaderboard"):
        budget = dict(settings(read_yaml(PRESETS / "grid.yaml")))
        table = leaderboard([run for run in dvc.api.exp_show() if takes_part(run, budget)])
        write_table(OUT / "leaderboard.csv", table)
        replace(OUT / "leaderboard.png", picture(table))
    print(table.to_string(index=False))


def takes_part(run: Run, budget: Mapping[str, str]) -> bool:
    """Is this a finished experiment with the settings of `budget`?"""
    finished = run["Experiment"] is not None and run["State"] in (None, "Success")
    measured = run.get("coherence.joint") is not None
    return finished and measured and all(same(run.get(key), value) for key, value in budget.items())


def same(got: object, wanted: str) -> bool:
    """Is a value, as DVC shows it, the one that a preset writes as `wanted`?"""
    try:
        return float(str(got)) == float(wanted)
    except ValueError:
        return str(got) == wanted


def leaderboard(runs: list[Run]) -> pd.DataFrame:
    """A row a run, the most coherent first. Raises ValueError when there is none."""
    if not runs:
        raise ValueError("expected experiments with the settings of tools/presets/grid.yaml, got none; run `make grid`")
    rows = {tuple(run[key] for key in KEYS): run for run in sorted(runs, key=lambda run: str(run["Created"]))}
    table = pd.DataFrame([row(run) for run in rows.values()])
    return table.sort_values(["coherence.joint", *KEYS.values()], ascending=[False, True, True, True])


def row(run: Run) -> dict[str, Any]:
    """One line of the table."""
    found: dict[str, Any] = {name: run[key] for key, name in KEYS.items()}
    found |= {key: value for key, value in run.items() if key.startswith(FIGURES) and isinstance(value, float)}
    models = [*json.loads(read(run, "data/train/generator.json"))["models"]]
    weights = [f"data/train/{name}.safetensors" for name in models] + ["data/fuse/fusion.safetensors"]
    found["parameters"] = sum(count(read(run, path)) for path in weights)
    steps = [run["train.whole.steps"] if name == "whole" else run["train.parts.steps"] for name in models]
    found["training steps"] = int(sum(steps) + (0 if run["fuse.method"] in CLOSED else run["fuse.steps"]))
    return found


def read(run: Run, path: str) -> bytes:
    """A file that the run left, from the cache or the remote."""
    return bytes(dvc.api.read(path, rev=run["rev"], mode="rb"))


def count(weights: bytes) -> int:
    """How many values a safetensors file holds."""
    return sum(tensor.size for tensor in load(weights).values())


def picture(table: pd.DataFrame) -> bytes:
    """A PNG: joint and worst coherence of every run, as bars."""
    names = [f"{row['fuse.method']} + {row['train.model']}, seed {row['seed']}" for _, row in table.iterrows()]
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(8, 0.6 + 0.36 * len(table)), layout="constrained")
        axes = figure.subplots()
        for shift, (metric, colour) in enumerate({"coherence.joint": "#2563a8", "coherence.worst": "#9cc3e6"}.items()):
            places = [place + 0.4 * shift for place in range(len(table))]
            axes.barh(places, table[metric], height=0.38, color=colour, label=metric)
        axes.set_yticks([place + 0.2 for place in range(len(table))], names)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.grid(axis="x", alpha=0.3)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=110, metadata={"Software": None})  # a version in it would change the bytes
    return buffer.getvalue()


if __name__ == "__main__":
    main()
