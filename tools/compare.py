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

What the noise is: the samples that were drawn and tested, and what another seed moves in the main job, where
metrics/seeds.csv of a side tells it (`make seeds`): the variance between its runs, which that of the samples is part
of, counts where it is the larger. Because a few runs tell it badly, the error then has Student's distribution, with
the degrees of freedom of Satterthwaite 1946, Biometrics Bulletin 2:110. For one metric that holds the 5 %. Over a
table of 26 it does not quite: where seeds move figures twice as far as samples do, a "yes" anywhere without a change
has a chance of at most 27 % with three runs, and 10 % with five (by simulation, metrics independent). Both sides are
taken as independent; where they share test samples, the rule errs towards "no".
"""

import argparse
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import hypot, inf, sqrt
from statistics import NormalDist

import dvc.api
import numpy as np
import pandas as pd
from dvc.exceptions import FileMissingError, PathMissingError
from scipy.stats import t as student_t

from tools.refusal import one_line

SUMMARY, TABLE, SEEDS = "metrics/summary.json", "metrics/table.csv", "metrics/seeds.csv"
RENAMED = {"elsewhere": "out_of_domain"}  # families of the summary, as earlier commits called them
COLUMNS = ("value", "low", "high", "n")
LEVEL = 0.05  # chance of a "yes" anywhere when nothing changed
ARM = NormalDist().inv_cdf(0.975)  # standard deviations from a value to an end of its 95 % interval


@dataclass(frozen=True)
class Seeds:
    """How far a figure lies from run to run of another seed."""

    sd: float  # standard deviation between runs, samples included
    freedom: int  # degrees of freedom of its estimate: one less than there were runs


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval and the number of samples behind it."""

    value: float
    low: float
    high: float
    n: float
    seeds: Seeds | None = None  # what another seed adds, where it is known

    @property
    def arms(self) -> tuple[float, float]:
        """From the value down and up to the ends of the interval.

        A bootstrap of n equal outcomes has no width; then 3 / n, the rule of three (Hanley and Lippman-Hand 1983).
        """
        if self.low == self.high:
            return 3 / self.n, 3 / self.n
        return max(self.value - self.low, 0.0), max(self.high - self.value, 0.0)


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


def seeds_of(revision: str | None) -> dict[str, Seeds]:
    """What seeds add to each metric, by a revision's metrics/seeds.csv; nothing without it."""
    try:
        return seed_spread(pd.read_csv(io.StringIO(text_of(SEEDS, revision))))
    except ValueError:
        return {}


def seed_spread(table: pd.DataFrame) -> dict[str, Seeds]:
    """How far each metric lies from run to run, by the table that `make seeds` writes."""
    runs = sum(str(column).startswith("seed ") for column in table)
    return {name: Seeds(sd, runs - 1) for name, sd in zip(table["metric"], table["between_sd"], strict=True)}


def read(revision: str | None, seeds: Mapping[str, Seeds]) -> Side:
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
    return {name: replace(one, seeds=seeds.get(name)) for name, one in measured.items()}


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
    samples = ((hypot(other_down, base_up) if difference > 0 else hypot(other_up, base_down)) / ARM) ** 2
    runs = [side.seeds for side in (base, other) if side.seeds]
    between = sum(one.sd**2 for one in runs)
    variance = max(samples, between)
    freedom = min(one.freedom for one in runs) * (variance / between) ** 2 if between else inf
    return float(2 * student_t.sf(abs(difference) / sqrt(variance), freedom)) if variance else 0.0


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
    noise = "of samples, and of seeds in the main job" if seeds else "of samples; `make seeds` tells that of seeds"
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
