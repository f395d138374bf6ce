"""Re-hash what the DVC cache or a remote holds: the name of an object is the MD5 of its bytes, so a wrong one shows.

DVC believes what is there: an object damaged in place is handed out as good (`verify` makes a pull ask again, and only
a pull). Both are read through DVC's own file systems, so every kind of remote works. Called as
``python -m tools.objects`` for the cache and ``python -m tools.objects --remote NAME``, which reads all of the remote.
"""

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator

from dvc.fs import FileSystem
from dvc.repo import Repo

from tools.refusal import one_line

OBJECT = re.compile(r"([0-9a-f]{2})/([0-9a-f]{30})(\.dir)?$")  # below files/md5; `.dir` lists the files of a folder


def main() -> int:
    """Print the damaged objects; 0 when there are none, 1 when there are some."""
    parser = argparse.ArgumentParser(prog="objects", description="re-hash the DVC cache or a remote")
    parser.add_argument("--remote", metavar="NAME", help="the remote; without it, the local cache")
    chosen = parser.parse_args()
    with one_line("objects"), Repo(".") as repo:
        store = repo.cloud.get_remote_odb(chosen.remote) if chosen.remote else repo.cache.local
        read, wrong = damaged(store.fs, store.path)
    for path in wrong:
        print(path)
    print(f"objects: {read} read, {len(wrong)} damaged")
    return int(bool(wrong))


def damaged(fs: FileSystem, folder: str) -> tuple[int, list[str]]:
    """How many objects there are below `folder`, and the paths of those that their name belies."""
    found = list(objects(fs, folder))
    return len(found), [path for path, name in found if digest(fs, path) != name]


def objects(fs: FileSystem, folder: str) -> Iterator[tuple[str, str]]:
    """Path and promised MD5 of every object; what a killed transfer left under another name is none."""
    if fs.exists(folder):
        for path in sorted(fs.find(folder)):
            if found := OBJECT.search(path.replace("\\", "/")):
                yield path, found[1] + found[2]


def digest(fs: FileSystem, path: str) -> str:
    """The MD5 of a file."""
    md5 = hashlib.md5(usedforsecurity=False)
    with fs.open(path, "rb") as content:
        while block := content.read(1 << 20):
            md5.update(block)
    return md5.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
