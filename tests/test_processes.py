"""Training on two real processes: the same work, the same result within a stated tolerance, and both live or neither.

Tolerance, with bfloat16 in the networks: a loss curve within 2 %, weights within 1 % of their norm. In full precision
tests/common/test_together.py asks for a thousandth of that.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
from safetensors.torch import load_file

from stages.fusion import fuse
from tests.clones import BIN, environment, succeed
from tests.toy import edit

pytestmark = pytest.mark.slow

TWO = ("env", "PROCESSES=2")
COMMANDS = {
    "extract/text": ("python", "-m", "stages.features.extract", "text"),
    "fuse": ("python", "-m", "stages.fusion.fuse"),
    "train": ("python", "-m", "stages.generation.train"),
    "judge": ("python", "-m", "stages.evaluation.judge"),
}
APART = ("extract/text", "fuse")  # proven apart: tests/learning/test_data_parallel.py has their losses


@pytest.fixture
def bench(built: Path, tmp_path: Path) -> Path:
    """The built pipeline, without Git and DVC."""
    return Path(
        shutil.copytree(built, tmp_path / "bench", ignore=shutil.ignore_patterns(".dvc", ".git", ".site-cache"))
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def flat(path: Path) -> torch.Tensor:
    """All weights in a file, side by side."""
    return torch.cat([values.double().flatten() for _, values in sorted(load_file(path).items())])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.proof if name in APART else ()) for name in COMMANDS]
)
def test_two_processes_make_what_one_makes(name: str, built: Path, bench: Path) -> None:
    one, two = built / "data" / name, bench / "data" / name
    succeed(bench, *TWO, *COMMANDS[name])
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    for path in one.glob("*curve.csv"):
        pd.testing.assert_frame_equal(pd.read_csv(two / path.name), pd.read_csv(path), rtol=0.02)
    for path in set(one.glob("*.safetensors")) - {one / "features.safetensors", one / "vectors.safetensors"}:
        alone, shared = flat(path), flat(two / path.name)
        assert (shared - alone).norm() < 0.01 * alone.norm(), path
    assert not list((bench / "logs").glob("*.log"))


@pytest.mark.proof
def test_torchrun_starts_the_processes_as_well(bench: Path) -> None:
    succeed(bench, *TWO, *COMMANDS["fuse"])
    ours = files(bench / "data/fuse")
    succeed(bench, "env", "GLOO_SOCKET_IFNAME=lo", "torchrun", "--nproc-per-node", "2", *COMMANDS["fuse"][1:])
    assert files(bench / "data/fuse") == ours


@contextmanager
def running(bench: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A training on two processes that has kept a state: the first, which is the stage, and the other."""
    params = (bench / "params.yaml").read_text(encoding="utf-8")
    (bench / "params.yaml").write_text(params.replace("steps: 40\n", "steps: 200\n"), encoding="utf-8")
    edit(bench / "stages/learning/training.py", "KEEP_EVERY_S = 10.0", "KEEP_EVERY_S = 0.0")
    words = [str(BIN / "python"), *COMMANDS["fuse"][1:]]
    surroundings = environment(bench) | {"PROCESSES": "2"}
    first = subprocess.Popen(words, cwd=bench, env=surroundings, stderr=subprocess.PIPE, text=True)
    try:
        while not list((bench / ".resume/fuse").rglob("*.safetensors")):
            assert first.poll() is None, first.communicate()[1]
            time.sleep(0.02)
        (other,) = psutil.Process(first.pid).children()
        yield first, other
    finally:
        first.kill()
        first.wait()
        assert first.stderr is not None
        first.stderr.close()


@pytest.mark.proof
def test_when_one_ends_all_end_with_one_line_and_the_next_run_goes_on(bench: Path) -> None:
    with running(bench) as (first, other):
        other.send_signal(signal.SIGKILL)
        _, said = first.communicate(timeout=300)
        assert first.returncode == 2
    assert said.count("\n") == 1, said
    assert said.startswith("fuse: expected all processes to stay to the end, got process 1, which ended with -9; run")
    (state,) = (bench / ".resume/fuse").rglob("*.safetensors")
    assert state.stat().st_size and not (bench / "data/.fuse.part").exists()
    succeed(bench, *TWO, *COMMANDS["fuse"])
    resumed = files(bench / "data/fuse")
    succeed(bench, *TWO, *COMMANDS["fuse"])
    assert files(bench / "data/fuse") == resumed, "an unbroken run makes other bytes"


def test_nothing_listens_beyond_loopback_and_when_the_first_is_killed_the_other_ends(bench: Path) -> None:
    with running(bench) as (first, other):
        sockets = [link for one in (psutil.Process(first.pid), other) for link in one.net_connections(kind="inet")]
        heard = {link.laddr.ip for link in sockets if link.status == psutil.CONN_LISTEN}
        assert heard
        assert heard <= {"127.0.0.1", "::1"}
        first.kill()
        other.wait(timeout=300)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"PROCESSES": "two"}, "fuse: PROCESSES: expected a whole number from 1, got 'two'"),
        (
            {"PROCESSES": "2", "WORLD_SIZE": "1"},
            "fuse: WORLD_SIZE: expected at least 2, RANK and PROCESSES together, got 1",
        ),
        ({"WORLD_SIZE": "2"}, "fuse: MASTER_ADDR: expected the address of the machine with RANK 0, got none; set it"),
    ],
    ids=["no number", "too few", "no address"],
)
def test_an_environment_that_makes_no_sense_is_refused(
    said: dict[str, str], told: str, bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(bench)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        fuse.main()
    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert err.startswith(told) and err.count("\n") == 1
