"""`make peers`: multimodal models of others and this project's, on the same data, judged alike, at equal CPU seconds.

Every training is a process on one thread, and two run at a time. A method's seed is that of its training; the data, the
samples that are observed and the judges are the same for all. What runs again replaces its rows of metrics/peers.csv,
the others stay; `commit` says whose code measured them. Methods and budgets can be chosen.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.files import replace, write_table
from stages.common.params import load_modalities
from stages.common.progress import progress
from stages.evaluation.metrics.evaluated_data import CLEAN, JUDGES
from stages.learning.training import set_up
from tools.bench import hardware
from tools.experiments import git
from tools.peers import latent_diffusion, ours, variational
from tools.peers.clock import OWN, Clock
from tools.peers.items import Items
from tools.peers.picture import picture
from tools.peers.scoring import Scoring
from tools.peers.trained import Trained
from tools.refusal import one_line

OUT = Path("metrics")
BUDGETS, SEEDS = (120.0, 600.0, OWN), (1, 2, 3)
REAL = "real items"  # what the same judges say of data: the most that a method can reach
TRAIN: dict[str, Callable[[Items, int, Sequence[float], Clock], Iterator[Trained]]] = {
    **{method: partial(variational.train, method) for method in variational.PEERS},
    "latent diffusion": latent_diffusion.train,
    "ours": ours.train,
}
KEYS = ["method", "budget_s", "seed"]
COST = ["cpu_s", "steps", "parameters", "peak_mib", "per_second"]
ABOUT = ["machine", "commit"]


def main() -> None:
    """Write metrics/peers.csv and metrics/peers.png, and print the table."""
    parser = argparse.ArgumentParser(prog="peers", description="models of others on the same data, judged alike")
    parser.add_argument("--methods", nargs="+", default=[REAL, *TRAIN], choices=[REAL, *TRAIN], metavar="NAME")
    parser.add_argument("--budgets", nargs="+", default=BUDGETS, type=float, metavar="S", help="120, 600, inf: its own")
    parser.add_argument("--seeds", nargs="+", default=SEEDS, type=int, metavar="N")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="trainings at a time, a core each: 2")
    parser.add_argument("--only", metavar="JOB", help=argparse.SUPPRESS)  # a process of its own
    chosen = parser.parse_args()
    with one_line("peers"):
        if chosen.only:
            for row in measured(*json.loads(chosen.only)):
                print(json.dumps(row), flush=True)
            return
        if not (JUDGES / "readers.json").exists():
            raise ValueError("expected data/judge and data/preprocess, got none; dvc pull, or dvc repro judge")
        run(list(jobs(chosen.methods, chosen.budgets, chosen.seeds)), chosen.jobs)
    print(pd.read_csv(OUT / "peers.csv").to_string(index=False, na_rep=""))


def jobs(methods: Sequence[str], budgets: Sequence[float], seeds: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """What a process does: a method, a seed, and the budgets of one training."""
    for seed, method in product(seeds, methods):
        if method == REAL:
            if seed == seeds[0]:  # it has none
                yield method, 1, []
        else:
            yield from ((method, seed, part) for part in trainings(method, list(budgets)))


def trainings(method: str, budgets: list[float]) -> list[list[float]]:
    """Which budgets one training of a method serves: of a variational model it passes all of them on its way."""
    if method in variational.PEERS:
        return [budgets]
    if method == "ours":
        whole = [budget for budget in budgets if budget not in ours.PRESETS]
        return [*([budget] for budget in budgets if budget in ours.PRESETS), *([whole] if whole else [])]
    return [[budget] for budget in budgets]


def run(work: list[tuple[Any, ...]], count: int) -> None:
    """Do all jobs, `count` at a time; what has ended is on disk. Raises ValueError when one fails."""
    about = {"machine": hardware(1), "commit": git("rev-parse", "--short=7", "HEAD")}
    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(apart, job) for job in work]
        try:
            for done in progress(as_completed(running), title="peers", total=len(running)):
                keep([about | row for row in done.result()])
        finally:
            pool.shutdown(cancel_futures=True)  # after one that failed no other begins


def apart(job: tuple[Any, ...]) -> list[dict[str, Any]]:
    """The rows of one job, by a process on one thread."""
    command = [sys.executable, "-m", "tools.peers", "--only", json.dumps(job)]
    alone = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CI": "1"}
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        raise ValueError(f"{job[0]}, seed {job[1]}: {last[-1]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def measured(method: str, seed: int, budgets: Sequence[float]) -> Iterator[dict[str, Any]]:
    """The rows of one method and seed."""
    set_up(1)
    clock, names = Clock(), load_modalities()
    about: dict[str, Any] = {"method": method, "seed": seed}
    if method == REAL:
        scoring = Scoring(names)
        yield {**about, "budget_s": None, **scoring.score(scoring.real_items, seed), "per_second": None}
        return
    judges: Scoring | None = None
    for model in TRAIN[method](Items(names, CLEAN), seed, budgets, clock):
        with clock.stopped():
            judges = judges or Scoring(names)
            cost = {key: value for key, value in vars(model).items() if key != "sample"}
            row = about | cost | judges.score(model.sample, seed)
        yield row


def keep(rows: list[dict[str, Any]]) -> None:
    """Write rows over those of the same method, budget and seed, and draw the picture anew."""
    file = OUT / "peers.csv"
    table = pd.DataFrame(rows)
    if file.exists():
        table = pd.concat([pd.read_csv(file), table]).drop_duplicates(KEYS, keep="last")
    order = [REAL, *TRAIN]
    table = table.sort_values(KEYS, key=lambda column: column.map(order.index) if column.name == "method" else column)
    first = [column for column in KEYS + COST if column in table]
    table = table[[*first, *table.columns.difference([*first, *ABOUT], sort=False), *table.columns.intersection(ABOUT)]]
    write_table(file, table.round({column: 1 if column in ("cpu_s", "per_second") else 4 for column in table}))
    replace(OUT / "peers.png", picture(table))


if __name__ == "__main__":
    main()
