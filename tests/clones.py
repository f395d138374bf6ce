"""Copies of the working tree in which a test may run the pipeline, edit code and kill processes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from stages.common.params import read_yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
ALONE = ("env", "JOBLIB_MULTIPROCESSING=0")  # a command without workers: they take seconds to start, and change no byte


def environment(folder: Path) -> dict[str, str]:
    """What `make` gives: the environment's programs first; and nothing of DVC's outside `folder`.

    A thread that waits leaves its core to the other tests.
    """
    own = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1", "CI": "1"}
    return os.environ | own | {"DVC_SITE_CACHE_DIR": str(folder / ".site-cache"), "OMP_WAIT_POLICY": "passive"}


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


def rebuilt(folder: Path) -> Path:
    """A clone in which `dvc repro` ran."""
    succeed(clone(folder), "dvc", "repro")
    return folder


def rebuilt_otherwise(folder: Path) -> Path:
    """A clone in which all stages ran in one process, without workers; libraries would take two threads if let."""
    staged(clone(folder), variables=("OMP_NUM_THREADS=2", "OPENBLAS_NUM_THREADS=2"))
    succeed(folder, "dvc", "commit", "--force")
    return folder


STAGES = """\
import runpy, sys
from pathlib import Path
from stages.common.params import load_modalities, read_yaml
for name, stage in read_yaml(Path("dvc.yaml"))["stages"].items():
    for key in load_modalities() if "foreach" in stage else [""]:
        if name in sys.argv[1:]:
            module, *words = stage.get("do", stage)["cmd"].replace("${key}", key).split()[2:]
            kept, sys.argv = sys.argv, [module, *words]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            sys.argv = kept
"""


def staged(folder: Path, names: Collection[str] | None = None, *, variables: Collection[str] = ()) -> Path:
    """A clone in which stages ran, all or those of these names, in one process: where no test asks for DVC.

    To start Python, PyTorch and librosa for each of them, and for workers, takes longer than their work does here.
    `variables` of that process's environment are told as NAME=VALUE.
    """
    known = read_yaml(folder / "dvc.yaml")["stages"]
    succeed(folder, *ALONE, *variables, "python", "-c", STAGES, *(known if names is None else names))
    return folder
