"""A stage that trains, on one process or more, on one machine or more.

The environment says how many, never a parameter, because the result must not depend on it. ``PROCESSES=2 dvc repro``:
the stage starts the others itself; they meet at a file, and talk over the loopback interface alone. Between machines,
and under torchrun, RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT mean what they mean to PyTorch; PROCESSES is then
the number on this machine, the first of which has RANK.
The first of all is the stage, with its lock and outputs. The others compute along, write nothing, and leave at
`alone`. When one ends before, all do, and the first says of whom it heard what.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import distributed
from torch.distributed.rendezvous import rendezvous

from stages.common.costs import LOGS
from stages.common.stage import RESUME, Context, fingerprint, in_one_line, stage
from stages.learning.data_parallel import JOIN, LostError, is_first, join

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
GRACE_S = 10.0  # for a process to end whose connection has ended


@dataclass(frozen=True)
class World:
    """Of a process among all."""

    rank: int
    count: int  # of all
    here: int  # on this machine from this one on, itself included


@dataclass(frozen=True)
class Peer:
    """A process that this one has started."""

    rank: int
    process: subprocess.Popen[bytes]
    said: Path


@contextmanager
def training_stage(name: str) -> Iterator[Context]:
    """`stage` for one that trains; every process runs its body, up to `others_leave`."""
    if os.environ.get("RANK", "0") != "0":
        with follower(name) as context:
            yield context
        return
    with stage(name) as context, peers(name, world()) as started:
        try:
            yield context
        except LostError as error:
            raise ValueError(why_lost(started)) from error


@contextmanager
def follower(name: str) -> Iterator[Context]:
    """What surrounds the work of a process that is not the first: no lock, no output, no state."""
    try:
        with peers(name, world()):
            yield Context(name, out=Path(os.devnull), first=False)
    except LostError:  # the first process tells
        raise SystemExit(2) from None
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        print(f"{name}: {in_one_line(error)}", file=sys.stderr)
        raise SystemExit(2) from None


def world() -> World:
    """What the environment says. Raises ValueError when it makes no sense."""
    here = whole_number("PROCESSES", 1)
    count, rank = whole_number("WORLD_SIZE", here), whole_number("RANK", 0, least=0)
    if rank + here > count:
        raise ValueError(f"WORLD_SIZE: expected at least {rank + here}, RANK and PROCESSES together, got {count}")
    if rank == 0 and here < count and "MASTER_ADDR" not in os.environ:
        raise ValueError("MASTER_ADDR: expected the address of the machine with RANK 0, got none; set it")
    return World(rank, count, here)


def whole_number(name: str, default: int, *, least: int = 1) -> int:
    """A number that the environment gives."""
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"{name}: expected a whole number from {least}, got '{text}'; correct the environment")
    return int(text)


@contextmanager
def peers(name: str, at: World) -> Iterator[list[Peer]]:
    """Start the other processes of this machine and meet all; afterwards none of them is left."""
    started: list[Peer] = []
    if at.count == 1:
        yield started
        return
    meeting = RESUME / f"{name}.meeting"
    if at.rank == 0:
        meeting.unlink(missing_ok=True)
    with ExitStack() as ends:
        if at.rank == 0:
            ends.callback(meeting.unlink, missing_ok=True)  # not before: some may still be reading it
        for number in range(1, at.here):
            started.append(start_peer(name, at, number))
            ends.callback(end_peer, started[-1])
        meet(name, at, meeting, started)
        yield started


def start_peer(name: str, at: World, number: int) -> Peer:
    """This very command once more, as process `number` of this machine; what it says goes to logs/."""
    rank, said = at.rank + number, LOGS / f"{name}.{at.rank + number}.log"
    own = {"PROCESSES": 1, "WORLD_SIZE": at.count, "RANK": rank}
    own["LOCAL_RANK"] = whole_number("LOCAL_RANK", 0, least=0) + number
    said.parent.mkdir(exist_ok=True)
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *sys.orig_argv[1:]],
            env=os.environ | {key: str(value) for key, value in own.items()},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    return Peer(rank, process, said)


def end_peer(other: Peer) -> None:
    """See to it that a process is over. One that was let go at `others_leave` ends by itself."""
    if other.process.poll() is None:
        other.process.terminate()
    other.process.wait()
    if not other.said.stat().st_size:
        other.said.unlink()


def meet(name: str, at: World, meeting: Path, started: list[Peer]) -> None:
    """Wait until all are there, and for the same work. Raises ValueError when they are not."""
    if "MASTER_ADDR" in os.environ:
        url = "env://"
    else:
        os.environ |= {"GLOO_SOCKET_IFNAME": LOOPBACK, "NCCL_SOCKET_IFNAME": LOOPBACK}
        url = meeting.resolve().as_uri()
    store, _, _ = next(rendezvous(url, at.rank, at.count, timeout=JOIN))
    store.set(f"work-{at.rank}", fingerprint(name, data=True))
    ranks = [f"work-{rank}" for rank in range(at.count)]
    parent, until = os.getppid(), time.monotonic() + JOIN.total_seconds()
    while not store.check(ranks):
        if os.getppid() != parent or any(other.process.poll() is not None for other in started):
            raise LostError(why_lost(started))
        if time.monotonic() > until:
            raise ValueError(f"expected {at.count} processes within {JOIN}, got less; start the others")
        time.sleep(0.02)
    strange = [rank for rank in range(at.count) if store.get(f"work-{rank}") != store.get("work-0")]
    if strange:
        raise ValueError(f"expected code, parameters and inputs of the first process in all, got others in {strange}")
    join(store, at.rank, at.count)


def why_lost(started: list[Peer]) -> str:
    """Which process ended, and its last words."""
    until, cause = time.monotonic() + GRACE_S, "one on another machine that ended; see what it said there"
    while started and time.monotonic() < until:
        dead = next((other for other in started if other.process.poll()), None)
        if dead is not None:
            words = dead.said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            cause = f"process {dead.rank}, which ended with {dead.process.returncode}"
            cause += f": {words[-1]}" if words else ""
            break
        time.sleep(0.02)
    return f"expected all processes to stay to the end, got {cause}; run the same command again, it goes on from here"


def others_leave() -> None:
    """From here on the first process works alone: the others leave."""
    if distributed.is_initialized():
        leads = is_first()
        distributed.destroy_process_group()
        if not leads:
            raise SystemExit(0)
