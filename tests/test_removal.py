"""docs/privacy.md, word for word: a sample is taken out, and nothing of it is left, in no file and in no byte."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from stages.common.params import read_yaml
from tests.clones import ALONE, ROOT, succeed
from tests.test_own_data import COUNT, KINDS, birds, put
from tests.toy import commit, committed, data

pytestmark = [pytest.mark.slow, pytest.mark.proof]

GONE = 7 * len(KINDS)  # the wren of this number; another one's caption is not its own
CAPTION = b" ".join((b"a wren that answers to", b"Marlene"))  # nowhere as it stands, this file included
NUMBER = re.compile(r"data/birds/wren/(\d+)\.\*")


def blocks() -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```", (ROOT / "docs/privacy.md").read_text(encoding="utf-8"), re.DOTALL | re.M)


def files_of(number: int) -> dict[str, bytes]:
    told = {"txt": CAPTION} if number == GONE else {}
    return {f"data/birds/{KINDS[number % 3]}/{number}.{end}": one for end, one in (birds(number) | told).items()}


def project(built: Path, folder: Path, numbers: list[int]) -> Path:
    """The pipeline, run on birds of these numbers, in a clone whose remote is a folder beside it."""
    here = committed(built, folder / "here")
    for number in numbers:
        put(here, files_of(number))
    params = read_yaml(here / "params.yaml")
    params["acquire"] |= {"source": "folder", "path": "data/birds"}
    (here / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    for command in (("add", "data/birds"), ("repro",), ("remote", "modify", "store", "url", str(folder / "store"))):
        succeed(here, *ALONE, "dvc", *command)
    commit(here, "Birds")
    return here


def holding(folder: Path, content: bytes) -> Iterator[Path]:
    """The files that hold it, outside of what Git keeps, which compresses."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts and content in path.read_bytes():
            yield path.relative_to(folder)


def test_nothing_is_left_of_a_sample_that_was_taken_out(built: Path, tmp_path: Path) -> None:
    removal, forgetting = blocks()[-2:]
    everyone, others = list(range(COUNT)), [number for number in range(COUNT) if number != GONE]
    with ThreadPoolExecutor(2) as pool:
        parts = (("all", everyone), ("never", others))
        runs = [pool.submit(project, built, tmp_path / name, who) for name, who in parts]
        here, never = (run.result() for run in runs)
    succeed(here, *ALONE, "dvc", "push", "--run-cache")
    picture = birds(GONE)["png"]
    assert all(any(holding(tmp_path / "all", content)) for content in (picture, CAPTION))
    assert data(here) != data(never)

    succeed(here, *ALONE, "bash", "-e", "-c", NUMBER.sub(f"data/birds/wren/{GONE}.*", removal))
    assert data(here) == data(never)
    for name in ("dvc.lock", *(path.relative_to(never).as_posix() for path in (never / "metrics").iterdir())):
        assert (here / name).read_bytes() == (never / name).read_bytes()

    succeed(here, *ALONE, "bash", "-e", "-c", forgetting)
    for content in (picture, CAPTION):
        assert not list(holding(tmp_path / "all", content))
    assert data(here) == data(never)
