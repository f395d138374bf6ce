"""What a stage costs: seconds, memory, and the pieces of its work that are worth a rate.

They go to the ignored log folder, because they differ from run to run: no tracked output may hold them.
"""

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.common.files import replace

LOGS = Path("logs")


class Costs:
    """Of the stage that this process runs."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A stage begins."""
        self.began = time.monotonic()
        self.works: list[dict[str, Any]] = []

    def seconds(self) -> float:
        """Since the stage began."""
        return round(time.monotonic() - self.began, 3)

    @contextmanager
    def of(self, work: str, items: int) -> Iterator[dict[str, Any]]:
        """Note when a piece of work on so many items begins and ends; gives its record, for what else it took."""
        record = {"work": work, "items": items, "begin": self.seconds()}
        yield record
        record["end"] = self.seconds()
        self.works.append(record)

    def keep(self, name: str) -> None:
        """Write those of the stage `name`."""
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        cost = {"seconds": self.seconds(), "peak_mib": peak // 1024, "works": self.works}
        replace(LOGS / f"{name}.json", json.dumps(cost, indent=1) + "\n")


COSTS = Costs()
