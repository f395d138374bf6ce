"""kill -9 at any moment, run again: the same bytes as an unbroken run."""

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.clones import BIN, environment, succeed

pytestmark = pytest.mark.slow

STEPS = 300
CASES = {  # stage: its module and arguments, the params whose number of steps is raised
    "extract@image": ("stages.features.extract", "image"),
    "fuse": ("stages.fusion.fuse",),
    "train": ("stages.generation.train",),
}
APART = ("extract@image", "fuse")  # proven apart: `train` has what they have, and lanes


def workbench(built: Path, folder: Path, name: str) -> Path:
    """A copy of the built pipeline, without the results of one stage, in which training takes a few seconds.

    With two threads: what `train` learns side by side is killed side by side.
    """
    shutil.copytree(built, folder, ignore=shutil.ignore_patterns(".dvc", ".git", ".site-cache", "__pycache__"))
    shutil.rmtree(folder / "data" / Path(*name.split("@")))
    params = folder / "params.yaml"
    text = params.read_text(encoding="utf-8")
    for few, more in (("steps: 40\n", f"steps: {STEPS}\n"), ("  threads: 1\n", "  threads: 2\n")):
        assert few in text
        text = text.replace(few, more)
    params.write_text(text, encoding="utf-8")
    return folder


def keep_at_every_step(folder: Path) -> None:
    """Seconds pass between two kept states, and such a training has few of them."""
    path = folder / "stages/learning/training.py"
    text = path.read_text(encoding="utf-8")
    assert text.count("KEEP_EVERY_S = 10.0") == 1
    path.write_text(text.replace("KEEP_EVERY_S = 10.0", "KEEP_EVERY_S = 0.0"), encoding="utf-8")


def kill_while_training(folder: Path, command: list[str], name: str, after: float) -> bytes:
    """Start the stage, kill it `after` seconds of training; returns the state that is left."""
    process = subprocess.Popen(command, cwd=folder, env=environment(folder), start_new_session=True)
    started, states = time.monotonic(), folder / ".resume" / name
    known = {path: path.read_bytes() for path in states.rglob("*.safetensors")}
    while all(path.read_bytes() == known.get(path) for path in states.rglob("*.safetensors")):
        assert process.poll() is None and time.monotonic() - started < 120, "it never kept a state"
        time.sleep(0.01)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, f"it was over within {after:.2f} s of training; raise STEPS"
    left = max(states.rglob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    return left.read_bytes()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.proof if name in APART else ()) for name in CASES]
)
def test_killed_twice_and_resumed_equals_unbroken(name: str, built: Path, tmp_path: Path) -> None:
    unbroken, killed = (workbench(built, tmp_path / kind, name) for kind in ("unbroken", "killed"))
    keep_at_every_step(killed)
    command, out = [str(BIN / "python"), "-m", *CASES[name]], Path("data", *name.split("@"))
    succeed(unbroken, *command)
    states = [kill_while_training(killed, command, name, after=random.uniform(0, 0.3)) for _ in range(2)]
    assert states[0] != states[1], "the second run did not go on from the first"
    assert not (killed / out).exists()
    succeed(killed, *command)
    assert files(killed / out) == files(unbroken / out)
    assert not [path for path in (killed / ".resume" / name).rglob("*") if path.is_file()]
