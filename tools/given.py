"""What `tools.generate` is given: files, folders of them, or what stands in the command itself.

A folder gives an input a file, called as the file is without its suffix; files of two folders belong together by that.
Each is read as `preprocess` reads data. What it would turn away is refused, and then nothing is made.
"""

from collections.abc import Mapping
from pathlib import Path

from stages.common.modality import TOKENS, VALUE, Modality, kind_of, suffix_of, tensor_of
from stages.data.kinds.modalities import MODALITIES
from stages.generation.sampler import Sampler

WRITTEN = {TOKENS: ("TEXT", ", or a .{} file"), VALUE: ("VALUE", "")}  # what may stand in the command itself
Inputs = Mapping[str, Mapping[Modality, bytes]]  # of each input, called "" without a folder: payloads by modality


def inputs(told: Mapping[Modality, str | Path], sampler: Sampler) -> Inputs:
    """The payloads of each input. Raises ValueError for what can't be read, or is in one folder and not in another."""
    folders = {name: stems(name, Path(value)) for name, value in told.items() if is_folder(name, value)}
    called = sorted({stem for found in folders.values() for stem in found}) if folders else [""]
    for name, found in folders.items():
        if lacking := [stem for stem in called if stem not in found]:
            wanted = f"a file called {lacking[0]}, as elsewhere"
            raise ValueError(f"--{name} {told[name]}: expected {wanted}, got none; add it")
    alone = {name: payload(name, value, sampler) for name, value in told.items() if name not in folders}
    return {
        stem: alone | {name: payload(name, found[stem], sampler) for name, found in folders.items()} for stem in called
    }


def is_folder(name: str, told: str | Path) -> bool:
    """Is a folder given? One of captions ends in a slash: the same without it is a caption."""
    return str(told).endswith("/") if tensor_of(name) in WRITTEN else Path(told).is_dir()


def stems(name: str, folder: Path) -> dict[str, Path]:
    """The files of a folder by their names; hidden ones are left out. Raises ValueError where two names are alike."""
    found: dict[str, Path] = {}
    for file in sorted(file for file in folder.glob("[!.]*") if file.is_file()):
        if file.stem in found:
            raise ValueError(f"--{name} {folder}: expected one file called {file.stem}, got two; take one away")
        found[file.stem] = file
    if not found:
        raise ValueError(f"--{name}: expected a folder with files, got {folder}, which has none; correct the path")
    return found


def payload(name: str, told: str | Path, sampler: Sampler) -> bytes:
    """The bytes of what is given as modality `name`; those that `preprocess` would turn away are refused."""
    if name not in sampler.dataset.names:
        raise ValueError(
            f"--{name}: expected one of {', '.join(sampler.dataset.names)}, which the models know; leave it out"
        )
    return checked(name, read(name, told), sampler, f"--{name} {told}")


def checked(name: str, content: bytes, sampler: Sampler, where: str | None = None) -> bytes:
    """The bytes, if `preprocess` would read them. Raises ValueError that says `where` they are from if not."""
    try:
        MODALITIES[kind_of(name)].read(content, sampler.fitted[name])
    except ValueError as error:
        raise ValueError(f"{where or name}: {error}") from error
    return content


def read(name: str, told: str | Path) -> bytes:
    """The bytes of a file, or those of a caption or the like that is told itself."""
    itself = isinstance(told, str) and not (tensor_of(name) == TOKENS and told.endswith(f".{suffix_of(kind_of(name))}"))
    if not itself and not Path(told).is_file():
        raise ValueError(f"--{name}: expected a file, got {told}, which is none; correct the path")
    return str(told).encode() if itself else Path(told).read_bytes()


def as_read(name: str, content: bytes, sampler: Sampler) -> bytes:
    """What is given as the models see it: a file of the working size or rate."""
    module, fitted = MODALITIES[kind_of(name)], sampler.fitted[name]
    seen: bytes = module.write(module.tensor(module.read(content, fitted), fitted), fitted)
    return seen
