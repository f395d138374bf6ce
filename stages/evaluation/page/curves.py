"""Loss curves of every trained model: one long table, and drawings of it for the page.

A drawing is a frame as wide as its data: the ticks are the lowest, the middle and the highest loss.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.common.files import read_table

WIDTH, HEIGHT = 300, 130  # of a drawing, in the units of its view box
LEFT, RIGHT, TOP, BOTTOM = 40, 6, 8, 20  # margins for ticks
FRAME = {
    "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM
}  # for the templates  # fmt: skip
VALIDATION = "validation"  # the column of a curve that has the loss of items that are not learned from
BY_HEART = 1.2  # times its lowest that a validation loss ends at, of a model that learned its data by heart


@dataclass(frozen=True)
class Line:
    """One loss of a chart."""

    loss: str
    path: str  # SVG path data
    first: float
    last: float


@dataclass(frozen=True)
class Chart:
    """The losses of one model."""

    stage: str
    lines: list[Line]
    ticks: list[tuple[float, str]]  # height and label
    steps: int
    lowest: float | None = None  # where the validation loss was lowest, of a training that was watched


def curve_files(modalities: Sequence[str]) -> dict[str, Path]:
    """Where the curve of each trained model is kept. Some have none: a grammar, a closed form."""
    files = {f"extract/{name}": Path("data/extract", name, "curve.csv") for name in modalities}
    files["fuse"] = Path("data/fuse/curve.csv")
    files |= {f"train/{name}": Path(f"data/train/{name}.curve.csv") for name in ("prior", *modalities)}
    files |= {f"judge/{name}": Path(f"data/judge/{name}.curve.csv") for name in (*modalities, "matcher")}
    return {stage: file for stage, file in files.items() if file.exists()}


def read_curves(modalities: Sequence[str]) -> pd.DataFrame:
    """All curves, a row a point: stage, loss, step, value."""
    tables = [
        read_table(file).melt("step", var_name="loss", value_name="value").assign(stage=stage)
        for stage, file in curve_files(modalities).items()
    ]
    return pd.concat(tables, ignore_index=True)[["stage", "loss", "step", "value"]].dropna()


def lowest_step(rows: pd.DataFrame) -> int | None:
    """The step at which the validation loss of a stage was lowest: of equals the last. None where it has none."""
    scores = rows[rows["loss"] == VALIDATION]
    return None if scores.empty else int(scores["step"][scores["value"] == scores["value"].min()].iloc[-1])


def learned_by_heart(curves: pd.DataFrame) -> list[str]:
    """A sentence for each model whose loss on the validation split rose well above its lowest."""
    found = []
    for stage, rows in curves.groupby("stage", sort=False):
        scores = rows["value"][rows["loss"] == VALIDATION]
        if len(scores) and scores.iloc[-1] > BY_HEART * scores.min() > 0:
            found.append(
                f"{stage}: {scores.min():.3g} after {lowest_step(rows)} of {rows['step'].max()} steps, "
                f"{scores.iloc[-1]:.3g} at the end."
            )
    return found


def charts(curves: pd.DataFrame) -> list[Chart]:
    """A chart a stage, in the order of the table."""
    return [chart(str(stage), rows) for stage, rows in curves.groupby("stage", sort=False)]


def chart(stage: str, rows: pd.DataFrame) -> Chart:
    """Losses fall by powers of ten, so the scale is logarithmic; where one is not positive it is linear."""
    low, high, steps = float(rows["value"].min()), float(rows["value"].max()), int(rows["step"].max())
    scale, back = (math.log, math.exp) if low > 0 else (float, float)
    bottom, span = scale(low), scale(high) - scale(low) or 1.0

    def height(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - (scale(value) - bottom) / span), 1)

    def across(step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / steps, 1)

    lines = []
    for loss, points in rows.groupby("loss", sort=False):
        values = [float(value) for value in points["value"]]
        corners = [f"{across(step)} {height(value)}" for step, value in zip(points["step"], values, strict=True)]
        # The move of length zero at the end makes a curve of one point visible as a dot.
        lines.append(Line(str(loss), f"M{' L'.join(corners)} h0", values[0], values[-1]))
    lowest = lowest_step(rows)
    marks = sorted({low, back(bottom + (scale(high) - bottom) / 2), high})
    ticks = [(height(mark), f"{mark:.3g}") for mark in marks]
    return Chart(stage, lines, ticks, steps, None if lowest is None else across(lowest))
