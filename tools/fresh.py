"""`make fresh`: is what Git keeps - dvc.lock and metrics/ - true to the code and the parameters beside it?

No data, no cache and no remote are needed, so it runs in a bare clone. `dvc status` can't say it there: it calls all
that was not pulled "deleted", and ends with 0 whatever it finds. Asked is, of every stage:

- its command, its code, its parameters and its outputs in Git, hashed by DVC and held against dvc.lock;
- its data in dvc.lock alone: what it read must be what the stage before it wrote, and what the others read.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from dvc.dependency import ParamsDependency
from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import PipelineStage

from tools.refusal import one_line

ADVICE = "run `make repro`, then commit dvc.lock and metrics/"
WORDS = {"new": "is not in dvc.lock", "deleted": "is missing", "modified": "is not what dvc.lock says"}


@dataclass(frozen=True)
class Stale:
    """One way in which dvc.lock is not true."""

    stage: str  # as in `dvc stage list`
    what: str  # a path or a parameter, and what is wrong with it

    def __str__(self) -> str:
        return f"{self.stage}: {self.what}"


def main() -> int:
    """Print what is stale; 0 when nothing is, 1 when something is."""
    with one_line("fresh"):
        found = stale(".")
    for one in found:
        print(one)
    print(f"fresh: expected dvc.lock to be true to the code, got {len(found)} stale; {ADVICE}" if found else "fresh")
    return int(bool(found))


def stale(root: str) -> list[Stale]:
    """What in the pipeline at `root` is not true, in the order of dvc.yaml."""
    with Repo(root) as repo:
        stages, cached = pipeline(repo)
        return [one for stage in stages for one in against_code(stage, cached)] + against_itself(stages)


def pipeline(repo: Repo) -> tuple[list[PipelineStage], list[str]]:
    """The stages in the order of dvc.yaml, and the paths of the data that they make."""
    stages = [stage for stage in repo.index.stages if isinstance(stage, PipelineStage)]
    return stages, [path_of(out) for stage in stages for out in stage.outs if out.use_cache]


def is_code(dep: Output, cached: Sequence[str]) -> bool:
    """Neither parameters nor data that a stage made."""
    return not isinstance(dep, ParamsDependency) and not any(overlap(path_of(dep), out) for out in cached)


def against_code(stage: PipelineStage, cached: Sequence[str]) -> Iterator[Stale]:
    """Command, code, parameters and outputs in Git of one stage, held against dvc.lock."""
    if not any(entry.hash_info for entry in (*stage.deps, *stage.outs)):
        yield Stale(stage.name, "is not in dvc.lock")
        return
    if stage.cmd_changed:
        yield Stale(stage.name, f"its command is not what dvc.lock says, `{stage.cmd}`")
    for dep in stage.deps:
        if isinstance(dep, ParamsDependency):
            yield from (Stale(stage.name, f"{path_of(dep)}: {key}") for key in parameters(dep))
        elif is_code(dep, cached):
            hows = dep.status().values() if dep.hash_info else ["new"]
            yield from (Stale(stage.name, f"{path_of(dep)} {WORDS[how]}") for how in hows)
    for out in stage.outs:
        if not out.use_cache:
            how = out.workspace_status()
            yield from (Stale(stage.name, f"{path_of(out)} {WORDS[word]}") for word in how.values())


def parameters(dep: ParamsDependency) -> Iterator[str]:
    """The keys that differ between dvc.lock and the file, the deepest ones, with both values."""
    locked, now = dict(dep.hash_info.value or {}), dep.read_params()
    for key in dep.params or sorted(locked.keys() | now.keys()):
        yield from differences(key, locked.get(key), now.get(key))


def differences(key: str, locked: Any, now: Any) -> Iterator[str]:
    """Dotted keys below `key` whose values differ."""
    if isinstance(locked, dict) and isinstance(now, dict):
        for part in sorted(locked.keys() | now.keys(), key=str):
            yield from differences(f"{key}.{part}", locked.get(part), now.get(part))
    elif locked != now:
        yield f"{key} is {shown(now)}, in dvc.lock {shown(locked)}"


def shown(value: Any) -> str:
    return "absent" if value is None else str(value)


def against_itself(stages: Sequence[PipelineStage]) -> list[Stale]:
    """Data that a stage read and that is not what another wrote or read: some stages ran, and not those after them."""
    outs = {path_of(out): out for stage in stages for out in stage.outs}
    known: dict[str, Output] = dict(outs)
    found = []
    for stage in stages:
        for dep in stage.deps:
            if isinstance(dep, ParamsDependency) or not dep.hash_info:
                continue
            path = path_of(dep)
            parts = [size(out) for place, out in outs.items() if inside(place, path)]  # a folder of several outputs
            other = known.setdefault(path, dep).hash_info != dep.hash_info
            if other or (parts and size(dep) != tuple(np.sum(parts, 0))):
                found.append(Stale(stage.name, f"it ran on another {path} than dvc.lock has now"))
    return found


def size(entry: Output) -> tuple[int, int]:
    """Bytes and files of an output or dependency, as dvc.lock has them."""
    return entry.meta.size or 0, entry.meta.nfiles or 1


def path_of(entry: Output) -> str:
    """The path of an output or dependency from the root of the repository."""
    return os.path.relpath(entry.fs_path, entry.repo.root_dir)


def inside(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}{os.sep}")


def overlap(path: str, other: str) -> bool:
    return path == other or inside(path, other) or inside(other, path)


if __name__ == "__main__":
    sys.exit(main())
