"""`make compare BASE=main`: the summary metrics of two revisions, and which differences exceed the noise.

A revision is what Git or DVC has a name for: branch, tag, commit, experiment. Every metric comes with its 95 %
bootstrap interval from metrics/table.csv; `dvc metrics diff` knows none and so can't tell a change from noise.

The rule. For a difference d = a - b of two figures with intervals (la, ua) and (lb, ub) the limits of d are
d - sqrt((a - la)^2 + (ub - b)^2) and d + sqrt((ua - a)^2 + (b - lb)^2): MOVER, Zou and Donner 2008, Statistics in
Medicine 27:1693, for intervals that need not be symmetric. The two-sided p-value is that of a normal error whose
1.96 standard deviations are the arm on the side of zero (Altman and Bland 2003, BMJ 326:219). That two intervals
overlap says little (Schenker and Gentleman 2001, American Statistician 55:182). The p-values of all metrics compared
are corrected together, Holm 1979, which holds however the metrics depend on each other: with nothing changed, a "yes"
anywhere in the table has a chance of 5 % at most.

What the noise is: the samples that were drawn and tested, and what another seed or another processor moves, where
metrics/seeds.csv of a side tells it (`make seeds`): its standard deviation is added to both arms. Both sides are taken
as independent; where they share test samples, the rule errs towards "no".
"""

import argparse
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import hypot
from statistics import NormalDist

import dvc.api
import numpy as np
import pandas as pd
from dvc.exceptions import FileMissingError, PathMissingError

from tools.refusal import one_line

SUMMARY, TABLE, SEEDS = "metrics/summary.json", "metrics/table.csv", "metrics/seeds.csv"
RENAMED = {"elsewhere": "out_of_domain"}  # families of the summary, as earlier commits called them
COLUMNS = ("value", "low", "high", "n")
LEVEL = 0.05  # chance of a "yes" anywhere when nothing changed
ARM = NormalDist().inv_cdf(0.975)  # standard deviations from a value to an end of its 95 % interval


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval and the number of samples behind it."""

    value: float
    low: float
    high: float
    n: float
    seed_sd: float = 0.0  # standard deviation that another seed adds; 0 where it is not known

    @property
    def arms(self) -> tuple[float, float]:
        """From the value down and up to the ends of the interval, seeds included.

        A bootstrap of n equal outcomes has no width; then 3 / n, the rule of three (Hanley and Lippman-Hand 1983).
        """
        down, up = max(self.value - self.low, 0.0), max(self.high - self.value, 0.0)
        if self.low == self.high:
            down = up = 3 / self.n
        return hypot(down, ARM * self.seed_sd), hypot(up, ARM * self.seed_sd)


Side = dict[str, Measured]


def main() -> None:
    """Print the table; the exit code says nothing about the differences."""
    parser = argparse.ArgumentParser(prog="compare", description="which metrics differ by more than noise")
    parser.add_argument("base", help="branch, tag, commit or experiment to compare with")
    parser.add_argument("other", nargs="?", help="another one; without it, the working tree")
    chosen = parser.parse_args()
    with one_line("compare"):
        seeds = seeds_of(chosen.other) or seeds_of(chosen.base)
        rows = compare(read(chosen.base, seeds), read(chosen.other, seeds))
        lines = table(rows, chosen.base, chosen.other or "here", seeds=bool(seeds))
    print("\n".join(lines))


def seeds_of(revision: str | None) -> dict[str, float]:
    """The standard deviation that seeds add to each metric, by a revision's metrics/seeds.csv; none without it."""
    try:
        return seed_sd(pd.read_csv(io.StringIO(text_of(SEEDS, revision))))
    except ValueError:
        return {}


def seed_sd(table: pd.DataFrame) -> dict[str, float]:
    """The standard deviation that seeds add to each metric, for a comparison of two runs.

    A few runs tell one metric's badly, so its family is asked too: by how much seeds enlarge the variance of the
    samples, on the average over the family. The larger of the two counts, which errs towards calling it noise.
    """
    family = table["metric"].str.partition(".")[0]
    ratio = (table["between_sd"] / table["samples_sd"].replace(0, np.nan)) ** 2
    more = (ratio.groupby(family).transform("mean") - 1).clip(lower=0).fillna(0)
    sd = np.maximum(table["seeds_sd"], np.sqrt(more) * table["samples_sd"])
    return dict(zip(table["metric"], sd, strict=True))


def read(revision: str | None, seeds: Mapping[str, float]) -> Side:
    """The summary metrics of a revision, or of the working tree, with what `seeds` add to them.

    Raises ValueError when the revision has no such file, or the file is not what `report` writes.
    """
    summary, figures = (text_of(path, revision) for path in (SUMMARY, TABLE))
    names = [f"{family}.{name}" for family, part in json.loads(summary).items() for name in part]
    rows = pd.read_csv(io.StringIO(figures), index_col="metric", dtype={"metric": str})
    missing = [column for column in COLUMNS if column not in rows]
    missing += [name for name in names if name not in rows.index]
    if missing:
        where = f"{TABLE} of {revision or 'the working tree'}"
        raise ValueError(f"{where}: expected {', '.join(missing)}, got none; rebuild it there with `make repro`")
    measured = {called_now(name): Measured(*rows.loc[name, list(COLUMNS)]) for name in names}
    return {name: replace(one, seed_sd=seeds.get(name, 0.0)) for name, one in measured.items()}


def called_now(name: str) -> str:
    """A metric of any commit by its name of today."""
    family, _, rest = name.partition(".")
    return f"{RENAMED.get(family, family)}.{rest}"


def text_of(path: str, revision: str | None) -> str:
    """A file of Git as it is in a revision. Raises ValueError when there is none."""
    try:
        return str(dvc.api.read(path, rev=revision))
    except (FileNotFoundError, FileMissingError, PathMissingError):
        where = revision or "the working tree"
        raise ValueError(
            f"{where}: expected {path}, got none; name a revision that has it, or run `make repro`"
        ) from None


def compare(base: Side, other: Side) -> pd.DataFrame:
    """A row a metric of either side; what can't be compared has no difference and no p-value."""
    names = [*base, *(name for name in other if name not in base)]
    rows = pd.DataFrame(
        {"base": [base.get(name) for name in names], "other": [other.get(name) for name in names]}, names
    )
    both = [name for name in names if name in base and name in other]
    rows["difference"] = pd.Series({name: other[name].value - base[name].value for name in both}, dtype=float)
    rows["p"] = holm(pd.Series({name: chance(base[name], other[name]) for name in both}, dtype=float))
    return rows


def chance(base: Measured, other: Measured) -> float:
    """Two-sided p-value of no difference, by the rule above."""
    difference = other.value - base.value
    if difference == 0:
        return 1.0
    (base_down, base_up), (other_down, other_up) = base.arms, other.arms
    arm = hypot(other_down, base_up) if difference > 0 else hypot(other_up, base_down)
    return 2 * NormalDist().cdf(-ARM * abs(difference) / arm) if arm else 0.0


def holm(chances: pd.Series) -> pd.Series:
    """p-values corrected for their number, step by step from the smallest; Holm 1979, Scand. J. Statist. 6:65."""
    ordered = chances.sort_values()
    return (ordered * np.arange(len(ordered), 0, -1)).cummax().clip(upper=1.0)


def table(rows: pd.DataFrame, base: str, other: str, *, seeds: bool = False) -> list[str]:
    """The lines of a Markdown table that is aligned for a terminal too, and how to read it."""
    cells: list[tuple[str, ...]] = [("metric", base, "95 %", other, "95 %", "difference", "p", "exceeds noise")]
    for name, row in rows.iterrows():
        sides = (*interval(row["base"]), *interval(row["other"]))
        cells.append((str(name), *sides, *verdict(row["difference"], row["p"])))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, tuple("-" * width for width in widths))
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    found = f"{(rows['p'] < LEVEL).sum()} of {rows['p'].count()} differences exceed the noise"
    noise = "of samples and seeds" if seeds else "of samples; `make seeds` tells that of seeds"
    return [*(f"| {line} |" for line in lines), "", f"{found} {noise} (p below {LEVEL}, corrected for their number)"]


def interval(side: Measured | None) -> tuple[str, str]:
    """Value and interval in words; empty where a side lacks the metric."""
    return (f"{side.value:.4f}", f"{side.low:.4f} to {side.high:.4f}") if isinstance(side, Measured) else ("", "")


def verdict(difference: float, p: float) -> tuple[str, str, str]:
    """Difference, p-value and whether it exceeds the noise, in words."""
    if pd.isna(p):
        return "", "", "one side only"
    return f"{difference:+.4f}", f"{p:.3f}" if p >= 0.001 else "< 0.001", "yes" if p < LEVEL else "no"


if __name__ == "__main__":
    main()
