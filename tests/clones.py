"""Copies of the working tree in which a test may run the pipeline, edit code and kill processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def environment(folder: Path) -> dict[str, str]:
    """What `make` gives: the environment's programs first; and nothing of DVC's outside `folder`."""
    own = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1", "CI": "1"}
    return os.environ | own | {"DVC_SITE_CACHE_DIR": str(folder / ".site-cache")}


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder` and return how it ended and what it said."""
    return subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=600)


def succeed(folder: Path, *command: str) -> str:
    """Run a program that must succeed; returns its standard output."""
    done = run(folder, *command)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def clone(folder: Path) -> Path:
    """What is tracked or could be, as a fresh repository with the tiny parameters and nothing built yet."""
    listed = subprocess.check_output(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    shutil.copyfile(ROOT / "tests/tiny.yaml", folder / "params.yaml")
    with (folder / ".gitignore").open("a") as ignored:
        ignored.write("/.site-cache/\n")
    succeed(folder, "git", "init", "--quiet", "--initial-branch", "main")
    succeed(folder, "git", "add", "--all")
    succeed(
        folder, "git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "-m", "Start"
    )
    return folder


def rebuilt(folder: Path, threads: int) -> Path:
    """A clone in which the whole pipeline ran, where libraries would take `threads` threads if they were let."""
    surroundings = (f"{name}={threads}" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"))
    succeed(clone(folder), "env", *surroundings, "dvc", "repro")
    return folder
