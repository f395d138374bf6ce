"""`make seeds`: the main job with other seeds, and where its figures get their spread from.

Another `run.seed` is another draw of everything: data, splits, judges, weights, noise, samples. The spread between the
runs is thus that of the samples (what the 95 % intervals of metrics/table.csv tell) and what comes on top of it, which
only more runs tell: variance between runs = variance of the samples + variance of the seeds. The runs are the last
commit and its experiments in which nothing but the seed differs.
"""

import argparse
import io
import json
from collections.abc import Mapping
from pathlib import Path

import dvc.api
import numpy as np
import pandas as pd

from stages.common.files import write_table
from stages.evaluation.intervals import NORMAL
from tools.bench import hardware
from tools.experiments import differing, experiments, git
from tools.refusal import one_line

OUT = Path("metrics/seeds.csv")
SEED, FEWEST = "run.seed", 3


def main() -> None:
    """Write metrics/seeds.csv, and print it."""
    argparse.ArgumentParser(prog="seeds", description="the spread of the figures between seeds").parse_args()
    with one_line("seeds"):
        commit, runs = experiments("coherence.joint")
        last = {int(run[SEED]): str(run["rev"]) for run in runs if differing(run, commit) <= {SEED}}
        if len(last) < FEWEST:
            raise ValueError(f"expected runs with {FEWEST} seeds or more, got {sorted(last)}; make seeds")
        tables = {seed: figures(last[seed]) for seed in sorted(last)}
        about = {"machine": hardware(int(commit["run.threads"])), "commit": git("rev-parse", "--short=7", "HEAD")}
        table = spread(tables).assign(**about)
        write_table(OUT, table)
    print(table.drop(columns="machine").to_string(index=False))


def figures(rev: str) -> pd.DataFrame:
    """The summary's rows of a run's full table."""
    told = json.loads(dvc.api.read("metrics/summary.json", rev=rev))
    names = [f"{family}.{name}" for family, part in told.items() for name in part]
    table = pd.read_csv(io.StringIO(dvc.api.read("metrics/table.csv", rev=rev)), index_col="metric")
    return table.loc[[name for name in names if name in table.index]]


def spread(tables: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Of each metric that all runs have: its values, their mean, and the standard deviations by their source."""
    names = [
        name for name in next(iter(tables.values())).index if all(name in table.index for table in tables.values())
    ]
    values = pd.DataFrame({f"seed {seed}": table.loc[names, "value"] for seed, table in tables.items()})
    arms = np.stack([(table.loc[names, "high"] - table.loc[names, "low"]) / (2 * NORMAL) for table in tables.values()])
    samples, between = np.sqrt((arms**2).mean(0)), values.std(axis=1, ddof=1).to_numpy()
    seeds = np.sqrt(np.maximum(between**2 - samples**2, 0))
    found = values.assign(mean=values.mean(axis=1), between_sd=between, samples_sd=samples, seeds_sd=seeds)
    return found.round(5).rename_axis("metric").reset_index()


if __name__ == "__main__":
    main()
