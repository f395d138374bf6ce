"""Layer 5, last stage: what was measured, for people.

Writes metrics/ (summary and full table as `evaluate` left them, all loss curves, some samples), which Git keeps, and
data/report/index.html: samples to see and hear, figures, curves and table in one file that works offline.
"""

from pathlib import Path

from pydantic import PositiveInt

from stages.common.files import read_table, replace, write_table
from stages.common.params import Strict, load, load_modalities
from stages.common.stage import stage
from stages.evaluation.curves import read_curves
from stages.evaluation.examples import examples, from_nothing
from stages.evaluation.mosaic import mosaic
from stages.evaluation.page import Content, figures_of, render

MEASURED, METRICS = Path("data/evaluate"), Path("metrics")
LARGEST = 8 * 1024 * 1024  # bytes; a page that opens at once and can be sent by mail


class Report(Strict):
    """Section `report`."""

    grid: PositiveInt  # samples shown that were made from nothing
    rows: PositiveInt  # examples a direction


def main() -> None:
    """Write metrics/ and data/report."""
    with stage("report") as door:
        settings = load(Report, "report")
        names = load_modalities()
        table, curves = read_table(MEASURED / "table.csv", text=("metric", "note")), read_curves(names)
        content = Content(
            names=names, key="digit", figures=figures_of(table), curves=curves,
            nothing=from_nothing(names, settings.grid), examples=examples(names, settings.rows),
        )  # fmt: skip
        page = render(content)
        if len(page) > LARGEST:
            raise ValueError(
                f"page: expected at most {LARGEST // 2**20} MiB, got {len(page) / 2**20:.1f}; "
                "lower report.grid or report.rows"
            )
        replace(door.out / "index.html", page)
        for name in ("summary.json", "table.csv"):
            replace(METRICS / name, (MEASURED / name).read_bytes())
        write_table(METRICS / "curves.csv", curves)
        replace(METRICS / "samples.png", mosaic())
    print("report: data/report/index.html")


if __name__ == "__main__":
    main()
