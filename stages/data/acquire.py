"""Layer 1, first stage: a source becomes raw shards and an index.

Every source gives the same: tar shards of media bytes, `index.csv` with a row a sample (id, split, shard and
attributes) and `attributes.json` (each attribute's values and the modalities that always show it).
"""

from typing import Literal

from stages.common.files import write_json, write_table
from stages.common.params import Run, Strict, load
from stages.common.stage import stage
from stages.data.sources import digits
from stages.data.sources.digits import Digits

SOURCES = {"digits": digits.acquire}


class Acquire(Strict):
    """Section `acquire`."""

    source: Literal["digits"]  # where the samples come from
    digits: Digits


def main() -> None:
    """Write data/acquire: shards, index and attributes."""
    with stage("acquire") as door:
        settings, run = load(Acquire, "acquire"), load(Run, "run")
        index, attributes = SOURCES[settings.source](getattr(settings, settings.source), run.seed, door.out)
        write_table(door.out / "index.csv", index)
        write_json(door.out / "attributes.json", attributes)


if __name__ == "__main__":
    main()
