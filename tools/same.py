"""`make same`: code of which only comments, docstrings or layout changed needs no run; dvc.lock gets its hashes.

The commit that wrote dvc.lock has the code that ran. Every Python file that a stage depends on must have the same
syntax tree there and here, docstrings left out; every other file must have the same bytes. Then the new hashes are
noted, and `make fresh` is content. Nothing is run and no output is looked at, so it works without any data.
"""

import ast
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import PipelineStage

from stages.common.files import replace
from tools.fresh import is_code, path_of, pipeline, stale
from tools.refusal import one_line

HERE, LOCK = Path(), Path("dvc.lock")
ADVICE = "run `make repro`, then commit dvc.lock and metrics/"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def main() -> None:
    """Note the hashes of code that does the same as before; refuses code that does not."""
    with one_line("same"):
        found = note()
    print(f"same: {', '.join(found)}; dvc.lock is true to them, commit both" if found else "same: nothing to note")


def note() -> list[str]:
    """Make dvc.lock, in the current folder, true to the code; returns the files that had changed.

    Raises ValueError where they do something else than before, or where more than code has changed.
    """
    if not stale("."):
        return []
    with code_that_ran() as before:
        if untrue := stale(str(before)):
            raise ValueError(f"expected a dvc.lock that was true when it was committed, got {untrue[0]}; {ADVICE}")
        with Repo() as repo:
            stages, cached = pipeline(repo)
            changed = {stage: [dep for dep in stage.deps if is_code(dep, cached) and differs(dep)] for stage in stages}
            paths = {path_of(dep) for deps in changed.values() for dep in deps}
            found = {name for path in sorted(paths) for name in compared(before, path)}
            kept = LOCK.read_bytes()
            with repo.lock:
                for stage, deps in changed.items():
                    record(stage, deps)
    if untrue := stale("."):
        replace(LOCK, kept)
        raise ValueError(f"expected nothing but code to have changed, got {untrue[0]}; {ADVICE}")
    return sorted(found)


@contextmanager
def code_that_ran() -> Iterator[Path]:
    """The project as the commit that wrote dvc.lock has it."""
    written = git(HERE, "log", "-1", "--format=%H", "--", str(LOCK)).strip()
    if not written:
        raise ValueError(f"expected a dvc.lock that is committed, got none; {ADVICE}")
    if git(HERE, "status", "--porcelain", "--", str(LOCK)):  # then it is of code that no commit is known to have
        raise ValueError(f"expected {LOCK} as it is committed, got changes; commit them with their code, or undo them")
    with tempfile.TemporaryDirectory(prefix="same-") as folder:
        place = Path(folder) / "before"
        git(HERE, "worktree", "add", "--quiet", "--detach", str(place), written)
        try:
            yield place
        finally:
            git(HERE, "worktree", "remove", "--force", str(place))


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"expected Git to do `git {words[0]}`, got {done.stderr.strip()}; mend the repository")
    return done.stdout


def differs(dep: Output) -> bool:
    """Is it there, and not what dvc.lock says?"""
    return bool(dep.hash_info and dep.exists and dep.status())


def record(stage: PipelineStage, deps: Sequence[Output]) -> None:
    """Note the hashes of a stage's changed code as it is now; where its outputs are cached, in the run cache too."""
    for dep in deps:
        dep.save()
    if deps:
        stage.dump(update_pipeline=False)
        if stage.outs_cached():
            stage.repo.stage_cache.save(stage)


def compared(before: Path, path: str) -> list[str]:
    """The files at `path` whose bytes differ. Raises ValueError where one does something else than before."""
    listing = ("ls-files", "-coz", "--exclude-standard", "--deduplicate", "--", path)
    there, here = (set(filter(None, git(folder, *listing).split("\0"))) for folder in (before, HERE))
    for name in sorted(there | here):
        if not ((before / name).is_file() and Path(name).is_file()):
            raise ValueError(f"expected the same files as when dvc.lock was written, got {name} in one; {ADVICE}")
    pairs = {name: [(folder / name).read_bytes() for folder in (before, HERE)] for name in sorted(here)}
    found = {name: (old, new) for name, (old, new) in pairs.items() if old != new}
    for name, (old, new) in found.items():
        if not does_the_same(old, new, name):
            raise ValueError(f"expected other comments, docstrings or layout, got other code in {name}; {ADVICE}")
    return list(found)


def does_the_same(old: bytes, new: bytes, name: str) -> bool:
    """Is the file `name` Python, and do its contents differ in comments, docstrings and layout alone?"""
    return name.endswith(".py") and tree(old, name) == tree(new, name)


def tree(text: bytes, name: str) -> str:
    """What a Python file does: its syntax tree without docstrings and places. Raises ValueError where it has none."""
    if b"__doc__" in text:
        raise ValueError(f"expected code that does not read its docstrings, got __doc__ in {name}; {ADVICE}")
    try:
        parsed = ast.parse(text)
    except SyntaxError as error:
        raise ValueError(f"expected Python, got {error.msg} in line {error.lineno} of {name}; mend it") from error
    for node in ast.walk(parsed):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(parsed)


if __name__ == "__main__":
    main()
