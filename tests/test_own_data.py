"""docs/own-data.md, word for word: three blocks in a clone as Git gives it, two where the main job ran.

Only addresses and the home folder are of this machine. The first block runs the whole tiny pipeline. The others run
its layer 1 alone, behind which all data of one's own are alike, and the last one its codecs.
"""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from stages.common.files import read_json, read_table
from stages.common.params import read_yaml
from stages.features.hugging_face import EXTRA
from tests.clones import ALONE, ROOT, run, succeed
from tests.data.home import clip, picture, serving
from tests.data.sources.test_tar_shards import tar
from tests.features.test_pretrained_autoencoder import checkpoint
from tests.toy import commit, committed, copied, git_clone, stale

pytestmark = pytest.mark.slow

KINDS = ("wren", "owl", "tern")
COUNT = 48
SPOKEN = [f"{digit}_{who}_{take}" for digit in range(3) for who in ("jackson", "theo") for take in range(8)]


def blocks() -> dict[str, str]:
    """The page's blocks of commands, by how they let the data be read."""
    text = (ROOT / "docs/own-data.md").read_text(encoding="utf-8")
    found = re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return {re.findall(r"fsdd|codec=\w+|source=\w+", block)[0].rpartition("=")[2]: block for block in found}


def birds(number: int) -> dict[str, bytes]:
    """A picture, a caption and a clip of one kind of bird."""
    kind = KINDS[number % 3]
    told = f"a {kind} on branch {number % 5}".encode()
    return {"png": picture(9 * number + 40 * (number % 3)), "txt": told, "wav": clip(150 + 100 * (number % 3) + number)}


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def project(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline as its author commits it, dvc.lock included; the main job has run here."""
    return committed(built, tmp_path_factory.mktemp("own") / "project")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with birds in folders by kind."""
    folder = tmp_path_factory.mktemp("home")
    for number in range(COUNT):
        name = f"birds/{KINDS[number % 3]}/{number}"
        put(folder, {f"{name}.{suffix}": content for suffix, content in birds(number).items()})
    return folder


def layer_one(folder: Path, *, last: str = "preprocess") -> Path:
    """The pipeline cut behind `preprocess`, or another stage."""
    known = list(read_yaml(folder / "dvc.yaml")["stages"].items())
    count = [name for name, _ in known].index(last) + 1
    cut = {"stages": dict(known[:count])}
    (folder / "dvc.yaml").write_text(yaml.safe_dump(cut), encoding="utf-8")
    commit(folder, "First layers")
    return folder


def follow(folder: Path, home: Path, block: str) -> None:
    """Type a block of commands into a shell."""
    succeed(folder, *ALONE, f"HOME={home}", "bash", "-e", "-c", block)


def samples(folder: Path) -> set[str]:
    assert read_table(folder / "data/preprocess/rejects.csv").empty
    assert not stale(folder)
    return set(read_table(folder / "data/preprocess/samples.csv", text=("id",))["id"])


def folder_in_a_clone(project: Path, home: Path, tmp: Path) -> Path:
    here = git_clone(project, tmp / "here")
    follow(here, home, blocks()["folder"])
    return here


def table_of_a_store_that_changes(project: Path, home: Path, tmp: Path) -> Path:
    here, store = layer_one(copied(project, tmp / "here")), tmp / "team/birds"
    rows = ["id,image,text,audio,kind"]
    for number in range(COUNT):
        files = birds(number)
        put(store, {f"{number}.png": files["png"], f"{number}.wav": files["wav"]})
        rows.append(f"{number},{number}.png,{files['txt'].decode()},{number}.wav,{KINDS[number % 3]}")
    put(store, {"manifest.csv": "\n".join(rows).encode()})
    fetch, update, use = blocks()["manifest"].splitlines()
    follow(here, home, fetch.replace("s3://team", str(store.parent)))
    put(store, {"manifest.csv": "\n".join(rows[:-1]).encode()})
    follow(here, home, f"{update}\n{use}")
    return here


def shards_far_away(project: Path, home: Path, tmp: Path) -> Path:
    here = layer_one(git_clone(project, tmp / "here"))
    for shard in range(13):
        files = {f"{n}.{suffix}": made for n in range(shard, COUNT, 13) for suffix, made in birds(n).items()}
        put(tmp / "web", {f"birds-{shard:03d}.tar": tar(files)})
    block = blocks()["shards"]
    assert "birds-{000..012}.tar" in block
    with serving(tmp / "web") as address:
        follow(here, home, block.replace("https://example.org", address))
    return here


def digits_of_another_repository(project: Path, home: Path, tmp: Path) -> Path:
    there, here = tmp / "there", layer_one(copied(project, tmp / "here"))
    put(there, {f"recordings/{name}.wav": clip(100 + 4 * n, rate_hz=8000) for n, name in enumerate(SPOKEN)})
    succeed(there, "git", "init", "--quiet")
    commit(there, "Start")
    follow(here, home, re.sub(r"https://github\.com/\S+", f"file://{there}", blocks()["fsdd"]))
    return here


def model_that_learned_elsewhere(project: Path, home: Path, tmp: Path) -> Path:
    here = layer_one(git_clone(project, tmp / "here"), last="extract")
    checkpoint(tmp / "web", "AutoencoderTiny")
    install, *block = blocks()["pretrained"].splitlines()
    assert install == EXTRA
    with serving(tmp / "web") as address:
        follow(here, home, re.sub(r"https://huggingface\.co/\S+/main", address, "\n".join(block)))
    return here


BLOCKS = (folder_in_a_clone, table_of_a_store_that_changes, shards_far_away, digits_of_another_repository)


@pytest.fixture(scope="module")
def followed(project: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where each block was followed, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        runs = {one.__name__: pool.submit(one, project, home, tmp_path_factory.mktemp("block")) for one in BLOCKS}
        return {name: run.result() for name, run in runs.items()}


def test_every_block_is_tried() -> None:
    """The README's own block is the first."""
    assert list(blocks()) == ["folder", "manifest", "shards", "fsdd", "pretrained"]
    assert f"```bash\n{blocks()['folder']}```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_folder_and_what_a_teammate_gets_of_it(followed: dict[str, Path], tmp_path: Path) -> None:
    here, there = followed["folder_in_a_clone"], tmp_path / "there"
    assert samples(here) == {f"{KINDS[n % 3]}/{n}" for n in range(COUNT)}
    assert (here / "data/report/index.html").is_file()
    assert read_json(here / "data/judge/attributes.json")["class"]["values"] == sorted(KINDS)
    succeed(here, "dvc", "remote", "modify", "store", "url", str(tmp_path / "store"))
    commit(here, "Birds")
    succeed(here, "dvc", "push", "--quiet")
    git_clone(here, there)
    succeed(there, "dvc", "pull", "--quiet")
    assert samples(there) == samples(here)
    for number in range(COUNT):
        name = f"data/birds/{KINDS[number % 3]}/{number}.png"
        assert (there / name).read_bytes() == birds(number)["png"]


def test_a_table_of_a_store_that_changes(followed: dict[str, Path]) -> None:
    assert samples(followed["table_of_a_store_that_changes"]) == {f"{number}" for number in range(COUNT - 1)}


def test_shards_far_away(followed: dict[str, Path]) -> None:
    assert samples(followed["shards_far_away"]) == {f"{number}" for number in range(COUNT)}


def test_spoken_digits_of_another_repository(followed: dict[str, Path]) -> None:
    here = followed["digits_of_another_repository"]
    assert samples(here) == set(SPOKEN)
    known = read_json(here / "data/preprocess/attributes.json")
    assert known["digit"] == {"values": ["0", "1", "2"], "shown_by": ["audio"], "assumed": True}
    assert known["speaker"]["values"] == ["jackson", "theo"]
    (here / "data/fsdd/0_jackson_0.wav").write_bytes(clip(99))
    assert "acquire" in stale(here), "changed data must be acquired again"


@pytest.mark.proof
def test_a_model_that_learned_elsewhere(project: Path, home: Path, tmp_path: Path) -> None:
    here = model_that_learned_elsewhere(project, home, tmp_path)
    card = read_json(here / "data/extract/image/codec.json")
    assert card["codec"] == "pretrained" and card["source"]["path"] == "models/image/taesd"
    assert not stale(here)
    (here / "models/image/taesd/config.json").write_text("{}", encoding="utf-8")
    assert {name for name in stale(here) if name.startswith("extract")} == {"extract@image"}


@pytest.mark.parametrize("state", ["clone", "main job"])
@pytest.mark.parametrize("mistake", ["no folder", "no sample"])
def test_a_run_that_fails_leaves_everything_as_it_was(
    state: str, mistake: str, project: Path, home: Path, tmp_path: Path
) -> None:
    """But for its settings, which stay in params.yaml, and the outputs that DVC takes away before a stage runs."""
    here = git_clone(project, tmp_path / "here") if state == "clone" else copied(project, tmp_path / "here")
    *prepare, use = blocks()["folder"].splitlines()
    follow(here, home, "\n".join(prepare))
    if mistake == "no sample":
        shutil.rmtree(here / "data/birds")
        put(here, {"data/birds/notes.docx": b"?"})
        succeed(here, "dvc", "add", "--quiet", "data/birds")
    else:
        use = use.replace("path=data/birds", "path=data/bird")
    before, files = succeed(here, "git", "status", "--short"), everything(here)
    done = run(here, "bash", "-c", use)
    assert done.returncode and "Traceback" not in done.stderr, done.stderr
    assert succeed(here, "git", "status", "--short").replace(" M params.yaml\n", "") == before
    if state == "main job":
        succeed(here, "dvc", "checkout", "--quiet")
    assert everything(here) == files
    changed = succeed(here, "git", "diff", "--unified=0", "params.yaml").splitlines()[5:]
    assert len(changed) == 4 and all(re.match(r"[-+]  (source|path): ", line) for line in changed), changed
    succeed(here, "git", "checkout", "--quiet", "params.yaml")
    assert succeed(here, "git", "status", "--short") == before


def everything(folder: Path) -> dict[str, bytes]:
    """All files that are the user's: the data, what was made of it, what Git keeps, but for params.yaml."""
    hidden = (".git", ".dvc", ".resume", ".site-cache", "logs")
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    names = {path.relative_to(folder): path for path in paths}
    return {
        str(name): path.read_bytes()
        for name, path in names.items()
        if name.parts[0] not in hidden and name != Path("params.yaml")
    }
