"""Faults at any moment: kills, a full disk, two runs at once, edits. Afterwards `dvc repro`, and no byte differs.

Run on the tiny pipeline with longer training. CHAOS_SEED and CHAOS_KILLS choose other moments and more of them; what
happened is told by ``pytest -rP tests/test_chaos.py`` and, once, in docs/faults.md.
"""

import os
import random
import re
import subprocess
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.clones import ROOT, environment, run, succeed
from tests.toy import copied, data, edit, fill

pytestmark = [pytest.mark.slow, pytest.mark.proof]

SEED, KILLS = int(os.environ.get("CHAOS_SEED", "1")), int(os.environ.get("CHAOS_KILLS", "20"))
STEPS = 150  # of every training: seconds, where the tiny parameters take less than one
LATEST_S = 4.0  # after which a stage is killed at the latest
STAGES = {  # the long ones, in their order: how they are called
    **{f"extract@{name}": ("stages.features.extract", name) for name in ("image", "text", "audio")},
    "fuse": ("stages.fusion.fuse",),
    "train": ("stages.generation.train",),
    "judge": ("stages.evaluation.judge",),
}
REPRO = ("dvc", "repro", "train", "judge")
FULL = ("No space left on device", "database or disk is full", "disk I/O error")  # the system's words, and SQLite's
REFUSALS = ("another run of this stage is still alive", "is busy, it is being blocked by", "exited with -9")


@pytest.fixture(scope="module")
def start(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pipeline, its long stages to be done again: more steps, and a state kept ten times a second."""
    folder = copied(built, tmp_path_factory.mktemp("chaos") / "start")
    params = (folder / "params.yaml").read_text(encoding="utf-8")
    longer = re.sub(r"steps: (40|20)\n", f"steps: {STEPS}\n", params)
    (folder / "params.yaml").write_text(longer, encoding="utf-8")
    edit(folder / "stages/learning/training.py", "KEEP_EVERY_S = 10.0", "KEEP_EVERY_S = 0.1")
    return folder


@pytest.fixture(scope="module")
def unbroken(start: Path) -> dict[str, bytes]:
    """What the long stages make when nothing happens."""
    folder = copied(start, start.with_name("unbroken"))
    succeed(folder, *REPRO)
    return made(folder)


def made(folder: Path) -> dict[str, bytes]:
    """The outputs of the long stages, and what DVC wrote of them."""
    outputs = {name: content for name, content in data(folder).items() if name.startswith(LONG)}
    return outputs | {"dvc.lock": (folder / "dvc.lock").read_bytes()}


LONG = ("data/extract", "data/fuse", "data/train", "data/judge")


@dataclass(frozen=True)
class Run:
    """A `dvc repro` in the background."""

    dvc: subprocess.Popen[bytes]
    said: Path  # a file and no pipe, because an orphan may keep it open


def begin(folder: Path) -> Run:
    """Start the same command as ever."""
    said = folder / f".said-{time.monotonic_ns()}"
    with said.open("wb") as out:
        dvc = subprocess.Popen(REPRO, cwd=folder, env=environment(folder), stdout=out, stderr=out)
    return Run(dvc, said)


def end(running: Run) -> tuple[int, str]:
    """Wait for a run; how it ended and what it said."""
    return running.dvc.wait(timeout=300), running.said.read_text(encoding="utf-8")


def at_work(running: Run, name: str) -> psutil.Process | None:
    """The process of a stage, where a running dvc has started it."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(running.dvc.pid).children(recursive=True):
            if words(child)[1:] == ["-m", *STAGES[name]]:
                return child
    return None


def wait_for(running: Run, name: str) -> None:
    """Until a stage is at work and has kept a state, so that it has read its parameters."""
    states = running.said.parent / ".resume" / name
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if at_work(running, name) and list(states.rglob("*.safetensors")):
            return
        assert running.dvc.poll() is None, end(running)[1]
        time.sleep(0.02)
    raise AssertionError(f"{name} never began")


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
        for name in STAGES:
            for _ in range(-(-KILLS // len(STAGES))):
                if told.total() < KILLS:
                    kill(folder, name, chance, told)
        while (ended := end(begin(folder)))[0]:
            assert any(word in ended[1] for word in REFUSALS), ended[1]  # an orphan is at work, says the stage: wait
        assert made(folder) == unbroken, f"seed {SEED}, round {rounds}"
        whole(folder)
    print(f"seed {SEED}: {told.total()} kills in {rounds} rounds, 0 bytes differ: {dict(sorted(told.items()))}")


def kill(folder: Path, name: str, chance: random.Random, told: Counter[str]) -> None:
    """Begin, wait for a stage, and at a random moment kill it, dvc or both; `told` counts whom.

    Nobody is killed where that stage is done already, or where an orphan of the last kill makes the new run refuse.
    """
    victim, wait = chance.choice(["the stage", "dvc", "both"]), chance.uniform(0, LATEST_S)
    running = begin(folder)
    while not (stage := at_work(running, name)):
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
    told[f"{victim} in {name}"] += 1


def test_two_runs_at_once(start: Path, unbroken: dict[str, bytes], tmp_path: Path) -> None:
    """The second refuses and says who is at work; the first is not disturbed."""
    folder = copied(start, tmp_path / "folder")
    first = begin(folder)
    wait_for(first, "fuse")
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
    wait_for(meanwhile, "train")
    edit(folder / "params.yaml", "ema_decay: 0.9", "ema_decay: 0.8")
    code, said = end(meanwhile)
    assert code != 0 and "train: its code or parameters were edited while it ran; run `dvc repro` again" in said
    assert not (folder / "data/train").exists()
    edit(folder / "params.yaml", "ema_decay: 0.8", "ema_decay: 0.9")
    succeed(folder, *REPRO)
    assert made(folder) == unbroken


@pytest.mark.parametrize("room", [0, 100], ids=lambda kib: f"{kib} KiB")
def test_a_full_disk_is_told_and_when_there_is_room_again_the_bytes_are_the_same(
    room: int, start: Path, unbroken: dict[str, bytes], small_disk: Path
) -> None:
    """DVC keeps its own books there too, so it is the first that can't write."""
    folder = copied(start, small_disk / "folder")
    filler = fill(small_disk, room)
    done = run(folder, *REPRO)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert any(word in said for word in FULL), said
    print(f"{room} KiB: {next(line for line in said.splitlines() if any(word in line for word in FULL))}")
    filler.unlink()
    succeed(folder, *REPRO)
    assert made(folder) == unbroken
    whole(folder)
