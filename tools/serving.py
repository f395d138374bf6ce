"""`make serving`: how fast the studio answers programs, and whether its memory stays flat.

A request is a caption, of which a picture and a clip are made. So many clients ask at once, each again as soon as it is
answered. The rows of metrics/serving.csv are of this working tree; the last one tells the memory over many requests.
"""

import argparse
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import psutil

from stages.common.files import write_table
from stages.common.progress import progress
from tools.models import check_models
from tools.refusal import one_line

OUT = Path("metrics/serving.csv")
CLIENTS, REQUESTS, LONG = (1, 8, 64), 256, 10_000
CAPTION = "a bold red seven"


def main() -> None:
    """Write the table, and print it."""
    argparse.ArgumentParser(prog="serving", description="requests a second, latency and memory").parse_args()
    with one_line("serving"):
        check_models()
        with server() as (address, process):
            measured(address, clients=1, requests=16)  # until all is loaded
            rows = []
            for clients, requests in (*((clients, REQUESTS) for clients in CLIENTS), (CLIENTS[1], LONG)):
                before = mib(process)
                rows.append(measured(address, clients, requests) | {"mib_before": before, "mib_after": mib(process)})
        table = pd.DataFrame(rows)
        write_table(OUT, table)
    print(table.to_string(index=False, na_rep=""))


@contextmanager
def server() -> Iterator[tuple[str, psutil.Process]]:
    """A studio of this folder, which answers."""
    command = [sys.executable, "-m", "tools.studio", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said:
            raise ValueError("expected a studio that answers, got one that ended; make studio says why")
        address = said.split()[1].rstrip(",")
        try:
            yield f"{address}/api/samples", psutil.Process(process.pid)
        finally:
            process.terminate()


def measured(address: str, clients: int, requests: int) -> dict[str, Any]:
    """So many requests of so many clients at once."""

    def ask(seed: int) -> float:
        begin = perf_counter()
        wanted = {"inputs": [{"text": CAPTION}], "count": 1, "seed": seed}
        request = urllib.request.Request(address, json.dumps(wanted).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            json.load(answer)
        return perf_counter() - begin

    begin = perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        took = list(progress(pool.map(ask, range(requests)), title=f"{clients} clients", total=requests))
    p50, p99 = (round(1000 * float(value)) for value in np.quantile(took, (0.5, 0.99)))
    per_second = round(requests / (perf_counter() - begin), 1)
    return {"clients": clients, "requests": requests, "per_second": per_second, "p50_ms": p50, "p99_ms": p99}


def mib(process: psutil.Process) -> int:
    """What the server holds in memory."""
    return int(process.memory_info().rss // 2**20)


if __name__ == "__main__":
    main()
