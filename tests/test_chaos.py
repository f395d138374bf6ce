"""Faults at any moment: kills, a full disk, two runs at once, edits. Afterwards `dvc repro`, and no byte differs.

Run on the tiny pipeline with longer training. CHAOS_SEED and CHAOS_KILLS choose other moments and more of them; what
happened is told by ``pytest -rP tests/test_chaos.py`` and, once, in docs/faults.md.
"""

import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.clones import ROOT, environment, run, succeed
from tests.toy import copied, data, edit

pytestmark = pytest.mark.slow

SEED, KILLS = int(os.environ.get("CHAOS_SEED", "1")), int(os.environ.get("CHAOS_KILLS", "20"))
STEPS = 200  # of every training: seconds, where the tiny parameters take less than one
LATEST_S = 5.0  # after which a stage is killed at the latest
MODULES = ("stages.features.extract", "stages.fusion.fuse", "stages.generation.train")  # the long stages
FULL = ("No space left on device", "database or disk is full", "disk I/O error")  # the system's words, and SQLite's
REFUSALS = ("another run of this stage is still alive", "is busy, it is being blocked by", "exited with -9")


@pytest.fixture(scope="module")
def start(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pipeline, its long stages to be done again: more steps, and a state kept ten times a second."""
    folder = copied(built, tmp_path_factory.mktemp("chaos") / "start")
    params = (folder / "params.yaml").read_text(encoding="utf-8")
    (folder / "params.yaml").write_text(params.replace("steps: 40\n", f"steps: {STEPS}\n"), encoding="utf-8")
    edit(folder / "stages/common/learning.py", "KEEP_EVERY_S = 10.0", "KEEP_EVERY_S = 0.1")
    succeed(folder, "dvc", "repro", "--quiet", "extract@text", "extract@audio")  # like `extract@image`, which is asked
    return folder


@pytest.fixture(scope="module")
def unbroken(start: Path) -> dict[str, bytes]:
    """What the long stages make when nothing happens."""
    folder = copied(start, start.with_name("unbroken"))
    succeed(folder, "dvc", "repro", "train")
    return made(folder)


def made(folder: Path) -> dict[str, bytes]:
    """The outputs of the long stages, and what DVC wrote of them."""
    outputs = {name: content for name, content in data(folder).items() if name.startswith(LONG)}
    return outputs | {"dvc.lock": (folder / "dvc.lock").read_bytes()}


LONG = ("data/extract", "data/fuse", "data/train")


@dataclass(frozen=True)
class Run:
    """A `dvc repro` in the background."""

    dvc: subprocess.Popen[bytes]
    said: Path  # a file and no pipe, because an orphan may keep it open


def begin(folder: Path) -> Run:
    """Start `dvc repro train`."""
    said = folder / f".said-{time.monotonic_ns()}"
    with said.open("wb") as out:
        dvc = subprocess.Popen(["dvc", "repro", "train"], cwd=folder, env=environment(folder), stdout=out, stderr=out)
    return Run(dvc, said)


def end(running: Run) -> tuple[int, str]:
    """Wait for a run; how it ended and what it said."""
    return running.dvc.wait(timeout=300), running.said.read_text(encoding="utf-8")


def at_work(running: Run) -> psutil.Process | None:
    """The process of the stage that a running dvc has started."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(running.dvc.pid).children(recursive=True):
            if any(module in words(child) for module in MODULES) and "-m" in words(child):
                return child
    return None


def wait_for(running: Run, module: str) -> None:
    """Until the stage of a module is at work and has kept a state, so that it has read its parameters."""
    states = running.said.parent / ".resume" / module.rpartition(".")[2]
    until = time.monotonic() + 120
    while time.monotonic() < until:
        stage = at_work(running)
        if stage and module in words(stage) and list(states.rglob("*.safetensors")):
            return
        assert running.dvc.poll() is None, end(running)[1]
        time.sleep(0.02)
    raise AssertionError(f"{module} never began")


def words(process: psutil.Process) -> list[str]:
    """The command line of a process; empty when it is over."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return list(process.cmdline())
    return []


def whole(folder: Path) -> None:
    """Nothing that is wrong is in the cache, and nothing half-done is left."""
    succeed(folder, "env", f"PYTHONPATH={ROOT}", "python", "-m", "tools.objects")
    assert not list((folder / "data").rglob("*.part"))


def test_killed_at_random_moments_it_ends_with_the_same_bytes(
    start: Path, unbroken: dict[str, bytes], tmp_path: Path
) -> None:
    """Whoever is killed, the same command is given again and nothing else is done."""
    chance, told, rounds = random.Random(SEED), Counter[str](), 0
    while told.total() < KILLS:
        folder, rounds = copied(start, tmp_path / f"round-{rounds}"), rounds + 1
        for module in MODULES:
            for _ in range(-(-KILLS // len(MODULES))):
                if told.total() < KILLS:
                    kill(folder, module, chance, told)
        while (ended := end(begin(folder)))[0]:
            assert any(word in ended[1] for word in REFUSALS), ended[1]  # an orphan is at work, says the stage: wait
        assert made(folder) == unbroken, f"seed {SEED}, round {rounds}"
        whole(folder)
    print(f"seed {SEED}: {told.total()} kills in {rounds} rounds, 0 bytes differ: {dict(sorted(told.items()))}")


def kill(folder: Path, module: str, chance: random.Random, told: Counter[str]) -> None:
    """Begin, wait for the stage of a module, and at a random moment kill it, dvc or both; `told` counts whom.

    Nobody is killed where that stage is done already, or where an orphan of the last kill makes the new run refuse.
    """
    victim, wait = chance.choice(["the stage", "dvc", "both"]), chance.uniform(0, LATEST_S)
    running = begin(folder)
    while not (stage := at_work(running)) or module not in words(stage):
        if running.dvc.poll() is not None:
            return
        time.sleep(0.01)
    with suppress(subprocess.TimeoutExpired):
        running.dvc.wait(wait)
        return
    if victim != "dvc":
        with suppress(psutil.NoSuchProcess):
            stage.kill()
    if victim != "the stage":
        running.dvc.kill()
    running.dvc.wait()
    told[f"{victim} in {module.rpartition('.')[2]}"] += 1


def test_two_runs_at_once(start: Path, unbroken: dict[str, bytes], tmp_path: Path) -> None:
    """The second refuses and says who is at work; the first is not disturbed."""
    folder = copied(start, tmp_path / "folder")
    first = begin(folder)
    wait_for(first, "stages.fusion.fuse")
    code, said = end(begin(folder))
    assert code != 0 and any(word in said for word in REFUSALS[:2]), said
    code, said = end(first)
    assert code == 0, said
    assert made(folder) == unbroken
    whole(folder)


def test_an_edit_meanwhile_is_not_recorded_beside_the_old_result(
    start: Path, unbroken: dict[str, bytes], tmp_path: Path
) -> None:
    folder = copied(start, tmp_path / "folder")
    meanwhile = begin(folder)
    wait_for(meanwhile, "stages.generation.train")
    edit(folder / "params.yaml", "average: 0.9", "average: 0.8")
    code, said = end(meanwhile)
    assert code != 0 and "train: its code or parameters were edited while it ran; run `dvc repro` again" in said
    assert not (folder / "data/train").exists()
    edit(folder / "params.yaml", "average: 0.8", "average: 0.9")
    succeed(folder, "dvc", "repro", "train")
    assert made(folder) == unbroken


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("expected to be allowed to mount a small file system, was not; run as root on Linux")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("room", [0, 100], ids=lambda kib: f"{kib} KiB")
def test_a_full_disk_is_told_and_when_there_is_room_again_the_bytes_are_the_same(
    room: int, start: Path, unbroken: dict[str, bytes], small_disk: Path
) -> None:
    """DVC keeps its own books there too, so it is the first that can't write."""
    folder = copied(start, small_disk / "folder")
    filler = small_disk / "filler"
    free = shutil.disk_usage(small_disk).free
    with filler.open("wb") as file:
        file.write(bytes(free - room * 1024))
    done = run(folder, "dvc", "repro", "train")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert any(word in said for word in FULL), said
    print(f"{room} KiB: {next(line for line in said.splitlines() if any(word in line for word in FULL))}")
    filler.unlink()
    succeed(folder, "dvc", "repro", "train")
    assert made(folder) == unbroken
    whole(folder)
