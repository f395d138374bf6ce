"""A studio that tests can ask: a real server on a free port of loopback, by HTTP and through a browser."""

import json
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from tests import browser
from tests.clones import environment

COMMAND = (sys.executable, "-m", "tools.studio", "--port")
BUTTONS = "[...document.querySelectorAll('button')]"
LOADED = f"!!document.querySelector('.paper canvas[data-ready]') && {BUTTONS}.some(one => one.innerText == 'Make')"
ANSWER_S = 120


class Studio:
    """A running one."""

    def __init__(self, folder: Path, *models: str) -> None:
        told = ["--models", *models] if models else []
        self.scratch = Path(tempfile.mkdtemp(dir=folder))
        self.process = subprocess.Popen(
            [*COMMAND, "0", *told], cwd=folder, env=environment(folder) | {"TMPDIR": str(self.scratch)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said.startswith("studio: http://127.0.0.1:"), said + self.process.stdout.read()
        self.address = said.split()[1].rstrip(",")

    def ask(self, path: str, **wanted: Any) -> tuple[int, Any]:
        """Status and answer of a request of JSON."""
        return self.send(path, json.dumps(wanted).encode())

    def send(self, path: str, body: bytes) -> tuple[int, Any]:
        request = urllib.request.Request(f"{self.address}/api/{path}", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)

    def samples(self, **wanted: Any) -> Any:
        status, answer = self.ask("samples", **wanted)
        assert status == 200, answer
        return answer["samples"]

    def models(self) -> Any:
        with urllib.request.urlopen(f"{self.address}/api/models") as answer:
            return json.load(answer)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()


def press(page: browser.Page, text: str) -> None:
    """The button that begins so."""
    page.value(f"{BUTTONS}.find(one => one.innerText.startsWith({json.dumps(text)})).click()")
