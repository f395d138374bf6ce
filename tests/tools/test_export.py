"""`python -m tools.export`: what is taken along makes what the models here make, without them and the repository."""

import ast
import base64
import io
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from shutil import which
from threading import Thread
from types import ModuleType

import numpy as np
import pytest
import soundfile
import torch

from stages.common.modality import Modality
from stages.data.kinds.generated_to_tensors import tensor_or_blank
from stages.evaluation.judges.classifier import Classifier
from stages.evaluation.judges.inputs import as_tensor
from stages.evaluation.judges.loading import load_judges
from tests import browser
from tests.clones import run, succeed
from tests.test_share_models import TAG
from tests.toy import commit, copied
from tools.export import PROGRAM, check_kinds
from tools.models import known, load_sampler

LIBRARIES = ("onnxruntime", "numpy", "pillow", "soundfile", "tokenizers")
MODULES = {"onnxruntime", "numpy", "PIL", "soundfile", "tokenizers", "items"} | set(sys.stdlib_module_names)
COUNT = 200
GIVEN = {"image": "image.png", "text": "text.txt", "audio": "audio.wav"}


@pytest.fixture(scope="module")
def home(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(built, tmp_path_factory.mktemp("home") / "clone")


@pytest.fixture(scope="module")
def taken(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder far from the repository."""
    folder = tmp_path_factory.mktemp("far") / "model"
    assert "MiB" in succeed(home, "python", "-m", "tools.export", "--out", str(folder))
    return folder


@pytest.fixture
def program(taken: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """What was taken along, as a module of this process."""
    monkeypatch.syspath_prepend(str(taken))
    yield __import__("run")
    for name in ("run", "items"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("file", sorted(PROGRAM.glob("*.py")), ids=lambda file: file.name)
def test_the_program_is_short_and_needs_five_libraries(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    nodes = list(ast.walk(ast.parse("\n".join(lines))))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in found} <= MODULES


def digits(judge: Classifier, items: np.ndarray) -> torch.Tensor:
    return judge.scores(judge.features(as_tensor(items)))["digit"].argmax(-1)


@pytest.mark.slow
@pytest.mark.parametrize("observed", [(), ("image",), ("text",), ("audio",), ("image", "text")])
def test_it_makes_what_the_models_here_make(
    observed: tuple[str, ...], home: Path, taken: Path, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same noise: features within a thousandth, levels within one, the same words, and the same digit."""
    monkeypatch.chdir(home)
    names, model, rng = known(), program.Model(taken), np.random.default_rng(1)
    sampler, judges = load_sampler(names, Path("none"), None), load_judges(Path("data/judge"), names)
    first = program.Model(taken).sample({}, 1, 1)[0]
    given = {name: first[name] for name in observed}
    read = {name: model.items.read(name, file) for name, file in given.items()}
    for name, tensor in read.items():
        np.testing.assert_array_equal(tensor, tensor_or_blank(name, given[name], sampler.fitted[name]))
    noises = {name: rng.standard_normal((COUNT, width), np.float32) for name, width in model.card["noise"].items()}
    features, seen = torch.zeros(1, sum(sampler.dataset.widths)), torch.tensor([[name in observed for name in names]])
    for name, file in given.items():
        features += sampler.encode([file], name)
    drawn = [torch.from_numpy(noises[name]) for name in ("prior", *names)]
    with torch.no_grad():
        ours = sampler.draw(features.expand(COUNT, -1), seen.expand(COUNT, -1), drawn).split(sampler.dataset.widths, -1)
    theirs = model.features(read, noises)
    for name, mine in zip(names, ours, strict=True):
        np.testing.assert_allclose(theirs[name], mine.numpy(), atol=1e-3)
        here = sampler.codecs[name].decode(mine)
        there = model.run(f"decode-{name}", features=theirs[name]).astype(here.dtype)
        apart = np.abs(here.astype(int) - there.astype(int))
        assert apart.max() <= (0 if name == "text" else 1) and (apart > 0).mean() < 1e-3
        if name in judges.classifiers:
            assert (digits(judges.classifiers[name], here) == digits(judges.classifiers[name], there)).all()


@pytest.mark.slow
def test_a_seed_is_a_set_of_samples(taken: Path, program: ModuleType) -> None:
    model = program.Model(taken)
    one, again, other = (model.sample({"text": b"a seven"}, 3, seed) for seed in (1, 1, 2))
    assert one == again != other and [set(files) for files in one] == [{"image", "audio"}] * 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["--image", "nothing.png"], "cannot identify image file"),
        (["--count", "0"], "a --count of 1 or more"),
        (["--text", "seven", "--image", "a", "--audio", "b"], "a modality that is left to make"),
    ],
)
def test_what_it_cannot_do_is_one_line(told: list[str], said: str, taken: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, taken / "run.py", *told], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and said in done.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_who_adds_it_shares_it_by_name(home: Path, taken: Path, tmp_path: Path) -> None:
    """As docs/sharing.md has it: the same files come out of DVC elsewhere."""
    shutil.copytree(taken, home / "data/model")
    succeed(home, "dvc", "add", "--quiet", "data/model")
    succeed(home, "git", "add", "data/model.dvc", "data/.gitignore")
    commit(home, "The model to take away")
    succeed(home, *TAG, "model@v1.0.0")
    succeed(tmp_path, "dvc", "artifacts", "get", str(home), "model", "--rev", "v1.0.0", "--out", "model")
    assert {file.name for file in (tmp_path / "model").iterdir()} == {file.name for file in taken.iterdir()}
    assert (tmp_path / "model/prior.onnx").read_bytes() == (taken / "prior.onnx").read_bytes()


@pytest.mark.slow
def test_a_folder_that_exists_is_left_alone(home: Path, taken: Path) -> None:
    refused = run(home, "python", "-m", "tools.export", "--out", str(taken))
    assert refused.returncode == 2
    assert refused.stderr == f"export: --out: expected a new folder, got {taken}, which exists; name another\n"


def test_kinds_that_need_more_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected modalities of the kinds image, text, .*, got clip \(video\); "):
        check_kinds([Modality("clip", "video")], None)  # type: ignore[arg-type]  # it is not asked


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "share"), [("float16", 0.65), ("int8", 0.65)])
def test_it_can_be_smaller(precision: str, share: float, home: Path, taken: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    succeed(home, "python", "-m", "tools.export", "--out", str(small), "--precision", precision)
    sizes = [sum(file.stat().st_size for file in folder.glob("*.onnx")) for folder in (small, taken)]
    assert sizes[0] < share * sizes[1]
    subprocess.run([sys.executable, small / "run.py", "--count", "2", "--out", tmp_path / "made"], check=True)
    assert len(list((tmp_path / "made").iterdir())) == 6


@pytest.mark.slow
@pytest.mark.proof
def test_it_runs_where_nothing_else_is_installed(taken: Path, tmp_path: Path) -> None:
    """Five libraries of the locked versions, and from each modality that was made the others are made."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    pinned = [f"{name}=={version(name)}" for name in LIBRARIES]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *pinned], check=True, cwd=tmp_path)
    assert subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 1
    subprocess.run([python, taken / "run.py", "--count", "2", "--out", "made"], check=True, cwd=tmp_path)
    for name, file in GIVEN.items():
        told = [f"--{name}", f"made/1.{file}", "--count", "3", "--out", f"of-{name}"]
        subprocess.run([python, taken / "run.py", *told], check=True, cwd=tmp_path)
        made = {one.name for one in (tmp_path / f"of-{name}").iterdir()}
        assert made == {f"{number}.{one}" for number in range(3) for one in GIVEN.values() if one != file}


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, and no word of it."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the page for browsers, on a server of files and nothing else."""
    folder = tmp_path_factory.mktemp("served") / "model"
    succeed(home, "python", "-m", "tools.export", "--page", "--out", str(folder))
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


READ = """(async () => {
    const {Items} = await import('./items.js');
    const items = await Items.load(await (await fetch('card.json')).json());
    const said = %s.map(one => [...items.read('text', one).data].map(Number));
    const bytes = Uint8Array.from(atob('%s'), letter => letter.charCodeAt(0));
    const heard = buffer => new OfflineAudioContext(1, 1, items.about.audio.rate_hz).decodeAudioData(buffer);
    const read = items.read('audio', await heard(bytes.buffer));
    const played = await (await fetch(items.shown('audio', read, 0).src)).arrayBuffer();
    const back = said.map(one => items.said('text', one));
    return {said, back, read: [...read.data], again: [...items.read('audio', await heard(played)).data]};
})()"""
READY = """new Promise(done => { const look = () => document.querySelector("form button:not([type])").disabled
    ? setTimeout(look, 50) : done(document.getElementById("status").textContent); look(); })"""


@pytest.mark.slow
@pytest.mark.skipif(browser.PROGRAM is None or which("npm") is None, reason="needs Chromium and npm")
def test_one_draws_and_hears_in_a_browser(address: str, program: ModuleType, taken: Path, tmp_path: Path) -> None:
    """A stroke of the pen, then captions and sounds; at the width of a phone, in the dark, without a complaint."""
    with browser.browser(tmp_path / "profile") as page:
        page.show(address, width=390, height=800, dark=True)
        assert page.value(READY) == "Ready."
        assert page.value("document.documentElement.scrollWidth") <= 390
        page.draw([(0.5, 0.2), (0.5, 0.8), (0.5, 0.8)], on=".paper")
        assert page.value("document.querySelector('[name=image]').checked"), "who draws gives a picture"
        page.value("document.querySelector('form').requestSubmit()")
        assert page.value(READY).startswith("6 samples in ")
        assert page.value("document.querySelectorAll('li q').length") == 6
        sounds = page.value(
            "Promise.all([...document.querySelectorAll('li audio')].map(async ({src}) => "
            "[...new Uint8Array(await (await fetch(src)).arrayBuffer())]))"
        )
        for sound in sounds:
            wave, rate_hz = soundfile.read(io.BytesIO(bytes(sound)))
            about = program.Model(taken).about["audio"]
            assert (rate_hz, len(wave)) == (about["rate_hz"], about["frames"] * about["hop"])
            assert 0.8 < np.abs(wave).max() <= 0.95
        for _ in range(60):
            page.press("Tab")
        page.value("document.querySelector('[name=image]').click()")
        page.value("document.querySelector('form').requestSubmit()")
        assert page.value(READY).startswith("6 samples in ")
        assert page.value("document.querySelectorAll('li canvas').length") == 6
        assert page.complaints() == []


@pytest.mark.slow
@pytest.mark.skipif(browser.PROGRAM is None or which("npm") is None, reason="needs Chromium and npm")
def test_a_browser_reads_and_writes_what_the_program_does(
    address: str, program: ModuleType, taken: Path, tmp_path: Path
) -> None:
    """Of words the same tokens, of a sound the same levels within two; of the same levels sounds that read alike."""
    model = program.Model(taken)
    captions = ["a bold red seven", "it's 7, said  slowly!", "où? 漢字 \u00e9 ..."]
    sound = model.sample({}, 1, 3)[0]["audio"]
    levels = model.items.read("audio", sound)
    with browser.browser(tmp_path / "profile") as page:
        page.show(address, width=900, height=800)
        asked = READ % (json.dumps(captions), base64.b64encode(sound).decode())
        told = page.value(asked)
        assert page.complaints() == []
    for caption, tokens, back in zip(captions, told["said"], told["back"], strict=True):
        np.testing.assert_array_equal(tokens, model.items.read("text", caption.encode()))
        assert back == model.items.write("text", np.array(tokens)).decode()
    read, again = (np.reshape(told[name], levels.shape) for name in ("read", "again"))
    assert np.abs(read - levels.astype(float)).max() <= 2
    here = model.items.read("audio", model.items.write("audio", levels)).astype(float)
    assert np.abs(again - levels).mean() < 1.3 * np.abs(here - levels).mean() + 1
