"""`make bench`: what the main job costs on this machine, measured in one run and written to metrics/bench.csv.

It runs in a clone as Git gives it, with nothing in the cache. A stage has a row, and so has each piece of its work that
is worth a rate: trainings, drawing, decoding. Rates of arithmetic are held against the best that the machine reaches
with large matrices, before or after; `preprocess` against the mere decoding of every file.
"""

import io
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import torch
from dvc.repo import Repo
from PIL import Image

from stages.common.files import read_json, read_table, write_table
from stages.common.params import read_yaml
from stages.common.shards import read_shard
from stages.common.workers import in_processes
from stages.learning.device import device
from stages.learning.training import set_up
from tools.experiments import git
from tools.fresh import pipeline
from tools.refusal import one_line

OUT = Path("metrics/bench.csv")
COLUMNS = ("machine", "what", "seconds", "peak_mib", "items", "per_second", "gflop_per_second", "share")
CODE = ("stages", "dvc.yaml", "params.yaml")
SHAPES = ((1024, 512, 512), (2048, 2048, 2048))  # of the products that tell what the machine can do
TOTAL = "dvc repro"  # the row of the whole
LONG_S = 0.5  # that a product is repeated
DECODERS: Mapping[str, Callable[[bytes], object]] = {
    "png": lambda payload: np.asarray(Image.open(io.BytesIO(payload)).convert("RGB")),
    "wav": lambda payload: soundfile.read(io.BytesIO(payload), dtype="float32"),
    "txt": bytes.decode,
}
DATA = ("acquire", "preprocess")  # stages whose items are samples


def main() -> None:
    """Write the table, and print it."""
    with one_line("bench"):
        if changed := git("status", "--porcelain", "--", *CODE):
            raise ValueError(f"expected code and parameters as committed, got changes ({changed}); commit them")
        threads = read_yaml(Path("params.yaml"))["run"]["threads"]
        set_up(threads)
        before = machine()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            clone = Path(folder) / "clone"
            git("clone", "--quiet", ".", str(clone))
            seconds = repro(clone)
            alone = bare(clone)
            best = {kind: max(before[kind], rate) for kind, rate in machine().items()}
            table = pd.DataFrame(rows(clone, best))
        table = pd.concat([table, pd.DataFrame([alone, {"what": TOTAL, "seconds": seconds}])])
        table.insert(0, "machine", hardware(threads))
        write_table(OUT, table[list(COLUMNS)].round({"seconds": 1, "per_second": 1, "gflop_per_second": 1, "share": 3}))
    print(table.drop(columns="machine").round(3).to_string(index=False, na_rep=""))


def machine() -> dict[str, float]:
    """GFLOP/s of the best product of matrices, by type of number."""
    return {kind: max(rate(shape, getattr(torch, kind)) for shape in SHAPES) for kind in ("float32", "bfloat16")}


def rate(shape: tuple[int, int, int], kind: torch.dtype) -> float:
    """GFLOP/s of (rows, inner) x (inner, columns)."""
    rows, inner, columns = shape
    left, right = torch.randn(rows, inner, device=device()), torch.randn(columns, inner, device=device())
    left, right = left.to(kind), right.to(kind)
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < LONG_S:
        for _ in range(10):
            torch.nn.functional.linear(left, right)
        if device().type == "cuda":
            torch.cuda.synchronize()
        done += 10
    return 2 * rows * inner * columns * done / spent / 1e9


def repro(clone: Path) -> float:
    """Seconds of the main job in a clone. Raises ValueError when it fails."""
    own = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    began = time.monotonic()
    done = subprocess.run(["dvc", "repro"], cwd=clone, env=os.environ | own, check=False)
    if done.returncode:
        raise ValueError(f"expected `dvc repro` to end well in a clone, it ended with {done.returncode}; see above")
    return time.monotonic() - began


def bare(folder: Path) -> dict[str, Any]:
    """A row for the decoding of what `acquire` has left, by as many processes as `preprocess` has."""
    began = time.monotonic()
    count = sum(in_processes(decode, ((path,) for path in sorted((folder / "data/acquire").glob("*.tar")))))
    return row("decoding alone", time.monotonic() - began, items=count)


def decode(path: Path) -> int:
    """Every file of a shard to levels, samples or letters; the number of its samples."""
    count = 0
    for _, files in read_shard(path):
        for suffix, payload in files.items():
            DECODERS[suffix](payload)
        count += 1
    return count


def rows(folder: Path, best: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """What the stages in a folder have logged, in the order of dvc.yaml; `best` GFLOP/s of the machine."""
    for kind, fastest in best.items():
        yield row(f"products of matrices, {kind}", gflop_per_second=fastest)
    top = max(best.values())
    samples = len(read_table(folder / "data/acquire/index.csv", text=("id",)))
    for log in logs(folder):
        cost, name = read_json(log), log.stem
        yield row(name, cost["seconds"], items=samples if name in DATA else None, peak_mib=cost["peak_mib"])
        works = pd.DataFrame(cost["works"], columns=["work", "items", "begin", "end", "gflop"])
        for work, parts in works.groupby("work", sort=False):
            seconds, gflop = occupied(parts), parts["gflop"].sum()
            arithmetic = {"gflop_per_second": gflop / seconds, "share": gflop / seconds / top} if gflop else {}
            yield row(f"{name}: {work}", seconds, items=int(parts["items"].sum()), **arithmetic)


def logs(folder: Path) -> list[Path]:
    """Those of the stages, in the order of dvc.yaml."""
    with Repo(folder) as repo:
        return [folder / f"logs/{stage.name}.json" for stage in pipeline(repo)[0]]


def occupied(parts: pd.DataFrame) -> float:
    """Seconds in which one of the pieces at least was under way: some go side by side."""
    seconds, until = 0.0, -np.inf
    for begin, end in parts.sort_values("begin")[["begin", "end"]].itertuples(index=False):
        seconds += max(0.0, end - max(begin, until))
        until = max(until, end)
    return seconds


def row(what: str, seconds: float | None = None, items: int | None = None, **others: float) -> dict[str, Any]:
    """A row of the table."""
    per_second = items / seconds if items is not None and seconds else None
    return {"what": what, "seconds": seconds, "items": items, "per_second": per_second, **others}


def hardware(threads: int) -> str:
    """In words, without the machine's name."""
    info = Path("/proc/cpuinfo")
    told = info.read_text(encoding="utf-8") if info.exists() else ""
    named = re.search(r"model name\s*: (.+)", told)
    model = named[1] if named else platform.processor()
    able = torch.backends.cpu.get_cpu_capability()
    card = f", {torch.cuda.get_device_name()}" if device().type == "cuda" else ""
    return f"{model} ({able}), {threads} threads{card}; PyTorch {torch.__version__.partition('+')[0]}"


if __name__ == "__main__":
    main()
