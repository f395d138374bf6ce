"""`make leaderboard`: what fusions and generators measured, as a table and a picture, from what `dvc exp show` knows.

The runs are the last commit itself and its experiments, where nothing differs from it but fusion, generator and seed
(budget `default`), or these and the settings of tools/presets/grid.yaml (budget `grid`). Of runs that differ in nothing
else, the last counts. Parameters: weights of fusion and generator, what only training needs (a discriminator, an
encoder) included. Training steps: optimiser steps of both; a closed form takes none.
"""

import io
import json
from pathlib import Path
from typing import Any

import dvc.api
import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from safetensors.numpy import load

from stages.common.files import replace, write_table
from tools.experiments import Run, differing, experiments, follows
from tools.refusal import one_line

KEYS = {"fuse.method": "fuse.method", "train.model": "train.model", "run.seed": "seed"}
FIGURES = ("coherence.joint", "coherence.worst", "fidelity.", "coverage.")
CLOSED = ("matrix", "none")  # fusions that are not trained by steps
OUT = Path("metrics")


def main() -> None:
    """Write metrics/leaderboard.csv and metrics/leaderboard.png."""
    with one_line("leaderboard"):
        commit, runs = experiments("coherence.joint")
        if commit not in runs:
            raise ValueError("expected figures of the last commit, got none; dvc repro, and commit metrics/")
        table = leaderboard([(run, told) for run in runs if (told := budget(run, commit))])
        write_table(OUT / "leaderboard.csv", table)
        replace(OUT / "leaderboard.png", picture(table))
    print(table.to_string(index=False))


def budget(run: Run, commit: Run) -> str | None:
    """By which budget a run was trained: `default`, as the commit it comes from, or `grid`; None: neither."""
    if differing(run, commit) <= set(KEYS):
        return "default"
    return "grid" if follows(run, commit, "grid", free=KEYS) else None


def leaderboard(runs: list[tuple[Run, str]]) -> pd.DataFrame:
    """A row a run and its budget, the most coherent first."""
    rows: dict[tuple[Any, ...], tuple[Run, str]] = {}
    for run, told in sorted(runs, key=lambda pair: str(pair[0]["Created"])):
        rows[(told, *(run[key] for key in KEYS))] = (run, told)
    table = pd.DataFrame([row(*pair) for pair in rows.values()])
    return table.sort_values(["coherence.joint", "budget", *KEYS.values()], ascending=[False, True, True, True, True])


def row(run: Run, told: str) -> dict[str, Any]:
    """One line of the table."""
    found: dict[str, Any] = {name: run[key] for key, name in KEYS.items()} | {"budget": told}
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
    names = [
        f"{row['fuse.method']} + {row['train.model']}, seed {row['seed']:.0f}"
        + (", default budget" if row["budget"] == "default" else "")
        for _, row in table.iterrows()
    ]
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
