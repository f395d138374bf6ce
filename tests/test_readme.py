"""The README is executable: its commands exist and run, its figures are those in metrics/."""

import csv
import json
import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

import pytest

from tests.clones import ROOT, run, succeed

# What only reads, and quickly: these are run as they stand.
CHEAP = (
    "make help",
    "dvc dag",
    "dvc status",
    "dvc metrics show",
    "dvc metrics diff",
    "dvc params diff",
    "dvc plots show",
    "dvc exp show",
    "dvc stage list",
    "dvc config --list",
    "dvc remote list",
    "git status",
)

FUSIONS, GENERATORS = ("none", "concat", "matrix", "gated", "attention"), ("gan", "vae", "flow")  # as in the README


def commands() -> Iterator[str]:
    """The commands in the README's ```bash blocks, one a line; lines that end in a backslash are joined."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.partition("  #")[0].strip().removeprefix("$ ")
            if command and not command.startswith("#"):
                yield command


def words(command: str, program: str) -> list[str] | None:
    """The words after `program`, whatever variables are set before it, or None when another program is called."""
    name, *rest = dropwhile(re.compile(r"[A-Z_]+=").match, shlex.split(command))
    return rest if name == program else None


def called(program: str) -> list[list[str]]:
    return [found for command in commands() if (found := words(command, program)) is not None]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_it_says_how_to_build_and_how_to_test() -> None:
    assert {"make repro", "make test"} <= set(commands())


def test_every_make_target_exists() -> None:
    named = {word for found in called("make") for word in found if re.fullmatch(r"[a-z]+", word)}
    assert named
    assert named <= targets(), f"the Makefile has no {sorted(named - targets())}"


@pytest.mark.slow
def test_every_flag_of_dvc_exists() -> None:
    """`dvc repro --frob` must fail: each flag has to stand in the help of the very subcommand."""
    helps: dict[tuple[str, ...], str] = {}
    for found in called("dvc"):
        plain = [word for word in found if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
        groups = {"exp", "metrics", "params", "plots", "stage", "remote", "queue", "cache", "data", "artifacts"}
        subcommand = tuple(plain[: 2 if plain and plain[0] in groups else 1])
        if subcommand not in helps:
            helps[subcommand] = succeed(ROOT, "dvc", *subcommand, "--help")
        for flag in (word.partition("=")[0] for word in found if word.startswith("-")):
            assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", helps[subcommand]), f"dvc {' '.join(found)}"


@pytest.mark.slow
def test_cheap_commands_run(mine: Path) -> None:
    cheap = [command for command in commands() if command.startswith(CHEAP)]
    assert cheap
    for command in cheap:
        done = run(mine, *shlex.split(command))
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_python_modules_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"-m ([a-z_]+(?:\.[a-z_]+)+)", text))
    assert {"stages", "tools"} == {module.partition(".")[0] for module in named}
    assert all((ROOT / (module.replace(".", "/") + ".py")).is_file() for module in named), named


def test_every_figure_is_the_measured_one() -> None:
    """Rows like ``| `coherence.joint` | 0.987 | 0.980 to 0.990 | ...``, of summary.json as table.csv has them."""
    summary = json.loads((ROOT / "metrics/summary.json").read_text(encoding="utf-8"))
    with (ROOT / "metrics/table.csv").open(encoding="utf-8") as file:
        measured = {row["metric"]: row for row in csv.DictReader(file)}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("<!-- results -->\n")[2].partition("<!-- /results -->")[0]
    named = re.findall(r"^\| `([\w.]+)`", table, re.MULTILINE)
    summed = {f"{family}.{name}": value for family, part in summary.items() for name, value in part.items()}
    assert named and all(summed[name] == round(float(measured[name]["value"]), 6) for name in named)
    assert table == "| metric | value | 95 % interval | floor | ceiling |\n| --- | --- | --- | --- | --- |\n" + "".join(
        "| `{metric}` | {value:.3f} | {low:.3f} to {high:.3f} | {floor:.3f} | {ceiling:.3f} |\n".format(
            metric=name, **{key: float(measured[name][key]) for key in ("value", "low", "high", "floor", "ceiling")}
        )
        for name in named
    )


def test_the_figures_of_the_articles_examples_are_the_measured_ones() -> None:
    """The table between the comments `article`: GAN, VAE and real pictures, from metrics/article.csv."""
    with (ROOT / "metrics/article.csv").open(encoding="utf-8") as file:
        rows = {(row["preset"], row["metric"]): row for row in csv.DictReader(file)}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("<!-- article -->")[2].partition("<!-- /article -->")[0]
    told = re.findall(r"\(`([\w.]+)`\) \| ([\d.]+) \| ([\d.]+) \| (-?[\d.]+) \|", table)
    assert {name for name, *_ in told} == {name for _, name in rows}
    for name, *values in told:
        gan, vae = rows["article_gan", name], rows["article_vae", name]
        digits = len(values[0].partition(".")[2])
        assert values == [f"{float(value):.{digits}f}" for value in (gan["value"], vae["value"], gan["ceiling"])], name


def test_the_comparison_is_the_leaderboard() -> None:
    """The table between the comments `leaderboard`: joint and worst coherence and the least coverage of every run."""
    with (ROOT / "metrics/leaderboard.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("<!-- leaderboard -->\n")[2].partition("<!-- /leaderboard -->")[0]
    assert table == compared(rows)


def compared(rows: list[dict[str, str]]) -> str:
    """A line for each fusion, seed and budget, a column for each generator."""
    lines: dict[str, dict[str, str]] = {}
    for row in sorted(
        rows, key=lambda row: (row["budget"] == "default", FUSIONS.index(row["fuse.method"]), row["seed"])
    ):
        coverage = min(float(value) for name, value in row.items() if name.startswith("coverage."))
        figures = [float(row["coherence.joint"]), float(row["coherence.worst"]), coverage]
        told = f"{row['fuse.method']}, seed {row['seed']}" + (", default budget" if row["budget"] == "default" else "")
        lines.setdefault(told, {})[row["train.model"]] = " / ".join(f"{figure:.2f}" for figure in figures)
    table = "| | gan | vae | flow |\n| --- | --- | --- | --- |\n"
    for told, cells in lines.items():
        table += f"| {told} | " + " | ".join(cells.get(name, "") for name in GENERATORS) + " |\n"
    return table


def test_links_to_files_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [link for link in linked if link and not link.startswith("data/") and not (ROOT / link).exists()]
    assert not missing
