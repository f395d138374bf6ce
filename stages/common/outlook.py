"""Where a run of the whole pipeline stands: which stage this is, and how long the rest took when it last ran."""

import json
from collections.abc import Iterator
from pathlib import Path

from stages.common.costs import LOGS
from stages.common.params import PARAMS, read_yaml
from stages.common.progress import watched


def tell(name: str) -> None:
    """Say it on a terminal, as a stage begins."""
    if watched():
        print(outlook(name), flush=True)


def outlook(name: str) -> str:
    """Of the stage `name`, in the order of dvc.yaml. DVC leaves out what has not changed, so the time is at most that.

    Where a stage left no costs yet, or fewer than all, no time is told.
    """
    names = list(stages())
    if name not in names:
        return name
    place = names.index(name)
    said, known = f"{name}: stage {place + 1} of {len(names)}", list(map(seconds, names[place:]))
    if None in known:
        return said
    minutes = sum(one for one in known if one is not None) / 60
    return f"{said}, at most {minutes:.0f} min left by the last run" if minutes >= 1 else f"{said}, less than a minute"


def stages() -> Iterator[str]:
    """All stages, ``extract@image`` and the like one for each modality."""
    modalities = [name for name, kind in read_yaml(PARAMS).get("modalities", {}).items() if kind]
    for name, told in read_yaml(Path("dvc.yaml"))["stages"].items():
        yield from (f"{name}@{one}" for one in modalities) if "foreach" in told else (name,)


def seconds(name: str) -> float | None:
    """How long a stage took; None where it left no costs."""
    file = LOGS / f"{name}.json"
    return float(json.loads(file.read_text(encoding="utf-8"))["seconds"]) if file.is_file() else None
