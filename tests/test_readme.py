"""The README is executable: its commands exist and run, its figures are those in metrics/."""

import json
import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

import pytest

from tests.clones import ROOT, run, succeed
from tools.figures import BLOCKS, PAGES, filled

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

README = ROOT / "README.md"


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


def test_every_figure_in_a_page_is_the_measured_one() -> None:
    """What `make figures` would write stands there already."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert filled(text) == text, f"{page}: make figures"
    texts = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert all(texts.count(f"<!-- {name} -->") == texts.count(f"<!-- /{name} -->") == 1 for name in BLOCKS)


def test_the_results_are_those_of_the_summary() -> None:
    """Rows like ``| `coherence.joint` | 0.987 | 0.980 to 0.990 | ...``, read back from the page."""
    summary = json.loads((ROOT / "metrics/summary.json").read_text(encoding="utf-8"))
    told = re.findall(r"^\| `([a-z]+)\.([a-z_]+)` \| (-?[\d.]+) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(told) > 20
    assert all(f"{summary[family][name]:.3f}" == value for family, name, value in told)


def test_links_to_files_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [link for link in linked if link and not link.startswith("data/") and not (ROOT / link).exists()]
    assert not missing
