"""`python -m tools.generate`: what is given is observed, the rest is made; and nothing is lost or half-written."""

import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from stages.common.params import load
from stages.fusion import none
from stages.fusion.trained_fusion import TrainedFusion
from stages.generation.sampler import Generate, Sampler
from tests.clones import ROOT, environment, run, succeed
from tests.test_readme import commands, texts
from tools.generate import Block, check_given, main, render
from tools.models import empty

GENERATE = ("python", "-m", "tools.generate")
SEVEN = "a bold red seven, said at a slow pace in a high voice"  # as in the README


@pytest.fixture(scope="module")
def folder(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that ran, and in which the README's commands did."""
    copy = Path(shutil.copytree(built, tmp_path_factory.mktemp("own") / "clone", symlinks=True))
    told = [
        shlex.split(command)
        for command in commands(texts()[Path("README.md")])
        if command.startswith(" ".join(GENERATE))
    ]
    assert len(told) == 3
    for command in told:
        succeed(copy, *command)
    return copy


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same as the working folder: to start Python and PyTorch takes longer than what is asked of them."""
    monkeypatch.chdir(folder)
    handler = signal.getsignal(signal.SIGTERM)
    yield folder
    signal.signal(signal.SIGTERM, handler)


def generate(monkeypatch: pytest.MonkeyPatch, *told: str) -> None:
    """The command, in this process."""
    monkeypatch.setattr(sys, "argv", ["generate", *told])
    main()


def files(made: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in made.iterdir()}


@pytest.mark.slow
def test_the_readmes_commands_make_what_was_not_given(folder: Path) -> None:
    for name, count, suffixes in (("seven", 6, "png wav"), ("read", 6, "txt wav"), ("made", 16, "png txt wav")):
        made = files(folder / "data" / name)
        page = made.pop("index.html").decode()
        assert set(made) == {f"{number}.{suffix}" for number in range(count) for suffix in suffixes.split()}
        assert page.count("<li>") == count and ("Given" in page) == (name != "made")
        assert page.count("<audio") == count and "http" not in page.replace("http-equiv", "")


@pytest.mark.slow
def test_the_same_command_makes_the_same_bytes_and_another_seed_or_caption_others(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"same": (SEVEN, "7"), "seed": (SEVEN, "8"), "two": ("a thin blue two", "7")}
    for name, (caption, seed) in told.items():
        generate(monkeypatch, "--text", caption, "--seed", seed, "--out", f"data/{name}")
    seven, same, *others = (files(here / "data" / name) for name in ("seven", *told))
    assert seven == same  # run.seed of the tiny parameters is 7
    assert all(seven[name] != other[name] for other in others for name in ("0.wav", "0.png"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (["--image", "nope.png"], "--image: expected a file, got nope.png, which is none; correct the path"),
        (["--audio", "README.md"], "--audio README.md: expected a sound file, got "),
        (
            ["--image", "data/seven/0.png", "--audio", "data/seven/0.wav", "--text", ""],
            "expected a modality to be left",
        ),
        (["--count", "0"], "--count: expected 1 or more, got 0"),
        (["--out", "data/seven"], "--out: expected a new folder, got data/seven, which exists; name another"),
        (["--out", "stages/made"], "--out: expected a name of its own in data/ or a folder elsewhere, got stages/made"),
        (["--out", "data/report"], "--out: expected a "),
        (["--out", "/dev/null/made"], "--out: expected a folder that can be written, got /dev/null/made (Not a dir"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    here: Path, told: list[str], wanted: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in (here / "data").iterdir())
    with pytest.raises(SystemExit) as ended:
        generate(monkeypatch, "--out", "data/refused", *told)
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and out == ""
    assert err.startswith(f"generate: {wanted}") and err.count("\n") == 1
    assert sorted(path.name for path in (here / "data").iterdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize(("number", "said"), [(signal.SIGTERM, ""), (signal.SIGINT, "generate: interrupted\n")])
def test_what_is_stopped_leaves_nothing(folder: Path, number: signal.Signals, said: str) -> None:
    command = [sys.executable, *GENERATE[1:], "--count", "2000", "--out", "data/stopped"]
    as_in_a_terminal = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what runs in the background ignores it
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder), stderr=subprocess.PIPE, text=True, preexec_fn=as_in_a_terminal
    )
    while not (folder / "data/.stopped.part").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (128 + number, said)
    assert not any("stopped" in path.name for path in (folder / "data").iterdir())


@pytest.mark.slow
def test_a_first_sample_does_not_wait_for_what_it_does_not_need(folder: Path) -> None:
    """Each of these takes a second or so to be loaded."""
    code = "import sys; from tools.generate import main; main(); print(*sorted(sys.modules))"
    told = succeed(folder, "python", "-c", code, "--count", "1", "--out", "data/quick").split()
    assert "torch" in told
    assert not {
        "av",
        "diffusers",
        "librosa",
        "matplotlib",
        "numba",
        "pandas",
        "rdkit",
        "scipy.ndimage",
        "sklearn",
    } & set(told)


@pytest.mark.slow
def test_without_models_it_says_how_to_get_them(built: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(built, tmp_path / "clone", symlinks=True))
    shutil.rmtree(copy / "data/fuse")
    done = run(copy, *GENERATE)
    assert done.returncode == 2
    assert (
        done.stderr
        == "generate: expected data/fuse/fusion.json, got none; make repro, or dvc pull where it was pushed\n"
    )


def test_models_that_learned_no_fusion_are_given_nothing(tmp_path: Path) -> None:
    """They would make the same whatever is given, which nobody would notice."""
    names, settings = ("image", "text"), load(Generate, "generate", ROOT / "params.yaml")
    shapes: list[tuple[int, ...]] = [(2,), (3,)]
    fused = TrainedFusion(none.build(shapes, 6, none.Settings()), width=0, noise=0.0)
    sampler = Sampler(empty(names, shapes), {}, {}, fused, None, [], settings, 1, tmp_path)
    with pytest.raises(
        ValueError, match=r"^expected nothing given, because fuse\.method is none, got text; give nothing$"
    ):
        check_given(sampler, ["text"])


def test_the_page_shows_what_there_is_and_escapes_what_is_said() -> None:
    picture = "data:image/png;base64,AA=="
    page = render([Block("", {"text": "<script>"}, [{"image": picture}, {"image": picture, "text": ""}])], 2)
    assert "<script>" not in page and page.count("<q>") == 2 and "&lt;script&gt;" in page
    assert page.count("<img") == 2 and "<audio" not in page and "(empty)" in page and "The first" not in page
    few = render([Block("<b>", {}, [{"text": "seven"}]), Block("c", {}, [{"text": "two"}])], 3)
    assert "The first 2 of 3 samples" in few and "Made of &lt;b&gt;" in few


@pytest.mark.slow
def test_a_folder_is_as_many_inputs(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What two folders have of one name belongs together; each input gets samples and a place on the page."""
    for name in ("pictures", "sounds", "captions"):
        (tmp_path / name).mkdir()
    for number, called in enumerate(("b.1", "a")):
        shutil.copy(here / f"data/seven/{number}.png", tmp_path / f"pictures/{called}.png")
        shutil.copy(here / f"data/seven/{number}.wav", tmp_path / f"sounds/{called}.wav")
        (tmp_path / f"captions/{called}.txt").write_text("a thin two", encoding="utf-8")
    monkeypatch.setattr("tools.generate.CHUNK", 4)  # not all of an input's samples are of one chunk
    pictures, sounds, captions = (str(tmp_path / name) for name in ("pictures", "sounds", "captions"))
    generate(monkeypatch, "--image", pictures, "--audio", sounds, "--count", "3", "--out", "data/both")
    assert capsys.readouterr().out.startswith("generate: 6 samples of txt for 2 inputs; look at ")
    made = files(here / "data/both")
    assert set(made) == {"index.html"} | {f"{called}.{number}.txt" for called in ("a", "b.1") for number in range(3)}
    page = made["index.html"].decode()
    assert page.count("<li>") == 6 and page.index("Made of a") < page.index("Made of b.1")
    generate(monkeypatch, "--image", pictures, "--text", "a thin two", "--count", "1", "--out", "data/with")
    assert {"a.0.wav", "b.1.0.wav"} < set(files(here / "data/with"))
    generate(monkeypatch, "--text", f"{captions}/", "--count", "1", "--out", "data/read_captions")
    assert {"a.0.wav", "b.1.0.png"} < set(files(here / "data/read_captions"))


@pytest.mark.slow
def test_folders_that_cannot_be_read_are_one_line(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, sounds = tmp_path / "pictures", tmp_path / "sounds"
    for folder in (pictures, sounds):
        folder.mkdir()

    def said(*told: str) -> str:
        with pytest.raises(SystemExit) as ended:
            generate(monkeypatch, *told, "--out", "data/no")
        assert ended.value.code == 2 and not (here / "data/no").exists()
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1
        return err

    assert "expected a folder with files" in said("--image", str(pictures))
    (pictures / "a.png").write_bytes(b"no picture")
    assert f"--image {pictures / 'a.png'}: expected a picture" in said("--image", str(pictures))
    shutil.copy(here / "data/seven/0.png", pictures / "a.png")
    shutil.copy(here / "data/seven/0.wav", sounds / "b.wav")
    assert "expected a file called " in said("--image", str(pictures), "--audio", str(sounds))
    shutil.copy(here / "data/seven/0.png", pictures / "a.jpg")
    assert "expected one file called a, got two" in said("--image", str(pictures))
