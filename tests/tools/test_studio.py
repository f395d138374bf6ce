"""`make studio`, as people and programs use it: a real server, a real browser; on models that learned little."""

import base64
import io
import json
import re
import signal
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import numpy as np
import psutil
import pytest
import torch
from pydantic import ValidationError

from tests import browser
from tests.clones import ROOT, run, succeed
from tests.studio import BUTTONS, COMMAND, LOADED, Studio, press
from tests.toy import committed
from tools.studio.models import shares
from tools.studio.schema import Walk, Wanted

SEVEN = "a bold red seven"
CHROMIUM = pytest.mark.skipif(browser.PROGRAM is None, reason=browser.ABSENT)
STATUS = "document.querySelector('.paper [role=status]').innerText"
SAID = "[...document.querySelectorAll('.made q')].map(one => one.innerText)"


@pytest.fixture(scope="module")
def home(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return committed(built, tmp_path_factory.mktemp("studio") / "clone")


@pytest.fixture(scope="module")
def studio(home: Path) -> Iterator[Studio]:
    with Studio(home) as one:
        yield one


@pytest.fixture(scope="module")
def made(home: Path) -> Path:
    """What the command makes of a caption."""
    succeed(home, "python", "-m", "tools.generate", "--text", SEVEN, "--count", "3", "--out", "data/of_seven")
    return home / "data/of_seven"


@pytest.mark.slow
def test_a_program_gets_what_the_command_makes(studio: Studio, made: Path) -> None:
    (samples,) = studio.samples(inputs=[{"text": SEVEN}], count=3)
    for number, sample in enumerate(samples):
        assert set(sample) == {"image", "audio"}
        for name, suffix in (("image", "png"), ("audio", "wav")):
            assert base64.b64decode(sample[name]) == (made / f"{number}.{suffix}").read_bytes()


@pytest.mark.slow
def test_the_readmes_client_gets_it(studio: Studio, made: Path, tmp_path: Path) -> None:
    """The same caption, by a program of ten lines."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (client,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(client.splitlines()) <= 10 and f'"{SEVEN}"' in client
    told = client.replace("http://127.0.0.1:7860", studio.address)
    subprocess.run([sys.executable, "-c", told], cwd=tmp_path, check=True)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        file.name: file.read_bytes() for file in made.iterdir() if file.suffix != ".html"
    }


@pytest.mark.slow
def test_what_was_made_can_be_given(studio: Studio, made: Path) -> None:
    """Several inputs at once, and only what is wanted."""
    pictures = [base64.b64encode((made / f"{number}.png").read_bytes()).decode() for number in range(3)]
    samples = studio.samples(inputs=[{"image": one} for one in pictures], make=["text"], count=2)
    assert [len(one) for one in samples] == [2, 2, 2]
    assert all(set(sample) == {"text"} and isinstance(sample["text"], str) for one in samples for sample in one)


@pytest.mark.slow
def test_a_walk_leads_from_one_sample_to_another(studio: Studio) -> None:
    wanted: dict[str, Any] = {"inputs": [{"text": SEVEN}], "count": 4}
    (samples,) = studio.samples(**wanted)
    status, answer = studio.ask("walk", **wanted, start=1, end=3, steps=5)
    (path,) = answer["samples"]
    assert status == 200 and len(path) == 5
    assert answer["card"]["settings"]["walk"] == {"start": 1, "end": 3, "steps": 5}
    for step, sample in ((path[0], samples[1]), (path[-1], samples[3])):
        for name in ("image", "audio"):
            assert distance(step[name], sample[name]) <= 1, "but for how sums of other batches round"
    assert path[2] not in samples


def distance(one: str, other: str) -> int:
    """The largest between the bytes of two files of one size."""
    both = [np.frombuffer(base64.b64decode(file), np.uint8).astype(int) for file in (one, other)]
    return 255 if both[0].shape != both[1].shape else int(np.abs(both[0] - both[1]).max())


@pytest.mark.slow
def test_what_each_modality_brought_adds_up(studio: Studio, made: Path) -> None:
    picture = base64.b64encode((made / "0.png").read_bytes()).decode()
    status, answer = studio.ask("contribution", inputs=[{"text": SEVEN, "image": picture}])
    assert status == 200 and set(answer["shares"]) == {"text", "image"}
    assert sum(answer["shares"].values()) == pytest.approx(1)


def test_a_modality_that_changes_nothing_brought_nothing() -> None:
    whole, nothing = torch.ones(4, 3), torch.zeros(4, 3)
    drawn = {(): nothing, ("a",): whole, ("b",): nothing, ("a", "b"): whole}
    assert shares(["a", "b"], drawn) == {"a": 1.0, "b": 0.0}
    drawn = {(): nothing, ("a",): nothing, ("b",): nothing, ("a", "b"): whole}
    assert shares(["a", "b"], drawn) == {"a": 0.5, "b": 0.5}
    assert shares(["a"], {(): whole, ("a",): whole}) == {"a": 0.0}


REFUSED = [
    (
        {"inputs": [{"image": "no base64"}]},
        "image: expected the bytes of a file as base64, got something else; encode it",
    ),
    ({"inputs": [{"image": base64.b64encode(b"no picture").decode()}]}, "image: expected a picture"),
    ({"inputs": [{"film": "x"}]}, "inputs: expected some of image, text, audio, got film; correct it"),
    ({"inputs": [{"text": "a"}], "make": ["text"]}, "make: expected some of image, audio, got text; correct it"),
    ({"inputs": [{"text": "a"}, {}]}, "expected inputs that give the same modalities, got different ones"),
    ({"inputs": []}, "inputs: expected "),
    ({"count": 0}, "count: expected greater than or equal to 1, got 0; correct it"),
    ({"count": 200, "inputs": [{}, {}]}, "expected at most 256 samples in a request, got 2 x 200"),
    ({"colour": 1}, "colour: expected a known key, got 1; correct it"),
    ({"model": "b"}, "model: expected one of "),
    ({"guidance": 0.5}, "guidance: expected greater than or equal to 1, got 0.5; correct it"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("wanted", "said"), REFUSED, ids=[said[:30] for _, said in REFUSED])
def test_what_cannot_be_done_is_a_line(wanted: dict[str, Any], said: str, studio: Studio) -> None:
    status, answer = studio.ask("samples", **wanted)
    assert status == 422 and set(answer) == {"error"}
    assert answer["error"].startswith(said) and "\n" not in answer["error"]


@pytest.mark.slow
def test_what_is_no_request_is_a_line_too(studio: Studio) -> None:
    assert studio.send("samples", b'{"count":')[0] == 422
    status, answer = studio.send("samples", b" " * (33 * 2**20))
    assert status == 413 and answer["error"].startswith("expected a request of at most 33554432 bytes, got 34603008")
    assert studio.samples(count=1), "it goes on"


@pytest.mark.slow
def test_twenty_requests_at_once_are_answered_as_one_by_one(studio: Studio) -> None:
    wanted = [{"inputs": [{"text": SEVEN}], "seed": seed, "count": 1} for seed in range(20)]
    alone = [studio.samples(**one) for one in wanted[:3]]
    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(lambda one: studio.samples(**one), wanted))
    assert together[:3] == alone and len({json.dumps(one) for one in together}) == 20


@pytest.mark.slow
def test_the_schema_names_every_request(studio: Studio) -> None:
    with urllib.request.urlopen(f"{studio.address}/api/openapi.json") as answer:
        told = json.load(answer)
    assert set(told["paths"]) == {"/api/models", "/api/samples", "/api/walk", "/api/contribution"}
    assert set(told["components"]["schemas"]["Wanted"]["properties"]) == set(Wanted.model_fields)
    (about,) = studio.models()
    assert (
        about["modalities"] == {"image": "image", "text": "text", "audio": "audio"} and "MNIST" in about["data_licence"]
    )


@pytest.mark.slow
def test_nobody_else_can_reach_it(studio: Studio) -> None:
    listening = {one.laddr.ip for one in psutil.Process(studio.process.pid).net_connections() if one.status == "LISTEN"}
    assert listening == {"127.0.0.1"}


@pytest.mark.slow
def test_a_page_from_elsewhere_is_not_answered(studio: Studio) -> None:
    """A browser may be told that a name is that of this machine."""
    request = urllib.request.Request(f"{studio.address}/api/models", headers={"Host": "elsewhere.example"})
    with pytest.raises(HTTPError, match="400"):
        urllib.request.urlopen(request)


@pytest.mark.slow
def test_uploads_are_bounded(studio: Studio) -> None:
    for size, status in ((15, 200), (17, 413)):
        about = b'Content-Disposition: form-data; name="files"; filename="a.wav"'
        body = b"\r\n".join([b"--x", about, b"", bytes(size * 2**20), b"--x--", b""])
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        request = urllib.request.Request(f"{studio.address}/gradio_api/upload", body, kind)
        try:
            with urllib.request.urlopen(request) as answer:
                assert answer.status == status
        except HTTPError as error:
            assert error.code == status


@pytest.mark.slow
def test_two_models_stand_side_by_side_and_nothing_stays(home: Path) -> None:
    """A revision comes from the cache; when the studio ends, what it fetched and what was uploaded goes."""
    head = succeed(home, "git", "rev-parse", "--short", "HEAD").strip()
    one = Studio(home, ".", head)
    here, there = (one.samples(model=name, count=2) for name in (home.name, head))
    assert here == there, "they are the same"
    assert list(one.scratch.glob("studio-*"))
    assert one.end() == 128 + signal.SIGTERM
    assert not list(one.scratch.glob("studio-*"))


@pytest.mark.slow
def test_what_is_no_model_and_a_port_in_use_are_lines(studio: Studio, home: Path) -> None:
    port = studio.address.rpartition(":")[2]
    refused = run(home, *COMMAND, port)
    assert refused.returncode == 2 and refused.stderr.startswith(f"studio: --port: expected a free port, got {port} (")
    refused = run(home, *COMMAND, "0", "--models", ".", ".")
    told = "studio: --models: expected different names, got clone, clone; name folders by their whole path\n"
    assert (refused.returncode, refused.stderr) == (2, told)
    refused = run(home, *COMMAND, "0", "--models", "nowhere")
    assert refused.returncode == 2 and "nowhere" in refused.stderr and len(refused.stderr.splitlines()) == 1


@pytest.mark.slow
def test_what_is_told_of_one_input_takes_no_other(studio: Studio) -> None:
    status, answer = studio.ask("contribution", inputs=[{"text": SEVEN}, {"text": SEVEN}])
    assert status == 422 and answer["error"] == "expected one input, got 2; ask for each by itself"


def test_a_walk_needs_its_ends() -> None:
    with pytest.raises(ValidationError, match="expected samples 0 to 1, got 0 and 2; raise count"):
        Walk(count=2, end=2)
    with pytest.raises(ValidationError, match="expected one input, got 2"):
        Walk(inputs=[{}, {}])


@pytest.mark.slow
@CHROMIUM
def test_one_draws_types_and_takes_away(studio: Studio, tmp_path: Path) -> None:
    """What is drawn is given: the page shows the captions that a program gets of the same picture."""
    with browser.browser(tmp_path / "profile") as page:
        page.show(f"{studio.address}/", width=1200, height=1400)
        page.until(LOADED)
        corners = [(0.25, 0.2), (0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.6, 0.5), (0.5, 0.85), (0.5, 0.85)]
        page.draw(corners, on=".paper canvas")
        drawn = page.value("document.querySelector('.paper canvas').toDataURL()").partition(",")[2]
        press(page, "Make")
        page.until("document.querySelectorAll('.made li').length == 6")
        (samples,) = studio.samples(inputs=[{"image": drawn}])
        assert page.value(SAID) == [" ".join(sample["text"].split()) or "(empty)" for sample in samples]
        assert page.value("document.querySelectorAll('.made audio').length") == 6
        archive = page.value("document.querySelector('.made a[download]').href").partition(",")[2]
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(archive))) as files:
            assert set(files.namelist()) == {"card.json", *(f"{n}.{one}" for n in range(6) for one in ("txt", "wav"))}
            assert files.read("3.wav") == base64.b64decode(samples[3]["audio"])
            card = json.loads(files.read("card.json"))
        assert card["given"] == ["image"] and card["made"] == ["text", "audio"] and card["settings"]["seed"] == 7
        press(page, "Example: caption")
        page.until("document.querySelector('textarea, input[type=text]').value.length > 0")
        press(page, "Make")
        page.until("document.querySelectorAll('.made img').length == 6")
        press(page, "A walk")
        page.until(f"{BUTTONS}.some(one => one.innerText == 'Walk')")
        press(page, "Walk")
        page.until("document.querySelectorAll('.made li').length == 14")
        assert page.complaints(["error"]) == []


@pytest.mark.slow
@CHROMIUM
def test_by_keyboard_on_a_phone_in_the_dark(studio: Studio, tmp_path: Path) -> None:
    with browser.browser(tmp_path / "profile") as page:
        page.show(f"{studio.address}/", width=390, height=800, dark=True)
        page.until(LOADED)
        assert page.value("document.documentElement.scrollWidth") <= 390
        background = page.value("getComputedStyle(document.querySelector('.gradio-container')).backgroundColor")
        assert sum(map(int, background.strip("rgba()").split(",")[:3])) < 200
        for _ in range(60):
            page.press("Tab")
            if page.value("document.activeElement.innerText") == "From nothing":
                break
        page.press("Enter")
        page.until("document.querySelectorAll('.made li').length == 6")
        assert page.value("document.documentElement.scrollWidth") <= 390
        assert page.complaints(["error"]) == []


@pytest.mark.slow
@CHROMIUM
def test_wrong_and_huge_files_are_told_of(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "wrong.png").write_bytes(b"no picture")
    (tmp_path / "huge.png").write_bytes(bytes(17 * 2**20))
    with browser.browser(tmp_path / "profile") as page:
        page.show(f"{studio.address}/", width=1200, height=1000)
        page.until(LOADED)
        page.choose(tmp_path / "huge.png", ".paper input[type=file]")
        page.until(
            "document.querySelector('.paper [role=status]').innerText.startsWith('expected a file of at most 16 MiB')"
        )
        page.choose(tmp_path / "wrong.png", ".paper input[type=file]")
        page.until(f"{STATUS}.startsWith('This file')")
        press(page, "Make")
        page.until("!!document.querySelector('.made [role=alert]')")
        assert "image: expected a picture" in page.value("document.querySelector('.made [role=alert]').innerText")
