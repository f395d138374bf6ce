"""Ten times the samples, the same memory. ``pytest -s`` prints the figures."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import soundfile
from PIL import Image

from stages.common.files import write_json, write_table
from stages.common.shards import write_shard
from tests.data.home import Home, build

SHARD = 250
SAMPLES = int(os.environ.get("SCALE", 1_000))  # a number to measure with, instead of one to test with
SPLITS = ("train",) * 7 + ("validation", "judge", "test")


def media(n: int, side: int, seconds: float) -> dict[str, bytes]:
    """A photo, a recording and a caption, each its own."""
    rng = np.random.default_rng(n)
    photo = Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    t = np.arange(int(44100 * seconds)) / 44100
    wave = 0.3 * np.sin(2 * np.pi * (100 + n % 400) * t) + 0.01 * rng.standard_normal(len(t))
    jpeg, flac = io.BytesIO(), io.BytesIO()
    photo.save(jpeg, "JPEG", quality=90)
    soundfile.write(flac, wave, 44100, format="FLAC")
    return {"png": jpeg.getvalue(), "wav": flac.getvalue(), "txt": f"sample {n} of many, {n % 17}".encode()}


def fill(home: Home, count: int, side: int, seconds: float, different: int) -> None:
    """Raw shards of `count` samples, made of fewer `different` ones, as `acquire` writes them."""
    home.set("folder")
    raw, few = home.folder / "data/acquire", [media(n, side, seconds) for n in range(different)]
    index = pd.DataFrame({"id": [f"{n:06d}" for n in range(count)]})
    index["split"] = [SPLITS[n % len(SPLITS)] for n in range(count)]
    index["shard"] = [f"raw-{n // SHARD:05d}.tar" for n in range(count)]
    for number in range(0, count, SHARD):
        samples = [(f"{n:06d}", few[n % different]) for n in range(number, min(count, number + SHARD))]
        write_shard(raw / f"raw-{number // SHARD:05d}.tar", samples)
    write_table(raw / "index.csv", index)
    write_json(raw / "attributes.json", {})


def cost(home: Home) -> tuple[float, float]:
    """Seconds of a core that `preprocess` and its workers took, and the largest memory of them together, MiB."""
    seconds: dict[int, float] = {}
    peak = 0
    with subprocess.Popen([sys.executable, "-m", "stages.data.preprocess"], cwd=home.folder) as process:
        while process.poll() is None:
            now = {one.pid: one.info for one in family(process.pid)}
            peak = max(peak, sum(info["memory_info"].rss for info in now.values()))
            seconds |= {pid: sum(info["cpu_times"][:2]) for pid, info in now.items()}
            time.sleep(0.05)
    assert process.returncode == 0
    return sum(seconds.values()), peak / 2**20


def family(pid: int) -> Iterator[psutil.Process]:
    """A process and its children, each with what it has used so far."""
    with suppress(psutil.NoSuchProcess):
        for one in (parent := psutil.Process(pid), *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.info = one.as_dict(["memory_info", "cpu_times"])
                yield one


@pytest.mark.proof
@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path) -> None:
    peaks = {}
    for count in (SAMPLES, 10 * SAMPLES):
        (tmp_path / str(count)).mkdir()
        home = build(tmp_path / str(count))
        fill(home, count, side=64, seconds=0.5, different=SHARD)
        seconds, peaks[count] = cost(home)
        print(f"preprocess: {count} in {seconds:.1f} s of a core, {count / seconds:.0f}/s; {peaks[count]:.0f} MiB")
    assert peaks[10 * SAMPLES] < 1.2 * peaks[SAMPLES]
