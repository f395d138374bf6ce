"""This project's models at a budget: the stages themselves, in a folder of their own and one process.

Data and judges are those of the working tree. All that the process uses counts: imports, reading, the features of every
copy. Beside `run.seed` and `run.threads` only what a preset of the budget says is otherwise.
"""

import resource
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.numpy import load_file

from stages.common.files import replace
from stages.common.modality import kind_of
from stages.common.params import PARAMS, load_modalities, merged, read_yaml
from stages.generation.sampler import Sampler
from tools.models import load_sampler
from tools.peers.clock import Clock, peak_mib
from tools.peers.items import Items
from tools.peers.trained import Given, Trained
from tools.scale import run_module

PRESETS = {120.0: Path(__file__).with_name("120.yaml")}  # at the other budgets params.yaml as it is takes less than 600
COPIES = {120.0: 2}  # of each train sample, of the eight that there are
TAKEN = ("stages", "tools", "dvc.yaml", "models", "data/acquire")  # what the stages read beside data/preprocess


def train(items: Items, seed: int, budgets: Sequence[float], clock: Clock) -> Iterator[Trained]:
    """The models at each budget; those without a preset share a training. Raises ValueError when a stage fails."""
    budget, root = min(budgets), Path.cwd()
    with TemporaryDirectory(prefix="peers-") as place:
        folder = Path(place)
        (folder / "data").mkdir()
        for path in TAKEN:
            (folder / path).symlink_to(root / path)
        fewer_copies(items.names, root / "data/preprocess", folder / "data/preprocess", COPIES.get(budget))
        params = read_yaml(PARAMS)
        if budget in PRESETS:
            params = merged(params, read_yaml(PRESETS[budget]), PRESETS[budget].name)
        params["run"] = {"seed": seed, "threads": 1}
        replace(folder / PARAMS, yaml.safe_dump(params))
        run_module(folder, "tools.peers.pipeline")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = clock.seconds() + used.ru_utime + used.ru_stime
        sampler = load_sampler(load_modalities(), folder / "unused", seed, folder)
        files = [folder / f"data/extract/{name}/codec.safetensors" for name in items.names]
        files += [file for layer in ("fuse", "train") for file in (folder / "data" / layer).glob("*.safetensors")]
        weights = sum(array.size for file in files for array in load_file(file).values())
        peak, taken = peak_mib(resource.RUSAGE_CHILDREN), steps(params, items.names)
        if seconds > budget:
            raise ValueError(f"expected at most {budget:.0f} CPU seconds, took {seconds:.0f}; take fewer steps for it")
        for granted in budgets:
            yield Trained(granted, seconds, taken, weights, peak, partial(sample, sampler))


def fewer_copies(names: Sequence[str], source: Path, folder: Path, count: int | None) -> None:
    """What `preprocess` left, with the first copies of each train sample only; None: all of them."""
    if count is None:
        folder.symlink_to(source)
        return
    folder.mkdir()
    augmented = {f"{name}.augmented.npy" for name in names}
    for path in source.iterdir():
        if path.name not in augmented:
            (folder / path.name).symlink_to(path)
    there = read_yaml(PARAMS)["preprocess"]["variants"]
    for name in augmented:
        copies = np.load(source / name, mmap_mode="r")
        np.save(folder / name, copies.reshape(-1, there, *copies.shape[1:])[:, :count].reshape(-1, *copies.shape[1:]))


def steps(params: Mapping[str, Any], names: Sequence[str]) -> int:
    """Of all trainings: the codecs, the fusion, the prior and a decoder of each modality."""
    train = params["train"]
    codecs = sum(params["extract"][kind_of(name)]["steps"] for name in names)
    return int(codecs + params["fuse"]["steps"] + train["prior"]["steps"] + len(names) * train["decoders"]["steps"])


def sample(sampler: Sampler, given: Given, count: int, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Items of the `wanted` modalities."""
    names, widths = sampler.dataset.names, sampler.dataset.widths
    features = torch.zeros(count, sum(widths))
    with torch.no_grad():
        for name, columns in zip(names, features.split(widths, -1), strict=True):
            if name in given:
                columns.copy_(sampler.codecs[name].encode(given[name]).flatten(1))
        made = sampler.sample("+".join(given) or "nothing", features, list(given), wanted)
        parts = zip(names, sampler.dataset.shapes, made.split(widths, -1), strict=True)
        decoded = ((name, shape, part) for name, shape, part in parts if name in wanted)
        return {name: sampler.codecs[name].decode(part.unflatten(-1, shape)) for name, shape, part in decoded}
