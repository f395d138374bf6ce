"""`make figures`: write what metrics/ has into the pages that tell of it, README.md and docs/, between comments such as
``<!-- results -->`` and ``<!-- /results -->``. The tests hold every page against it.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.common.files import replace
from stages.common.params import read_yaml
from stages.fusion.trained_fusion import FUSIONS as METHODS
from stages.generation.models.families import FAMILIES
from tools.bench import TOTAL
from tools.peers.picture import budget_in_words, summarised
from tools.privacy import SHOWN
from tools.recipe import RECIPES
from tools.refusal import one_line

METRICS = Path("metrics")
TOP = ("README.md", "README.zh.md", "CONTRIBUTING.md")
PAGES = (*map(Path, TOP), *sorted(Path("docs").rglob("*.md")))
SUMMARY = (  # what docs/evaluation.md has; README has a few
    "coherence.joint", "coherence.image_to_text", "coherence.image_to_audio", "coherence.text_to_image",
    "coherence.text_to_audio", "coherence.audio_to_image", "coherence.audio_to_text", "coherence.worst",
    "coherence.hidden", "coherence.attributes", "ceiling.image", "ceiling.audio", "coverage.image", "coverage.text",
    "coverage.audio", "fidelity.image", "fidelity.text", "fidelity.audio", "memorisation.image", "memorisation.text",
    "memorisation.audio", "consistency.chained", "consistency.marginals", "out_of_domain.image_to_text",
    "out_of_domain.image_to_audio",
)  # fmt: skip
FEW = (
    "coherence.joint", "coherence.worst", "coherence.image_to_text", "coherence.image_to_audio",
    "coherence.text_to_image", "coherence.text_to_audio", "coherence.audio_to_image", "coherence.audio_to_text",
    "coverage.image", "fidelity.image",
)  # fmt: skip
EMOJI = (
    "coherence.joint", "coherence.text_to_image", "coherence.image_to_text", "attribute.skin.text_to_image",
    "attribute.skin.image_to_text", "attribute.person.text_to_image", "attribute.person.image_to_text",
    "held_out.learned.text_to_image", "held_out.combination.text_to_image", "held_out.base.text_to_image",
    "retrieval.text_to_image", "ceiling.image", "ceiling.image.skin",
    "ceiling.image.person", "coverage.image", "memorisation.image", "codec_error.image", "codec_error.text",
)  # fmt: skip
COLUMNS, OLDER = ("fuse.method", "train.model", "seed", "budget"), "\u2020"
FUSIONS, GENERATORS = list(METHODS), list(FAMILIES)  # in the order of the table
ARTICLE = {
    "classes.image": ("digits made", 0),
    "confidence.image": ("how sure the judge is of them", 3),
    "coverage.image": ("coverage", 3),
    "density.image": ("density", 3),
    "fidelity.image": ("kernel distance", 3),
}


def main() -> None:
    """Fill all pages."""
    with one_line("figures"):
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            if (now := filled(text)) != text:
                replace(page, now)
                print(f"figures: {page} has new ones")


def filled(text: str) -> str:
    """A page with the figures of metrics/ where it asks for them."""
    for name, told in BLOCKS.items():
        before, begin, rest = text.partition(f"<!-- {name} -->")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        text = before + begin + (told() if end else rest) + end + after
    return text


def results(names: Sequence[str], source: str = "table.csv") -> str:
    """Value, interval, floor and ceiling of some metrics."""
    rows = {row["metric"]: row for row in records(source)}
    return told([rows[name] for name in names])


def told(rows: Iterable[Mapping[str, Any]]) -> str:
    """Value, interval, floor and ceiling of rows of a table."""
    line = "| `{metric}` | {value:.3f} | {low:.3f} to {high:.3f} | {floor:.3f} | {ceiling:.3f} |"
    return table("metric", "value", "95 % interval", "floor", "ceiling", lines=[line.format(**row) for row in rows])


def recipe(name: str) -> str:
    """All rows of a recipe."""
    return told(row for row in records("recipes.csv") if row["recipe"] == name)


def views() -> str:
    """Of the five views: how often the digit comes out right, by how many are given."""
    found = {row["metric"]: row for row in records("recipes.csv") if row["recipe"] == "polymnist"}
    lines = []
    for count in (0, 1, 4):
        ways = [metric for metric in found if "_to_" in metric and metric.count("+") == count - 1]
        rows = [found[metric] for metric in (ways if count else ["coherence.joint"])]
        value, ceiling = (sum(row[key] for row in rows) / len(rows) for key in ("value", "ceiling"))
        told = {0: "from nothing", 1: "one given"}.get(count, f"{count} given")
        lines.append(f"| {told} | {len(rows)} | {value:.3f} | {ceiling:.3f} |")
    return table("", "directions", "right", "real pictures", lines=lines)


def most(name: str, family: str) -> str:
    """The highest upper end of the intervals of a family of a recipe's figures, in per cent, rounded up."""
    ends = [row["high"] for row in records("recipes.csv") if row["recipe"] == name and row["metric"].startswith(family)]
    return f"{math.ceil(100 * max(ends))} %"


def examples(name: str) -> str:
    """The examples of a recipe as they stand."""
    rows = records(f"recipe-{name}.csv")
    titles = [key.replace("_", ", ") for key in rows[0]]
    return table(*titles, lines=[joined(*map(str, row.values())) for row in rows])


def leaderboard() -> str:
    """Joint and worst coherence and the least coverage: a line a fusion, seed and budget, a column a generator.

    What another commit measured than the main job's is marked.
    """
    rows = records("leaderboard.csv")
    default = read_yaml(Path("params.yaml"))
    job = [default["fuse"]["method"], default["train"]["model"], default["run"]["seed"], "default"]
    last = next((row["commit"] for row in rows if [row[key] for key in COLUMNS] == job), "")
    rows.sort(key=lambda row: (row["budget"] == "default", FUSIONS.index(row["fuse.method"]), row["seed"]))
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        least = min(value for name, value in row.items() if name.startswith("coverage."))
        told = f"{row['fuse.method']}, seed {row['seed']}" + (", default budget" if row["budget"] == "default" else "")
        figures = (row["coherence.joint"], row["coherence.worst"], least)
        mark = "" if row["commit"] == last else OLDER
        lines.setdefault(told, {})[row["train.model"]] = " / ".join(f"{figure:.2f}" for figure in figures) + mark
    cells = [joined(told, *(found.get(name, "") for name in GENERATORS)) for told, found in lines.items()]
    return (
        table("", *GENERATORS, lines=cells) + f"\n{OLDER} measured at an earlier commit, which the file below names\n"
    )


def article() -> str:
    """The article's GAN and VAE beside real pictures."""
    rows = {(row["metric"], row["preset"]): row for row in records("article.csv")}
    lines = []
    for name, (words, digits) in ARTICLE.items():
        gan, vae = rows[name, "article_gan"], rows[name, "article_vae"]
        figures = (f"{value:.{digits}f}" for value in (gan["value"], vae["value"], gan["ceiling"]))
        lines.append(joined(f"{words} (`{name}`)", *figures))
    return table("", "GAN", "VAE", "real pictures", lines=lines)


def codecs() -> str:
    """What each codec loses of each kind of item, a line each."""
    units = {"psnr_db": "{:.1f} dB PSNR", "wrong_tokens": "{:.1%} of tokens wrong", "distance_db": "{:.1f} dB off"}
    lines = []
    for row in records("codecs.csv"):
        lost = next(unit.format(row[key]) for key, unit in units.items() if not pd.isna(row[key]))
        about = (", ".join(row[key] for key in ("data", "modality", "shape")), row["codec"])
        cost = (number(row[key], 0) for key in ("numbers", "steps", "seconds"))
        lines.append(joined(*about, *cost, lost, number(row["seen"], 3)))
    return table("", "codec", "numbers", "steps", "seconds", "lost", "seen by the judge", lines=lines)


def seeds() -> str:
    """Each summary figure with each seed, and its spread: of the samples, and what seeds add to that."""
    rows = records("seeds.csv")
    shown = {name: name for name in rows[0] if name.startswith("seed ")} | {"mean": "mean"}
    shown |= {"between_sd": "between runs", "samples_sd": "of samples", "seeds_sd": "of seeds"}
    lines = [joined(f"`{row['metric']}`", *(number(row[name], 3) for name in shown)) for row in rows]
    return table("metric", *shown.values(), lines=lines)


def machine() -> str:
    """What made the main job's figures."""
    return str(records("seeds.csv")[0]["machine"])


def peers() -> str:
    """What each method reaches at each budget: the mean over the seeds and the distance between the outmost."""
    rows = summarised(pd.read_csv(METRICS / "peers.csv"))
    shown = {"coherence.joint": "from nothing", "one": "one given", "coherence.worst": "worst"}
    shown |= {"coherence.hidden": "hidden", "coverage": "coverage"}
    lines = []
    for method, budget in dict.fromkeys(zip(rows["method"], rows["budget_s"].fillna(0.0), strict=True)):
        part = rows[(rows["method"] == method) & (rows["budget_s"].fillna(0.0) == budget)]
        apart = {name: f" ({np.ptp(part[name]):.3f})" if len(part) > 1 else "" for name in shown}
        cells = [f"{part[name].mean():.3f}{apart[name]}" for name in shown]
        cost = (budget_in_words(budget), str(len(part))) if budget else ("", "")
        lines.append(joined(method, *cost, *cells))
    return table("", "budget", "seeds", *shown.values(), lines=lines)


def ahead() -> str:
    """The cells in which a peer has the better mean over the seeds at the same budget."""
    rows = pd.read_csv(METRICS / "peers.csv").dropna(subset="budget_s")
    judged = [name for name in map(str, rows) if re.match(r"(coherence|coverage|fidelity)\.", name)]
    lines = []
    for method, budget in dict.fromkeys(zip(rows["method"], rows["budget_s"], strict=True)):
        means = rows[rows["budget_s"] == budget].groupby("method")[judged].mean()
        if "ours" not in means.index:
            continue
        theirs, ours = means.loc[method], means.loc["ours"]
        better = [
            f"`{name}` {theirs[name]:.3f} against {ours[name]:.3f}"
            for name in judged
            if (theirs[name] < ours[name] if name.startswith("fidelity.") else theirs[name] > ours[name])
        ]
        lines += [f"- {method}, {budget_in_words(budget)}: {', '.join(better)}"] if better else []
    return "\n" + "\n".join(lines or ["- nowhere"]) + "\n"


def privacy() -> str:
    """What bounds cost and what attacks find, a line a bound."""
    lines = []
    for row in records("privacy.csv"):
        bound, kept = ("none", "") if math.isinf(row["epsilon"]) else (f"{row['epsilon']:g}", f"{row['kept']:.2f}")
        found = [f"{row[name]:.3f}" for name in SHOWN]
        attack = "membership.generator"
        found[-1] += f" ({row[f'{attack}.low']:.3f} to {row[f'{attack}.high']:.3f})"
        lines.append(joined(bound, kept, *found, f"{row[f'{attack}.at_1_percent']:.3f}"))
    return table("epsilon", "kept", *SHOWN.values(), "found at 1 % false alarms", lines=lines)


def exported() -> str:
    """What a model taken along weighs, how fast it is and what it loses, a line a precision."""
    line = "| {made_by} | {mib} | {first_s:.1f} | {per_second:.0f} | {joint:.3f} | {agree:.3f} |"
    rows = [{**row, "mib": number(row["mib"], 1)} for row in records("export.csv")]
    titles = ("", "MiB", "first six, s", "samples a second", "joint", "agree")
    return table(*titles, lines=[line.format(**row) for row in rows])


def serving() -> str:
    """How the studio answers so many clients, a line each."""
    line = "| {clients} | {requests:,} | {per_second:.1f} | {p50_ms} | {p99_ms} | {mib_before} | {mib_after} |"
    titles = ("clients", "requests", "a second", "half within, ms", "99 of 100 within, ms", "MiB before", "MiB after")
    return table(*titles, lines=[line.format(**row) for row in records("serving.csv")])


def bench() -> str:
    """What each stage costs, and on what machine."""
    rows = records("bench.csv")
    digits = {"seconds": 0, "peak_mib": 0, "items": 0, "per_second": 0, "gflop_per_second": 0, "share": 2}
    lines = [joined(row["what"], *(number(row[key], places) for key, places in digits.items())) for row in rows]
    titles = ("", "seconds", "peak MiB", "items", "items/s", "GFLOP/s", "share")
    return f"\n{rows[0]['machine']}\n" + table(*titles, lines=lines)


def minutes() -> str:
    """How many the main job takes."""
    seconds = {row["what"]: row["seconds"] for row in records("bench.csv")}
    return f"{seconds[TOTAL] / 60:.0f}"


def measured(metric: str) -> str:
    """One value of the full table."""
    return next(f"{row['value']:.2f}" for row in records("table.csv") if row["metric"] == metric)


def records(name: str) -> list[dict[str, Any]]:
    """The rows of a table in metrics/."""
    return [{str(key): value for key, value in row.items()} for row in pd.read_csv(METRICS / name).to_dict("records")]


def number(value: float, places: int) -> str:
    """Nothing where there is none."""
    return "" if pd.isna(value) else f"{value:,.{places}f}"


def joined(*cells: str) -> str:
    """A row of a table, in Markdown."""
    return "| " + " | ".join(cells) + " |"


def table(*titles: str, lines: list[str]) -> str:
    """In Markdown."""
    head = ["| " + " | ".join(titles).lstrip() + " |", "| --- " * len(titles) + "|"]
    return "\n" + "\n".join([*head, *lines]) + "\n"


BLOCKS: Mapping[str, Callable[[], str]] = {
    "summary": partial(results, FEW),
    "results": partial(results, SUMMARY),
    "leaderboard": leaderboard,
    "article": article,
    "emoji": partial(results, EMOJI, "emoji.csv"),
    "codecs": codecs,
    **{f"recipe-{name}": partial(recipe, name) for name in RECIPES},
    "examples-translation": partial(examples, "translation"),
    "polymnist": views,
    "medical-invented": lambda: most("medical", "invented."),
    "medical-missed": lambda: most("medical", "missed."),
    "seeds": seeds,
    "machine": machine,
    "peers": peers,
    "privacy": privacy,
    "peers-ahead": ahead,
    "export": exported,
    "serving": serving,
    "bench": bench,
    "minutes": minutes,
    "weight-read": lambda: measured("ceiling.image.weight"),
    "weight-told": lambda: measured("attribute.weight.image_to_text"),
}

if __name__ == "__main__":
    main()
