"""A pipeline of three stages that runs in a second: for what is asked of DVC and the tools, not of the models."""

import shutil
import subprocess
from contextlib import chdir
from pathlib import Path

from dvc.repo import Repo

from tests.clones import succeed

PIPELINE = """\
stages:
  make:
    cmd: python make.py
    deps:
      - make.py
    params:
      - make
    outs:
      - data/make
  train:
    cmd: python train.py
    deps:
      - train.py
      - data/make
    params:
      - train
    outs:
      - data/train
  report:
    cmd: python report.py
    deps:
      - report.py
      - data
    metrics:
      - metrics/summary.json:
          cache: false
"""
PARAMS = "make:\n  seed: 1\n  bytes: {size}\ntrain:\n  rate: 0.5\n  deep:\n    steps: 3\n"
SCRIPTS = {
    "make.py": """\
import random
from pathlib import Path
import yaml
settings = yaml.safe_load(Path("params.yaml").read_text())["make"]
stream, out = random.Random(settings["seed"]), Path("data/make")
out.mkdir(parents=True)
for name in "abc":
    (out / name).write_bytes(stream.randbytes(settings["bytes"]))
""",
    "train.py": """\
import hashlib
from pathlib import Path
import yaml
settings = Path("params.yaml").read_text().partition("train:")[2]
out = Path("data/train")
out.mkdir(parents=True)
digest = hashlib.sha256(settings.encode())
for file in sorted(Path("data/make").iterdir()):
    digest.update(file.read_bytes())
(out / "model.bin").write_bytes(digest.digest())
""",
    "report.py": """\
import json
from pathlib import Path
Path("metrics").mkdir(exist_ok=True)
value = Path("data/train/model.bin").read_bytes()[0] / 255
Path("metrics/summary.json").write_text(json.dumps({"joint": value}))
""",
}


def toy(folder: Path, *, size: int = 1000) -> Path:
    """A Git and DVC repository with the three stages, nothing built; `make` writes three files of `size` bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {"dvc.yaml": PIPELINE, "params.yaml": PARAMS.format(size=size), ".gitignore": "/data\n/.site-cache\n"}
    for name, text in (written | SCRIPTS).items():
        (folder / name).write_text(text, encoding="utf-8")
    succeed(folder, "git", "init", "--quiet", "--initial-branch", "main")
    succeed(folder, "dvc", "init", "--quiet")
    commit(folder, "Start")
    return folder


def commit(folder: Path, message: str) -> None:
    """Commit all that Git does not ignore."""
    for name, value in (("user.name", "test"), ("user.email", "test@localhost")):
        succeed(folder, "git", "config", name, value)
    succeed(folder, "git", "add", "--all")
    succeed(folder, "git", "commit", "--quiet", "--allow-empty", "-m", message)


def git_clone(source: Path, folder: Path) -> Path:
    """Only what Git keeps: no cache, no data."""
    subprocess.run(["git", "clone", "--quiet", str(source), str(folder)], check=True)
    commit(folder, "Clone")
    return folder


def copied(source: Path, folder: Path) -> Path:
    """Everything: cache and data too."""
    return Path(shutil.copytree(source, folder, symlinks=True))


def committed(built: Path, folder: Path) -> Path:
    """A copy of a pipeline, dvc.lock included in its last commit."""
    copied(built, folder)
    commit(folder, "Build")
    return folder


def published(built: Path, team: Path) -> Path:
    """A copy of a pipeline as its author has it: committed, the data on a remote in the folder `team`."""
    folder = copied(built, team / "author")
    succeed(folder, "dvc", "remote", "modify", "store", "url", str(team / "store"))
    commit(folder, "Build")
    succeed(folder, "dvc", "push", "--quiet")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    """Replace the only `old` in a file by `new`."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path}: expected one {old!r}, got {text.count(old)}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def fill(disk: Path, room: int) -> Path:
    """Leave `room` KiB on a small file system; returns the file that takes the rest."""
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - room * 1024))
    return filler


def data(folder: Path) -> dict[str, bytes]:
    """What the stages made."""
    files = sorted(path for path in (folder / "data").rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def ran(said: str) -> list[str]:
    """The stages that DVC computed."""
    return [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]


def stale(folder: Path) -> set[str]:
    """The stages whose code, settings or inputs changed, as `dvc status` has them, which takes longer to start."""
    with chdir(folder), Repo(config={"core": {"site_cache_dir": str(folder / ".site-cache")}}) as repo:
        return set(repo.status())
