"""Layer 5, last stage: what was measured, for people.

Writes metrics/ (summary and full table as `evaluate` left them, all loss curves, some samples), which Git keeps, and
data/report/index.html: samples to see and hear, figures, curves and table in one file that works offline.
"""

from pathlib import Path

import pandas as pd
from pydantic import PositiveInt

from stages.common.files import read_json, read_table, replace, write_table
from stages.common.params import Strict, load, load_modalities
from stages.common.stage import stage
from stages.evaluation.audit import checks, rejects, suspects
from stages.evaluation.curves import read_curves
from stages.evaluation.examples import examples, from_nothing
from stages.evaluation.insight import foci, games, strips
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
        curves = read_curves(names)
        page = render(gathered(names, curves, settings))
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


def gathered(names: list[str], curves: pd.DataFrame, settings: Report) -> Content:
    """All that the page shows, from what the stages left."""
    return Content(
        names=names, key=read_json(MEASURED / "scene.json")["key"] or "label", curves=curves,
        figures=figures_of(read_table(MEASURED / "table.csv", text=("metric", "note"))),
        nothing=from_nothing(names, settings.grid), examples=examples(names, settings.rows), strips=strips(names),
        games=games(MEASURED / "contribution.csv"), foci=foci(Path("data/fuse/attention.csv")),
        suspects=suspects(MEASURED / "suspects.csv"), checks=checks(MEASURED / "sanity.csv"),
        rejects=rejects(Path("data/preprocess/rejects.csv")),
    )  # fmt: skip


if __name__ == "__main__":
    main()
