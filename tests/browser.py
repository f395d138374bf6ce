"""A real browser that tests can ask: Chromium without a window, spoken to over a pipe (Chrome DevTools Protocol).

No network, no port: commands go to its file descriptor 3, answers and events come from 4, each a JSON record that
ends with a zero byte. ``python -m tests.browser PAGE PNG`` saves the first screen of a page as a picture.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from fcntl import F_DUPFD, fcntl
from itertools import count
from pathlib import Path
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ABSENT = "no Chromium here; on Debian: apt-get install chromium"
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Escape": (27, "")}  # their numbers, and what they write
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip


class Page:
    """One tab."""

    def __init__(self, commands: int, answers: int) -> None:
        self.commands, self.answers, self.rest = commands, answers, b""
        self.numbers, self.session = count(1), ""
        self.events: list[dict[str, Any]] = []

    def receive(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            read = os.read(self.answers, 1 << 20)
            assert read, "Chromium ended"
            self.rest += read
        record, _, self.rest = self.rest.partition(b"\0")
        return dict(json.loads(record))

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events that come meanwhile are kept."""
        number = next(self.numbers)
        command = {"id": number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        message = json.dumps(command).encode() + b"\0"
        while message:
            message = message[os.write(self.commands, message) :]
        while (answer := self.receive()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def wait(self, method: str) -> None:
        """Until the event has come."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.receive())

    def show(self, page: Path | str, *, width: int, height: int, dark: bool = False) -> None:
        """Open a file or an address on a screen of that size, in CSS pixels, and wait until it is loaded."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.ask("Page.navigate", url=page if isinstance(page, str) else page.resolve().as_uri())
        self.wait("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives; a promise is awaited."""
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": KEYS[key][1]} if kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key][0], **text)

    def draw(self, corners: Sequence[tuple[float, float]], on: str) -> None:
        """A line of the pointer over an element, its corners as shares of the element's sides."""
        box, before = f"document.querySelector('{on}').getBoundingClientRect()", None
        while (place := self.value(f"(({{x, y, width, height}}) => [x, y, width, height])({box})")) != before:
            before = place  # what is still being laid out moves
            time.sleep(0.2)
        x, y, width, height = place
        kinds = ["mousePressed", *["mouseMoved"] * (len(corners) - 2), "mouseReleased"]
        for kind, (across, down) in zip(kinds, corners, strict=True):
            at = {"x": x + across * width, "y": y + down * height}
            self.ask("Input.dispatchMouseEvent", type=kind, **at, button="left", buttons=1, clickCount=1)

    def until(self, expression: str, *, seconds: float = 60) -> None:
        """Wait for a JavaScript expression to be true."""
        end = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < end, f"not so in {seconds} s: {expression}"
            time.sleep(0.05)

    def choose(self, file: Path, at: str) -> None:
        """A file in a field for files."""
        found = self.ask("Runtime.evaluate", expression=f"document.querySelector('{at}')")["result"]["objectId"]
        self.ask("DOM.setFileInputFiles", files=[str(file.resolve())], objectId=found)

    def complaints(self, levels: Collection[str] = ("error", "warning")) -> list[str]:
        """Errors of the console, of scripts and of loading since `show`."""
        said = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                said.append(str(params["exceptionDetails"]["text"]))
            elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] in levels:
                said.append(str(params["entry"]["text"]))
            elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] in levels:
                said.append(json.dumps(params["args"]))
        return said

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save what is on the screen, or the whole page, as PNG."""
        shot = self.ask(
            "Page.captureScreenshot", captureBeyondViewport=whole, **({"clip": self.area()} if whole else {})
        )
        path.write_bytes(base64.b64decode(shot["data"]))

    def area(self) -> dict[str, float]:
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A tab of a browser that keeps all it writes below `profile` and ends with the block."""
    assert PROGRAM, ABSENT
    hears, commands = os.pipe()
    answers, says = os.pipe()

    def place() -> None:
        """In the new process: the pipes under the numbers that Chromium expects."""
        for source, number in [(fcntl(end, F_DUPFD, 10), number) for end, number in ((hears, 3), (says, 4))]:
            os.dup2(source, number)

    process = subprocess.Popen(
        [PROGRAM, *QUIET, f"--user-data-dir={profile}"],
        preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(hears)
    os.close(says)
    try:
        page = Page(commands, answers)
        tab = page.ask("Target.createTarget", url="about:blank")["targetId"]
        page.session = page.ask("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            page.ask(f"{domain}.enable")
        yield page
        page.session = ""
        page.ask("Browser.close")
    finally:
        os.close(commands)
        os.close(answers)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as tab:
        tab.show(Path(sys.argv[1]), width=1100, height=930)
        tab.picture(Path(sys.argv[2]))
