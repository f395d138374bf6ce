"""New samples, and from files of one's own: what is given is observed, the other modalities are made.

``python -m tools.generate --image seven.png`` makes captions and clips of a picture; with nothing given, whole samples
are made. There is an option a modality, called as the models call it. What is given is read as `preprocess` reads data.
A folder of files is as many inputs in one call. The folder `--out` gets a file a modality and sample, and index.html to
look and listen. Models are those in data/, the sampler's settings those of params.yaml.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import torch
from torch import Tensor

from stages.common.files import replace
from stages.common.modality import KINDS, TOKENS, Modality, kind_of, suffix_of, tensor_of
from stages.common.params import read_yaml
from stages.common.progress import progress
from stages.common.stage import fresh_folder, logged
from stages.data.kinds.modalities import MODALITIES
from stages.evaluation.page.examples import View, view
from stages.evaluation.page.templates import environment
from stages.generation.sampler import Sampler
from stages.learning.device import device
from tools.given import WRITTEN, Inputs, as_read, inputs
from tools.models import check_models, known, load_sampler
from tools.refusal import one_line

DATA, OUT = Path("data"), Path("data/made")
CHUNK, SHOWN = 256, 96  # samples that are made at a time; and that the page shows


class Block(NamedTuple):
    """An input and what was made of it."""

    called: str  # "" for the only one
    given: View
    made: Sequence[View]


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
        told = {name: getattr(chosen, name) for name in names if getattr(chosen, name) is not None}
        given = inputs(told, sampler)
        check_given(sampler, list(told))
        with new_folder(chosen.out) as folder, logged("generate"):
            total = deliver(folder, sampler, given, samples(sampler, given, chosen.count))
    made = ", ".join(sorted(suffix_of(name) for name in sampler.dataset.names if name not in told))
    whose = "" if "" in given else f" for {len(given)} inputs"
    print(f"generate: {total} samples of {made}{whose}; look at {chosen.out / 'index.html'}")


def arguments(names: Sequence[Modality]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="generate", description="samples, from what is given or from nothing")
    for name in names:
        called = KINDS[name.kind].called
        what, said = WRITTEN.get(tensor_of(name), ("FILE", ""))
        told = f"a {called} to start from{said.format(suffix_of(name.kind))}, or a folder of them{'/' * bool(said)}"
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


def check_given(sampler: Sampler, given: Sequence[str]) -> None:
    """Raises ValueError where nothing is left to make, or nothing can be made of what is given."""
    if len(given) == len(sampler.dataset.names):
        raise ValueError(f"expected a modality to be left to make, got all of {', '.join(given)}; give fewer")
    if given and not sampler.fused.width:
        raise ValueError(f"expected nothing given, because fuse.method is none, got {', '.join(given)}; give nothing")


def samples(
    sampler: Sampler, given: Inputs, count: int, make: Sequence[str] | None = None
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """`count` samples of each input, what each is called and its files by suffix, of the modalities `make`, or of all
    that are not given."""
    told, names = list(next(iter(given.values()))), sampler.dataset.names
    rest = [name for name in names if name not in told] if make is None else make
    features = observed(sampler, list(given.values()))
    called = [f"{stem}.{number}" if stem else str(number) for stem in given for number in range(count)]
    parts = features.repeat_interleave(count, 0).split(CHUNK)
    for number, part in enumerate(progress(parts, title="generate")):
        made = sampler.sample(stream_of(number), part, told, rest)
        yield from zip(called[number * CHUNK :], sampler.decode(made, rest), strict=False)


def observed(sampler: Sampler, given: Sequence[Mapping[Modality, bytes]]) -> Tensor:
    """Features (B, W) of inputs that all give the same modalities; those of the others are zero."""
    features = torch.zeros(len(given), sum(sampler.dataset.widths), device=device())
    for name in given[0]:
        features += sampler.encode([payloads[name] for payloads in given], name)
    return features


def stream_of(chunk: int) -> str:
    """What the random stream is called, of so many samples that are made together."""
    return f"own/{chunk}" if chunk else "own"


def deliver(folder: Path, sampler: Sampler, given: Inputs, made: Iterable[tuple[str, Mapping[str, bytes]]]) -> int:
    """The files of each sample, and the page that shows the first of them; returns how many samples there are."""
    names, shown, total = sampler.dataset.names, dict[str, list[View]](), 0
    for called, files in made:
        for file, content in named_files(called, files, names):
            replace(folder / file, content)
        total += 1
        if total <= SHOWN:
            shown.setdefault(called.rpartition(".")[0], []).append(view(files, names))
    read = {
        stem: {suffix_of(name): as_read(name, content, sampler) for name, content in given[stem].items()}
        for stem in shown
    }
    blocks = [Block(stem, view(read[stem], names), views) for stem, views in shown.items()]
    replace(folder / "index.html", render(blocks, total))
    return total


def named_files(called: str, files: Mapping[str, bytes], names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The files that people take away of a sample: what each is called, and its content."""
    for name in [name for name in names if suffix_of(name) in files]:
        file, content, module = f"{called}.{suffix_of(name)}", files[suffix_of(name)], MODALITIES[kind_of(name)]
        yield file, content + b"\n" if tensor_of(name) == TOKENS else content
        for other, extra in (module.also(content) if hasattr(module, "also") else {}).items():
            yield str(Path(file).with_suffix(f".{other}")), extra


def render(blocks: Sequence[Block], total: int) -> str:
    """The page that shows and plays them, in one file; says so where it is not all of them."""
    page = environment(Path(__file__).parent).get_template("generate.html")
    return page.render(blocks=blocks, shown=sum(len(block.made) for block in blocks), total=total)


def leave() -> None:
    """End here and now: to take PyTorch apart takes half a second. Workers, where there are any, are ended in order."""
    if not psutil.Process().children():
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
    leave()
