"""For the page: what guidance brings against what it costs, a line a modality that was made, a dot a value."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.common.files import read_table
from stages.evaluation.page.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH


@dataclass(frozen=True)
class Dot:
    """One value of guidance."""

    guidance: float
    across: float  # where it stands in the drawing
    height: float
    coherence: float
    coverage: float
    n: int


@dataclass(frozen=True)
class GuidanceChart:
    """Coherence upwards, coverage to the right; the frame is as wide as its data."""

    lines: dict[str, list[Dot]]  # made modality -> values ascending
    coherence: tuple[float, float]  # lowest and highest
    coverage: tuple[float, float]

    def path(self, made: str) -> str:
        """SVG path data."""
        return "M" + " L".join(f"{dot.across} {dot.height}" for dot in self.lines[made])


def guidance_chart(file: Path) -> GuidanceChart | None:
    """Of what `evaluate` measured; None where no values were compared."""
    table = read_table(file, text=("made",)) if file.exists() else pd.DataFrame()
    if table.empty:
        return None
    ends = {name: (float(table[name].min()), float(table[name].max())) for name in ("coherence", "coverage")}

    def place(name: str, value: float) -> float:
        low, high = ends[name]
        return (value - low) / (high - low or 1.0)

    lines: dict[str, list[Dot]] = {}
    for row in table.to_dict("records"):
        across = LEFT + (WIDTH - LEFT - RIGHT) * place("coverage", row["coverage"])
        height = TOP + (HEIGHT - TOP - BOTTOM) * (1 - place("coherence", row["coherence"]))
        dot = Dot(row["guidance"], round(across, 1), round(height, 1), row["coherence"], row["coverage"], row["n"])
        lines.setdefault(str(row["made"]), []).append(dot)
    return GuidanceChart(lines, ends["coherence"], ends["coverage"])
