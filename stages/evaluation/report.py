"""Layer 5, last stage: what was measured, for people.

Writes metrics/, which Git keeps and `dvc plots` draws (summary, full table and confusion as `evaluate` left them, the
matrix of coherence, all loss curves, some samples), and data/report/index.html: what is good and what is not in words,
samples to see and hear, curves and every figure, in one file that works offline. The figures are written first.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import PositiveInt

from stages.common.files import read_json, read_table, replace, write_table
from stages.common.params import Strict, load, load_modalities
from stages.common.stage import stage
from stages.data.records import remarks
from stages.evaluation.changes import changed_most
from stages.evaluation.page.curves import read_curves
from stages.evaluation.page.examples import examples, from_nothing
from stages.evaluation.page.guidance_chart import guidance_chart
from stages.evaluation.page.interpretability import attentions, codecs, games, strips
from stages.evaluation.page.page import Content, figures_of, render
from stages.evaluation.page.privacy import guarantee
from stages.evaluation.page.readme_mosaic import mosaic
from stages.evaluation.page.trust_checks import checks, near_copies, rejects, visibilities
from stages.evaluation.page.verdict import DIRECTED

MEASURED, CLEAN, METRICS = Path("data/evaluate"), Path("data/preprocess"), Path("metrics")
LARGEST = 8 * 2**20  # bytes; a page that opens at once and can be sent by mail


class Report(Strict):
    """Section `report`."""

    grid: PositiveInt  # samples shown that were made from nothing
    rows: PositiveInt  # examples a direction


def main() -> None:
    """Write metrics/ and data/report."""
    with stage("report") as context:
        settings = load(Report, "report")
        names = load_modalities()
        table, curves = read_table(MEASURED / "table.csv", text=("metric", "note")), read_curves(names)
        earlier = read_table(METRICS / "table.csv") if (METRICS / "table.csv").is_file() else table
        for name in ("confusion.csv", "summary.json", "table.csv"):
            replace(METRICS / name, (MEASURED / name).read_bytes())
        write_table(METRICS / "curves.csv", curves)
        write_table(METRICS / "coherence.csv", matrix(table))
        replace(METRICS / "samples.png", mosaic(names))
        page = page_within_limit(names, table, curves, settings)
        replace(context.out / "index.html", page)
    print(f"report: data/report/index.html, {len(page.encode()) / 2**20:.1f} MiB")
    if changes := changed_most(earlier, table):
        print(f"report: changed most since the last run: {'; '.join(changes)}")


def page_within_limit(names: Sequence[str], table: pd.DataFrame, curves: pd.DataFrame, settings: Report) -> str:
    """The page as it is; where that is too large, with lighter media, then with fewer samples: it is never refused."""
    grid, rows, light = settings.grid, settings.rows, False
    while True:
        page = render(gather(names, table, curves, Report(grid=grid, rows=rows), light=light))
        if len(page.encode()) <= LARGEST or (light and grid == rows == 1):
            return page
        if light:
            grid, rows = -(-grid // 2), -(-rows // 2)
        light = True


def gather(
    names: Sequence[str], table: pd.DataFrame, curves: pd.DataFrame, settings: Report, *, light: bool
) -> Content:
    """All that the page shows, from what the stages left."""
    dataset = read_json(MEASURED / "dataset.json")
    return Content(
        names=names, key=dataset["key"] or "label", tested=dataset["test"], results=figures_of(table), curves=curves,
        nothing=from_nothing(names, settings.grid, light=light), strips=strips(names, light=light), light=light,
        examples=examples(names, settings.rows, light=light), games=games(MEASURED / "contribution.csv"),
        attentions=attentions(Path("data/fuse/attention.csv")), guidance=guidance_chart(MEASURED / "guidance.csv"),
        near_copies=near_copies(MEASURED / "near_copies.csv", names, light=light),
        checks=checks(MEASURED / "sanity.csv"), rejects=rejects(CLEAN / "rejects.csv"), remarks=remarks.read(CLEAN),
        visibilities=visibilities(Path("data/judge/label_visibility.csv")), codecs=codecs(names, Path("data/extract")),
        subsets=2 ** len(names) - 1, guarantee=guarantee(names, Path("data")),
    )  # fmt: skip


def matrix(table: pd.DataFrame) -> pd.DataFrame:
    """How well each target follows from each observed subset: columns observed, made, value."""
    found = table["metric"].str.extract(DIRECTED)[0]
    ends = found.str.split("_to_", expand=True).reindex(columns=[0, 1]).set_axis(["observed", "made"], axis=1)
    return ends.assign(value=table["value"])[found.notna()]


if __name__ == "__main__":
    main()
