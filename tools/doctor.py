"""`make doctor`: is all well around the pipeline? Changes nothing, and says what to do about what it finds.

- versions: the packages of this environment against requirements.lock; another version may give other bytes;
- locks: stages and commands that still run, and what a killed one left behind;
- disk: room for building everything once more, in the working tree and in the cache;
- cache: every object hashed again, because DVC believes what is there;
- verify: a remote without it hands out damaged objects as good ones;
- remote: the default remote answers, with the credentials of this user.
"""

import fcntl
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import psutil
from dvc.repo import Repo

from tools.objects import damaged
from tools.refusal import one_line

LOCKED, PROJECT = Path("requirements.lock"), "multimodal-generation"
SHOWN = 5  # of many alike


@dataclass(frozen=True)
class Finding:
    """What a check found: all well, or not, and then what to do."""

    well: bool
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}" if self.remedy else self.what


def main() -> int:
    """Print a line a finding; 0 when all is well, 1 when something is not."""
    ill = 0
    with one_line("doctor"), Repo(".") as repo:
        for name, check in CHECKS.items():
            for found in check(repo):
                ill += not found.well
                print(f"{'ok  ' if found.well else 'FAIL'} {name}: {found}")
    print(f"doctor: {ill or 'nothing'} to mend")
    return int(bool(ill))


def versions(_: Repo) -> Iterator[Finding]:
    """Installed packages against the lock; those of extras may be absent."""
    locked = dict(line.split("==") for line in LOCKED.read_text(encoding="utf-8").split())
    needed = {re.split(r"[^\w.-]", line)[0] for line in requires_of(PROJECT) if "extra ==" not in line}
    wrong = [
        f"{name} {got}, expected {wanted}"
        for name, wanted in locked.items()
        if (got := installed(name)) not in (wanted, None)
    ]
    wrong += [f"{name} is not installed" for name in sorted(needed) if installed(name) is None]
    if wrong:
        yield Finding(False, shown(wrong), "run `rm .venv/.installed && make setup`")
    else:
        yield Finding(True, f"Python {sys.version.split()[0]}, packages as in {LOCKED}")


def requires_of(project: str) -> list[str]:
    """What a package asks for. Raises ValueError when it is not installed."""
    try:
        return requires(project) or []
    except PackageNotFoundError:
        raise ValueError(
            f"expected the environment of `make setup`, got {sys.prefix}; call this as `make doctor`"
        ) from None


def installed(name: str) -> str | None:
    """The version of a package, without a build's local mark such as ``+cpu``."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None


def locks(repo: Repo) -> Iterator[Finding]:
    """DVC's locks on paths and the stages' own: held by a living process, or left by a dead one."""
    busy_stages = [path for path in Path(".resume").glob("*.lock") if busy(path)]
    held = [f"stage {path.stem} (process {path.read_text().strip()})" for path in busy_stages]
    holders = locked_by(Path(repo.tmp_dir, "rwlock"))
    held += sorted(said for pid, said in holders if alive(pid))
    dead = sorted(said for pid, said in holders if not alive(pid))
    if held:
        yield Finding(False, f"at work: {shown(held)}", "wait for it, or stop that process and look again")
    if dead:
        yield Finding(True, f"left by a killed process: {shown(dead)}", "the next dvc command removes it")
    parts = sorted(str(path) for path in Path("data").rglob(".*.part"))
    if parts and not held:
        yield Finding(True, f"half-written: {shown(parts)}", "the next `make repro` replaces it")
    if not held and not dead:
        yield Finding(True, "nothing is at work")


def locked_by(table: Path) -> set[tuple[int, str]]:
    """Process and description of everyone in DVC's table of locked paths."""
    entries = json.loads(table.read_text(encoding="utf-8") or "{}") if table.exists() else {}
    holders = set()
    for path, entry in entries.items():
        for holder in [*entry.get("read", []), entry.get("write")]:
            if holder:
                said = f"`{holder['cmd']}` (process {holder['pid']}) on {Path(path).name}"
                holders.add((holder["pid"], said))
    return holders


def busy(path: Path) -> bool:
    """Whether a living process holds this lock of a stage."""
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def alive(pid: int) -> bool:
    """Whether a process exists and still runs; DVC takes a zombie for a living one."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def disk(repo: Repo) -> Iterator[Finding]:
    """Room for all outputs of dvc.lock once more, in the working tree and in the cache."""
    need = sum(out.meta.size or 0 for out in repo.index.outs if out.meta)
    for name, folder in {"working tree": Path(repo.root_dir), "cache": Path(repo.cache.local.path)}.items():
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        remedy = "" if free > need else "free some; `dvc gc --all-commits --dry` lists what no commit needs"
        yield Finding(not remedy, f"{name}: {free >> 20} MiB free, a rebuild writes {need >> 20}", remedy)


def cache(repo: Repo) -> Iterator[Finding]:
    """Every object of the local cache, hashed again."""
    read, wrong = damaged(repo.cache.local.fs, repo.cache.local.path)
    if wrong:
        remedy = "delete these files, then `dvc fetch`, or `make repro` computes them again"
        yield Finding(False, f"damaged: {shown(wrong)}", remedy)
    else:
        yield Finding(True, f"{read} objects, all whole")


def verify(repo: Repo) -> Iterator[Finding]:
    """Whether each remote is asked for objects that are whole."""
    for name, settings in repo.config["remote"].items():
        remedy = "" if settings.get("verify") else f"run `dvc remote modify {name} verify true`"
        yield Finding(not remedy, f"{name}: {'off, a damaged object is believed' if remedy else 'on'}", remedy)


def remote(repo: Repo) -> Iterator[Finding]:
    """Whether the default remote answers."""
    name = repo.config["core"].get("remote")
    if not name:
        yield Finding(False, "no default remote", "run `dvc remote add -d NAME URL`; docs/sharing.md")
        return
    try:
        store = repo.cloud.get_remote_odb(name)
        there = store.fs.exists(store.path)
    except Exception as error:  # each driver has errors of its own
        yield Finding(
            False, f"{name}: {' '.join(str(error).split())}", "correct its URL or credentials; docs/sharing.md"
        )
        return
    yield Finding(True, f"{name}: answers" if there else f"{name}: nothing there yet, `dvc push` fills it")


def shown(items: list[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more


CHECKS: dict[str, Callable[[Repo], Iterator[Finding]]] = {
    "versions": versions,
    "locks": locks,
    "disk": disk,
    "cache": cache,
    "verify": verify,
    "remote": remote,
}

if __name__ == "__main__":
    sys.exit(main())
