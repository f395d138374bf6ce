"""`make leaderboard`: what fusions and generators measured, as a table and a picture, from what `dvc exp show` knows.

The runs are the last commit itself and its experiments, where nothing differs from it but fusion, generator and seed
(budget `default`), or these and the settings of tools/presets/grid.yaml (budget `grid`). Of runs that differ in nothing
else, the last counts. Rows of the committed table stay, each with the commit whose code measured it, so that runs can
be added bit by bit and on several machines; where anything in `CODE` does something else since, they are said to be of
older code, and the picture shows them paler. ``--check`` runs the cheapest of them again: where it comes out otherwise,
by more than seeds do, all rows of its commit go. After `OLDEST_DAYS` they go anyway.
Parameters: weights of fusion and generator, what only training needs (a discriminator, an encoder) included. Training
steps: optimiser steps of both; a closed form takes none.
"""

import argparse
import io
import json
from collections.abc import Collection
from pathlib import Path

import dvc.api
import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from safetensors.numpy import load

from stages.common.files import replace, write_table
from tools.experiments import Run, differing, experiments, follows, git
from tools.older import FIGURES, KEYS, OLDEST_DAYS, Row, changed, expired, otherwise, run_again, seed_spread
from tools.refusal import one_line

CLOSED = ("matrix", "none")  # fusions that are not trained by steps
COLOURS = {"gan": "#c2571a", "vae": "#5a9e4b", "flow": "#2563a8"}
OUT = Path("metrics")


def main() -> None:
    """Write metrics/leaderboard.csv and metrics/leaderboard.png."""
    parser = argparse.ArgumentParser(prog="leaderboard", description="what fusions and generators measured")
    parser.add_argument("--check", action="store_true", help="run the cheapest row of older code again, and compare")
    check = parser.parse_args().check
    with one_line("leaderboard"):
        before = earlier()
        gone = {commit for row in before if changed(commit := row["commit"]) and expired(commit)}
        before = [row for row in before if row["commit"] not in gone]
        if check:
            spread, was = seed_spread(before), run_again(before)
        commit, runs = experiments("coherence.joint")
        if commit not in runs:
            raise ValueError("expected figures of the last commit, got none; dvc repro, and commit metrics/")
        known = [(run, told) for run in runs if (told := budget(run, commit))]
        last = {(told, *(run[key] for key in KEYS)): (run, told) for run, told in known}  # only these are read
        now = git("rev-parse", "--short=7", "HEAD")
        rows = [row(*pair) | {"commit": now} for pair in last.values()]
        if check and (said := otherwise(was, rows, spread)):
            before = [row for row in before if row["commit"] != was["commit"]]
            print(f"leaderboard: rows of {was['commit']} are gone: {said}")
        table = leaderboard(before + rows)
        old = {commit for commit in table["commit"].unique() if changed(commit)}
        write_table(OUT / "leaderboard.csv", table)
        replace(OUT / "leaderboard.png", picture(table, old))
    for commit in sorted(gone):
        print(f"leaderboard: rows of {commit} are gone: of older code, and more than {OLDEST_DAYS} days old")
    for commit in sorted(old):
        print(f"leaderboard: rows of {commit} are of older code: {changed(commit)}")
    print(table.to_string(index=False))


def budget(run: Run, commit: Run) -> str | None:
    """By which budget a run was trained: `default`, as the commit it comes from, or `grid`; None: neither."""
    if differing(run, commit) <= set(KEYS):
        return "default"
    return "grid" if follows(run, commit, "grid", free=KEYS) else None


def earlier() -> list[Row]:
    """The rows of the committed table."""
    path = (OUT / "leaderboard.csv").as_posix()
    if not git("ls-tree", "HEAD", path):
        return []
    table = pd.read_csv(io.StringIO(git("show", f"HEAD:{path}")), dtype={"commit": str})
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def leaderboard(rows: list[Row]) -> pd.DataFrame:
    """A row a run and its budget, the most coherent first; of two runs that differ in nothing else, the later row."""
    names = ["budget", *KEYS.values()]
    table = pd.DataFrame(rows).drop_duplicates(names, keep="last", ignore_index=True)
    return table.sort_values(["coherence.joint", *names], ascending=[False, True, True, True, True])


def row(run: Run, told: str) -> Row:
    """One line of the table."""
    found: Row = {name: run[key] for key, name in KEYS.items()}
    found |= {"seed": int(run["run.seed"]), "budget": told}
    found |= {key: value for key, value in run.items() if key.startswith(FIGURES) and isinstance(value, float)}
    models = [*json.loads(read(run, "data/train/generator.json"))["models"]]
    weights = [f"data/train/{name}.safetensors" for name in models] + ["data/fuse/fusion.safetensors"]
    found["parameters"] = sum(count(read(run, path)) for path in weights)
    steps = [run["train.prior.steps"] if name == "prior" else run["train.decoders.steps"] for name in models]
    found["training steps"] = int(sum(steps) + (0 if run["fuse.method"] in CLOSED else run["fuse.steps"]))
    return found


def read(run: Run, path: str) -> bytes:
    """A file that the run left, from the cache or the remote."""
    return bytes(dvc.api.read(path, rev=run["rev"], mode="rb"))


def count(weights: bytes) -> int:
    """How many values a safetensors file holds."""
    return sum(tensor.size for tensor in load(weights).values())


def picture(table: pd.DataFrame, old: Collection[str] = ()) -> bytes:
    """A PNG: joint and worst coherence side by side, a line for each fusion and budget, a dot for each run.

    Runs of the commits that are `old` are paler.
    """
    names = table["fuse.method"].where(table["budget"] == "grid", table["fuse.method"] + ",\ndefault budget")
    lines = table.groupby(names)["coherence.joint"].max().sort_values().index.to_list()
    models = sorted(table["train.model"].unique())
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(8, 1.2 + 0.6 * len(lines)), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, metric in zip(panels, ("coherence.joint", "coherence.worst"), strict=True):
            for number, model in enumerate(models):
                runs = table[table["train.model"] == model]
                places = [lines.index(names[row]) + 0.2 * (number - (len(models) - 1) / 2) for row in runs.index]
                axes.plot([], [], "o", color=COLOURS[model], label=model)
                paler = [0.35 if commit in old else 0.9 for commit in runs["commit"]]
                axes.scatter(runs[metric], places, s=36, color=COLOURS[model], alpha=paler)
            axes.set_title(metric)
            axes.set_xlim(0, 1)
            axes.grid(axis="x", alpha=0.3)
            axes.hlines([line + 0.5 for line in range(len(lines) - 1)], 0, 1, color="0.9", linewidth=0.8)
        panels[0].set_yticks(range(len(lines)), lines)
        panels[0].set_ylim(-0.5, len(lines) - 0.5)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=110, metadata={"Software": None})  # a version in it would change the bytes
    return buffer.getvalue()


if __name__ == "__main__":
    main()
