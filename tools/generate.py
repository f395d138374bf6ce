"""New samples, and from files of one's own: what is given is observed, the other modalities are made.

``python -m tools.generate --image seven.png`` makes captions and clips of a picture; with nothing given, whole samples
are made. There is an option a modality, called as the models call it. What is given is read as `preprocess` reads data.
The folder `--out` gets a file a modality and sample, and index.html to look and listen. Models are those in data/, the
sampler's settings those of params.yaml.
"""

import argparse
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from stages.common.files import read_json, replace
from stages.common.modality import KINDS, TOKENS, VALUE, Modality, kind_of, suffix_of, tensor_of
from stages.common.params import Run, load, read_yaml
from stages.common.stage import fresh_folder, logged
from stages.data.kinds.modalities import MODALITIES, restore
from stages.evaluation.page.examples import View, view
from stages.evaluation.page.page import environment
from stages.features.codecs import load_codecs
from stages.fusion.dataset import FeatureDataset, Shape, widths_of
from stages.fusion.fuse import load_fusion
from stages.generation.sampler import Generate, Sampler
from stages.generation.train import load_generator
from stages.learning.device import device
from stages.learning.training import set_up
from tools.refusal import one_line

NEEDED = ("preprocess/settings.json", "fuse/fusion.json", "train/generator.json")
DATA, OUT, CARD = Path("data"), Path("data/made"), Path("data/fuse/fusion.json")


WRITTEN = {TOKENS: ("TEXT", ", or a .{} file"), VALUE: ("VALUE", "")}  # what may stand in the command itself


def main() -> None:
    """Write a folder of samples; refuses what it can't read and a folder that exists."""
    names = known()
    chosen = arguments(names)
    with one_line("generate"), torch.no_grad():
        if chosen.count < 1:
            raise ValueError(f"--count: expected 1 or more, got {chosen.count}; make at least one")
        check_place(chosen.out)
        check_models()
        with logged("generate"):
            sampler = load_sampler(names, chosen.out, chosen.seed)
        told = {name: getattr(chosen, name) for name in names}
        given: dict[str, bytes] = {
            name: payload(name, value, sampler) for name, value in told.items() if value is not None
        }
        check_given(sampler, given)
        with new_folder(chosen.out) as folder:
            with logged("generate"):
                made = samples(sampler, given, chosen.count)
            deliver(folder, sampler, given, made)
    print(f"generate: {len(made)} samples of {', '.join(sorted(made[0]))}; look at {chosen.out / 'index.html'}")


def known() -> list[Modality]:
    """The modalities of the models in data/; without models, one of each kind."""
    card = read_json(CARD) if CARD.is_file() else {"modalities": KINDS, "kinds": KINDS}
    return [Modality(*pair) for pair in zip(card["modalities"], card["kinds"], strict=True)]


def arguments(names: Sequence[Modality]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="generate", description="samples, from what is given or from nothing")
    for name in names:
        called = KINDS[name.kind].called
        what, said = WRITTEN.get(tensor_of(name), ("FILE", ""))
        told = f"a {called} to start from{said.format(suffix_of(name.kind))}"
        parser.add_argument(f"--{name}", type=str if said or what == "VALUE" else Path, metavar=what, help=told)
    parser.add_argument("--count", type=int, default=6, metavar="N", help="samples to make: 6")
    parser.add_argument("--seed", type=int, metavar="N", help="others with another; run.seed")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help=f"a new folder: {OUT}")
    return parser.parse_args()


def check_place(out: Path) -> None:
    """Raises ValueError where a folder would be in the way: of what is there, of Git, of DVC."""
    place, project = out.resolve(), Path.cwd()
    if place.exists():
        raise ValueError(f"--out: expected a new folder, got {out}, which exists; name another")
    taken = place.name in read_yaml(Path("dvc.yaml"))["stages"]
    if project in place.parents and (place.parent != project / DATA or taken):
        raise ValueError(f"--out: expected a name of its own in {DATA}/ or a folder elsewhere, got {out}; name another")


def check_models() -> None:
    """Raises ValueError when the models are not there."""
    for name in NEEDED:
        if not (DATA / name).is_file():
            raise ValueError(f"expected {DATA / name}, got none; make repro, or dvc pull where it was pushed")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to fill that becomes `out` when all went well, and else goes."""
    part = out.with_name(f".{out.name}.part")
    try:
        fresh_folder(part)
        yield part
        part.rename(out)
    except OSError as error:
        raise ValueError(f"--out: expected a folder that can be written, got {out} ({error.strerror})") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load_sampler(names: Sequence[Modality], out: Path, seed: int | None) -> Sampler:
    """The models below data/, and no data."""
    run, card = load(Run, "run"), read_json(CARD)
    set_up(run.threads)
    return Sampler(
        empty(names, [tuple(shape) for shape in card["shapes"]]),
        load_codecs(names, DATA / "extract"), restore(names, DATA / "preprocess"),
        load_fusion(DATA / "fuse"), *load_generator(DATA / "train", names), load(Generate, "generate"),
        run.seed if seed is None else seed, out,
    )  # fmt: skip


def empty(names: Sequence[str], shapes: list[Shape]) -> FeatureDataset:
    """The columns of the features, and no sample."""
    scale = torch.ones(sum(widths_of(shapes)), device=device())
    nothing = scale.expand(0, -1)
    there = torch.zeros(0, len(names), dtype=torch.bool, device=device())
    return FeatureDataset(tuple(names), shapes, nothing, there, np.array([]), nothing, scale)


def payload(name: str, told: str | Path, sampler: Sampler) -> bytes:
    """The bytes of what is given as modality `name`; those that `preprocess` would turn away are refused."""
    if name not in sampler.dataset.names:
        raise ValueError(
            f"--{name}: expected one of {', '.join(sampler.dataset.names)}, which the models know; leave it out"
        )
    itself = tensor_of(name) in WRITTEN and not (tensor_of(name) == TOKENS and is_file(name, str(told)))
    if not itself and not Path(told).is_file():
        raise ValueError(f"--{name}: expected a file, got {told}, which is none; correct the path")
    content = str(told).encode() if itself else Path(told).read_bytes()
    try:
        MODALITIES[kind_of(name)].read(content, sampler.fitted[name])
    except ValueError as error:
        raise ValueError(f"--{name} {told}: {error}") from error
    return content


def is_file(name: str, told: str) -> bool:
    """Is what is told of a caption, or the like, the name of a file?"""
    return told.endswith(f".{suffix_of(kind_of(name))}")


def as_read(name: str, content: bytes, sampler: Sampler) -> bytes:
    """What is given as the models see it: a file of the working size or rate."""
    module, fitted = MODALITIES[kind_of(name)], sampler.fitted[name]
    seen: bytes = module.write(module.tensor(module.read(content, fitted), fitted), fitted)
    return seen


def check_given(sampler: Sampler, given: Mapping[str, bytes]) -> None:
    """Raises ValueError where nothing is left to make, or nothing can be made of what is given."""
    if len(given) == len(sampler.dataset.names):
        raise ValueError(f"expected a modality to be left to make, got all of {', '.join(given)}; give fewer")
    if given and not sampler.fused.width:
        raise ValueError(f"expected nothing given, because fuse.method is none, got {', '.join(given)}; give nothing")


def samples(sampler: Sampler, given: Mapping[str, bytes], count: int) -> list[dict[str, bytes]]:
    """`count` samples, as files by suffix, of the modalities that are not given."""
    rest = [name for name in sampler.dataset.names if name not in given]
    features = torch.zeros(1, sum(sampler.dataset.widths), device=device())
    for name, content in given.items():
        features += sampler.encode([content], name)
    made = sampler.sample("own", features.expand(count, -1), list(given))
    return sampler.decode(made, rest)


def deliver(folder: Path, sampler: Sampler, given: Mapping[str, bytes], made: Sequence[Mapping[str, bytes]]) -> None:
    """The files of each sample, and the page that shows them."""
    names = sampler.dataset.names
    for number, files in enumerate(made):
        for name in [name for name in names if suffix_of(name) in files]:
            suffix, content, module = suffix_of(name), files[suffix_of(name)], MODALITIES[kind_of(name)]
            replace(folder / f"{number}.{suffix}", content + b"\n" if tensor_of(name) == TOKENS else content)
            for other, extra in (module.also(content) if hasattr(module, "also") else {}).items():
                replace((folder / f"{number}.{suffix}").with_suffix(f".{other}"), extra)
    read = {suffix_of(name): as_read(name, content, sampler) for name, content in given.items()}
    replace(folder / "index.html", render(view(read, names), [view(files, names) for files in made]))


def render(given: View, made: Sequence[View]) -> str:
    """The page that shows and plays them, in one file."""
    return environment(Path(__file__).parent).get_template("generate.html").render(given=given, made=made)


if __name__ == "__main__":
    main()
