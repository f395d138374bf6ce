"""A pipeline's first two stages on your own data, in a folder of their own; and the media to put there."""

import copy
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import yaml
from PIL import Image

from stages.common.files import read_json, read_table
from stages.common.params import read_yaml
from stages.common.shards import read_shard
from tests.clones import ROOT

RATE_HZ = 16000


def picture(level: int = 0, kind: str = "PNG", size: int = 40) -> bytes:
    """A block on paper, whose red is `level`."""
    page = Image.new("RGB", (size, size), "white")
    page.paste((level % 256, level // 256, 40), (size // 5, size // 5, size // 2, size // 2))
    buffer = io.BytesIO()
    page.save(buffer, kind)
    return buffer.getvalue()


def clip(pitch_hz: float = 200, kind: str = "WAV", seconds: float = 0.3, rate_hz: int = RATE_HZ) -> bytes:
    """A tone."""
    buffer = io.BytesIO()
    wave = 0.5 * np.sin(2 * np.pi * pitch_hz * np.arange(int(seconds * rate_hz)) / rate_hz)
    soundfile.write(buffer, wave, rate_hz, format=kind)
    return buffer.getvalue()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a server of the folder's files."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@dataclass(frozen=True)
class Home:
    """The working folder of a pipeline; your own data lies in `mine`."""

    folder: Path

    @property
    def mine(self) -> Path:
        return self.folder / "mine"

    def put(self, files: Mapping[str, bytes | str]) -> None:
        """Lay down files of your own."""
        for name, content in files.items():
            path = self.mine / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def set(
        self, source: str, modalities: Sequence[str] | Mapping[str, str] = ("image", "text", "audio"),
        limit: float = 0.5, sections: Mapping[str, Mapping[str, Any]] = MappingProxyType({}), **own: Any,
    ) -> None:  # fmt: skip
        """Write params.yaml: the tiny ones, with your own data; `sections` get settings by the names of modalities."""
        params = copy.deepcopy(read_yaml(ROOT / "tests/tiny.yaml"))
        params["acquire"] |= {"source": source, "path": "mine"}
        params["acquire"]["own"] |= own
        params["preprocess"]["reject_limit"] = limit
        named = dict(modalities) if isinstance(modalities, Mapping) else {name: name for name in modalities}
        params["modalities"] = named
        params["extract"] |= {name: {} for name, kind in named.items() if name != kind}
        for section, settings in sections.items():
            params[section] |= settings
        (self.folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")

    def run(self, stage: str) -> subprocess.CompletedProcess[str]:
        """Run a stage as DVC does."""
        command = [sys.executable, "-m", f"stages.data.{stage}"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)

    def index(self) -> pd.DataFrame:
        """The samples that were acquired, by id; all cells as text."""
        return self.table("acquire/index.csv").set_index("id")

    def rejects(self, stage: str = "acquire") -> dict[str, tuple[str, str]]:
        """File and reason, by id."""
        table = self.table(f"{stage}/rejects.csv")
        return {row["id"]: (row["file"], row["reason"]) for row in table.to_dict("records")}

    def table(self, name: str) -> pd.DataFrame:
        path = self.folder / "data" / name
        return read_table(path, text=tuple(map(str, pd.read_csv(path, nrows=0))))

    def attributes(self) -> dict[str, Any]:
        """Values and modalities of each label; whether the latter are assumed is `resolve`'s to test."""
        found = read_json(self.folder / "data/acquire/attributes.json")
        return {label: {"values": about["values"], "shown_by": about["shown_by"]} for label, about in found.items()}

    def samples(self) -> dict[str, dict[str, bytes]]:
        """What stands in the raw shards."""
        shards = sorted((self.folder / "data/acquire").glob("*.tar"))
        return {key: files for shard in shards for key, files in read_shard(shard)}

    def made(self) -> dict[str, np.ndarray]:
        """The arrays that `preprocess` made."""
        return {path.stem: np.load(path) for path in sorted((self.folder / "data/preprocess").glob("*.npy"))}

    def bytes(self, stage: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "data" / stage).rglob("*") if path.is_file()}


def build(folder: Path) -> Home:
    """A home in an empty folder."""
    shutil.copy(ROOT / "dvc.yaml", folder)
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "mine").mkdir()
    return Home(folder)
