"""What the peers reach, as a picture: a panel a figure, a line a method, a colour a budget, a dot a seed."""

import io
import math

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

PANELS = {"joint": "from nothing: all agree", "one": "one given: the mean", "coverage": "coverage: the mean"}
COLOURS = {120.0: "#9bbfe0", 600.0: "#2563a8", math.inf: "#c2571a"}
SHIFT = 0.22  # between two budgets


def budget_in_words(budget: float) -> str:
    """A budget in words."""
    return "until it has converged" if math.isinf(budget) else f"{budget:.0f} CPU seconds"


def summarised(table: pd.DataFrame) -> pd.DataFrame:
    """Every row with the figures of the panels."""
    one = table.filter(regex=r"^coherence\.[^+]+_to_").mean(axis=1)
    coverage = table.filter(regex=r"^coverage\.").mean(axis=1)
    return table.assign(joint=table["coherence.joint"], one=one, coverage=coverage)


def picture(table: pd.DataFrame) -> bytes:
    """A PNG."""
    table = summarised(table)
    real, table = table[table["budget_s"].isna()], table.dropna(subset="budget_s")
    lines, budgets = list(table["method"].unique())[::-1], [one for one in COLOURS if (table["budget_s"] == one).any()]
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(9, 0.9 + 0.55 * len(lines)), layout="constrained")
        for axes, (name, title) in zip(figure.subplots(1, len(PANELS), sharey=True), PANELS.items(), strict=True):
            for number, budget in enumerate(budgets):
                rows, colour = table[table["budget_s"] == budget], COLOURS[budget]
                places = [lines.index(method) + SHIFT * (1 - number) for method in rows["method"]]
                axes.plot(rows[name], places, "o", color=colour, alpha=0.85, label=budget_in_words(budget))
            for value in real[name]:
                axes.axvline(value, color="0.6", linewidth=0.8, linestyle=":", label="real items")
            axes.set_title(title)
            axes.set_xlim(-0.02, 1.02)
            axes.set_yticks(range(len(lines)), lines)
            axes.set_ylim(-0.6, len(lines) - 0.4)
            axes.grid(axis="x", alpha=0.3)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=110, metadata={"Software": None})  # a version in it would change the bytes
    return buffer.getvalue()
