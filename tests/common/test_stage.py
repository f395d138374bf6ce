"""What surrounds a stage: one at a time, true to its inputs, all or nothing, polite. Real processes, real kills."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clones import ROOT

DVC = "stages:\n  toy:\n    cmd: python toy.py\n    deps: [stages/toy, data/in]\n    params: [toy]\n"
START = "import sys; from pathlib import Path; from stages.common.stage import stage\nwith stage('toy') as context:\n"
WRITE = "    (context.out / 'out.txt').write_text('made')\n"
WAIT = "    print(context.state, flush=True); sys.stdin.readline()\n"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A pipeline of one stage, with code, parameters, an input and an output of an earlier run."""
    (tmp_path / "dvc.yaml").write_text(DVC)
    (tmp_path / "params.yaml").write_text("toy:\n  steps: 3\nother: 1\n")
    for name, content in {"stages/toy/a.py": "x = 1\n", "data/in/a.txt": "in", "data/toy/old.txt": "old"}.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def start(house: Path, body: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", START + body],
        cwd=house,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Let a waiting stage go on; returns how it ended and what it said on stderr."""
    _, said = process.communicate("\n", timeout=60)
    return process.returncode, said


def waiting(house: Path, body: str) -> tuple[subprocess.Popen[str], Path]:
    """A stage that has started and waits, and the folder of its state."""
    process = start(house, body)
    assert process.stdout is not None
    return process, house / process.stdout.readline().strip()


def data(house: Path) -> dict[str, str]:
    files = (path for path in (house / "data").rglob("*") if path.is_file())
    return {str(path.relative_to(house / "data")): path.read_text() for path in files}


def test_a_stage_replaces_its_old_output(house: Path) -> None:
    assert finish(start(house, WRITE)) == (0, "")
    assert data(house) == {"in/a.txt": "in", "toy/out.txt": "made"}
    cost = json.loads((house / "logs/toy.json").read_text())
    assert cost["seconds"] >= 0
    assert cost["peak_mib"] > 1


def test_a_mistake_is_one_line_and_leaves_nothing(house: Path) -> None:
    code, said = finish(start(house, WRITE + "    raise ValueError('expected a,\\n got b')\n"))
    assert code == 2
    assert said == "toy: expected a, got b (traceback in logs/toy.log)\n"
    assert "Traceback" in (house / "logs/toy.log").read_text()
    assert data(house) == {"in/a.txt": "in", "toy/old.txt": "old"}, "something half-done stayed in data/"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("RuntimeError('CUDA out of memory. Tried to allocate 9 GiB.\\nMore')", "lower batch or hidden in params.yaml"),
        ("RuntimeError('Expected all tensors to be on the same device')", "DEVICE=cpu keeps the work off a GPU"),
        ("NotImplementedError('Could not run aten::x with arguments from the CUDA backend')", "DEVICE=cpu"),
        ("MemoryError('Unable to allocate 9 GiB for an array')", "lower batch or hidden in params.yaml"),
    ],
    ids=["memory", "device", "kernel", "array"],
)
def test_what_pytorch_refuses_is_one_line_that_says_what_to_do(error: str, told: str, house: Path) -> None:
    code, said = finish(start(house, WRITE + f"    raise {error}\n"))
    assert code == 2
    assert said.startswith("toy: expected ") and said.count("\n") == 1
    assert told in said and said.endswith("(traceback in logs/toy.log)\n")
    assert "Traceback" in (house / "logs/toy.log").read_text()
    assert data(house) == {"in/a.txt": "in", "toy/old.txt": "old"}


def test_a_programming_error_is_not_dressed_up(house: Path) -> None:
    code, said = finish(start(house, WRITE + "    raise KeyError('bug')\n"))
    assert code == 1
    assert "Traceback" in said
    assert data(house) == {"in/a.txt": "in", "toy/old.txt": "old"}, "something half-done stayed in data/"


@pytest.mark.parametrize(
    ("path", "content", "refused"),
    [
        ("params.yaml", "toy:\n  steps: 4\nother: 1\n", True),
        ("params.yaml", "toy:\n  steps: 3\nother: 2\n", False),
        ("params.yaml", "# a comment\ntoy: {steps: 3}\n", False),
        ("stages/toy/a.py", "x = 2\n", True),
        ("stages/toy/b.py", "", True),
        ("stages/toy/__pycache__/a.pyc", "", False),
        ("stages/elsewhere.py", "", False),
    ],
)
def test_what_was_edited_meanwhile_decides(path: str, content: str, refused: bool, house: Path) -> None:
    """DVC hashes code and params after the command: a result of the old ones must not be recorded."""
    process, _ = waiting(house, WRITE + WAIT)
    (house / path).parent.mkdir(exist_ok=True)
    (house / path).write_text(content)
    code, said = finish(process)
    if refused:
        assert code == 2
        assert said.startswith("toy: its code or parameters were edited while it ran")
        assert said.count("\n") == 1
    else:
        assert (code, said) == (0, "")
    assert ("toy/out.txt" in data(house)) != refused


def test_a_second_run_is_refused_while_one_lives(house: Path) -> None:
    first, _ = waiting(house, WRITE + WAIT)
    code, said = finish(start(house, WRITE))
    assert code == 2
    assert said.startswith(f"toy: another run of this stage is still alive (process {first.pid})")
    assert finish(first) == (0, "")
    assert data(house)["toy/out.txt"] == "made"


def test_a_killed_run_leaves_no_lock_and_its_output_is_not_taken_for_done(house: Path) -> None:
    first, _ = waiting(house, WRITE + WAIT)
    first.send_signal(signal.SIGKILL)
    finish_of_killed = first.wait(timeout=60)
    assert finish_of_killed == -signal.SIGKILL
    for pipe in (first.stdin, first.stdout, first.stderr):
        assert pipe is not None
        pipe.close()
    assert "toy/out.txt" not in data(house)
    assert finish(start(house, WRITE)) == (0, "")
    assert data(house) == {"in/a.txt": "in", "toy/out.txt": "made"}


KEEP = "    context.state.mkdir(parents=True, exist_ok=True); (context.state / 'half').write_text('half')\n"


@pytest.mark.parametrize(
    ("path", "content", "kept"),
    [
        ("params.yaml", "toy:\n  steps: 3\nother: 2\n", True),
        ("params.yaml", "toy:\n  steps: 4\nother: 1\n", False),
        ("stages/toy/a.py", "x = 2\n", False),
        ("data/in/a.txt", "other", False),
        ("data/in/b.txt", "more", False),
    ],
)
def test_a_state_is_kept_for_the_same_work_alone(path: str, content: str, kept: bool, house: Path) -> None:
    broken, state = waiting(house, KEEP + WAIT + "    raise ValueError('broken')\n")
    assert finish(broken)[0] == 2
    assert (state / "half").exists()
    (house / path).write_text(content)
    again, other = waiting(house, WAIT)
    assert (other == state) == kept
    assert state.exists() == kept, "a state that can never be used again must go"
    assert finish(again) == (0, "")
    assert not state.exists()
