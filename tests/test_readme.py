"""The README and docs/ are executable: their commands exist and run, their figures are those in metrics/."""

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

LINES = 200  # of the README, at most
CHINESE, EMOJI, RECIPES = Path("README.zh.md"), Path("docs/emoji.md"), Path("docs/recipes")  # the latter: other data


def texts() -> dict[Path, str]:
    """The README, and the pages in docs/."""
    return {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}


def commands(text: str = "") -> Iterator[str]:
    """The commands in the ```bash blocks of a text, or of all; one a line, joined where it ends in a backslash."""
    for block in re.findall(r"^```bash\n(.*?)^```", text or "\n".join(texts().values()), re.DOTALL | re.MULTILINE):
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
    named = set(re.findall(r"-m ([a-z_]+(?:\.[a-z_]+)+)", "".join(texts().values()))) - {"http.server"}
    assert {"stages", "tools", "tests"} == {module.partition(".")[0] for module in named}
    places = {ROOT / module.replace(".", "/") for module in named}
    assert all(place.with_suffix(".py").is_file() or (place / "__main__.py").is_file() for place in places), named


def test_every_figure_in_a_page_is_the_measured_one() -> None:
    """What `make figures` would write stands there already."""
    for page, text in texts().items():
        assert filled(text) == text, f"{page}: make figures"
    told = "".join(text for page, text in texts().items() if page != CHINESE)
    assert all(told.count(f"<!-- {name} -->") == told.count(f"<!-- /{name} -->") == 1 for name in BLOCKS)


def test_the_results_are_those_of_the_summary() -> None:
    """Rows like ``| `coherence.joint` | 0.987 | 0.980 to 0.990 | ...``, read back from the pages of the main job."""
    summary = json.loads((ROOT / "metrics/summary.json").read_text(encoding="utf-8"))
    pages = "".join(text for page, text in texts().items() if page != EMOJI and page.parent != RECIPES)
    told = re.findall(r"^\| `([a-z]+)\.([a-z_]+)` \| (-?[\d.]+) \| -?[\d.]+ to", pages, re.MULTILINE)
    assert len(told) > 30
    assert all(f"{summary[family][name]:.3f}" == value for family, name, value in told)


def test_the_readme_is_one_that_people_read() -> None:
    """It is short, and leads to every page."""
    text = texts()[Path("README.md")]
    assert len(text.splitlines()) <= LINES
    assert all(f"]({page})" in text for page in PAGES[1:])


def test_the_chinese_readme_says_the_same() -> None:
    """The same headings in their order, commands, figures, pictures, links and names of files and settings."""
    english, chinese = (texts()[page] for page in (Path("README.md"), CHINESE))
    for pattern in (
        r"^#+(?= )", r"^```\w*$", r"<!-- .+? -->", r"^\| `.*", r"\]\((?!README)(\S+)\)", r"^ *([\w.]+/?) {2,}",
    ):  # fmt: skip
        found = re.findall(pattern, english, re.MULTILINE)
        assert found and found == re.findall(pattern, chinese, re.MULTILINE), pattern
    assert list(commands(english)) == list(commands(chinese))
    assert set(re.findall(r"`[^`\n]+`", english)) == set(re.findall(r"`[^`\n]+`", chinese))


def test_lines_are_no_wider_than_a_screen() -> None:
    wide = [line for text in texts().values() for line in text.splitlines() if len(line) > 130 and "|" not in line]
    assert not wide


def test_links_to_files_lead_somewhere() -> None:
    for page, text in texts().items():
        linked = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
        missing = [link for link in linked if link and not (ROOT / page.parent / link).exists()]
        assert not missing, page
