"""`make exported`: what a model that is taken along weighs, how fast it is and what it loses, at each precision.

From the same noise the models here and their graphs make samples from nothing. `joint` is the share of samples of which
the judge reads the same in all modalities, `agree` that of which it reads in each what it reads in those made here.
`first_s` is the time from a command to six samples on disk, `per_second` what follows, models loaded. The rows of
metrics/export.csv are of this working tree.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch

from stages.common.files import write_table
from stages.evaluation.metrics.judge_inference import judge
from stages.generation.sampler import Sampler
from tools.codecs import Judging, judging_of
from tools.export import PRECISIONS, PROGRAM, check_kinds, export
from tools.models import check_models, known, load_sampler
from tools.refusal import one_line

OUT, SAMPLES = Path("metrics/export.csv"), 500
GENERATE = (sys.executable, "-m", "tools.generate")
Noises = Mapping[str, np.ndarray]  # (N, L) of each model


def main() -> None:
    """Write the table, and print it."""
    argparse.ArgumentParser(prog="exported", description="size, speed and loss of a model taken along").parse_args()
    with one_line("exported"), torch.no_grad(), TemporaryDirectory() as place:
        check_models()
        sampler = load_sampler(known(), Path(place) / "unused", None)
        check_kinds(sampler.dataset.names, sampler)
        table = pd.DataFrame(list(rows(sampler, Path(place))))
        write_table(OUT, table)
    print(table.to_string(index=False, na_rep=""))


def rows(sampler: Sampler, place: Path) -> Iterator[dict[str, Any]]:
    """A row of the models here, and one of each precision."""
    sys.path.insert(0, str(PROGRAM))
    from run import Model

    folders = {precision: place / precision for precision in PRECISIONS}
    for precision, folder in folders.items():
        folder.mkdir()
        export(folder, sampler, precision)
    models = {precision: Model(folder) for precision, folder in folders.items()}
    rng = np.random.default_rng(sampler.seed)
    widths = models[PRECISIONS[0]].card["noise"].items()
    noises = {name: rng.standard_normal((SAMPLES, width), np.float32) for name, width in widths}

    judgings = {name: judging_of(name) for name in sampler.dataset.names}
    ours = read(made_here(sampler, noises), judgings)
    whole = partial(sampler.sample, "exported", nothing(sampler), [], sampler.dataset.names)
    yield {
        "made_by": "PyTorch",
        "mib": None,
        "first_s": first(GENERATE, place),
        "per_second": round(SAMPLES / seconds(lambda: sampler.decode(whole(), sampler.dataset.names)), 1),
        "joint": joint(ours),
        "agree": 1.0,
    }
    for precision, model in models.items():
        features = model.features({}, noises)
        theirs = read({name: model.run(f"decode-{name}", features=features[name]) for name in features}, judgings)
        yield {
            "made_by": f"ONNX, {precision}",
            "mib": round(sum(file.stat().st_size for file in folders[precision].iterdir()) / 2**20, 1),
            "first_s": first((sys.executable, str(folders[precision] / "run.py")), place),
            "per_second": round(SAMPLES / seconds(partial(model.sample, {}, SAMPLES, 1)), 1),
            "joint": joint(theirs),
            "agree": round(float((theirs == ours).all(axis=1).mean()), 3),
        }


def nothing(sampler: Sampler) -> torch.Tensor:
    return torch.zeros(SAMPLES, sum(sampler.dataset.widths))


def made_here(sampler: Sampler, noises: Noises) -> dict[str, np.ndarray]:
    """The tensors that the models here make from nothing, by modality."""
    names = sampler.dataset.names
    given, seen = nothing(sampler), torch.zeros(SAMPLES, len(names), dtype=torch.bool)
    features = sampler.draw(given, seen, [torch.from_numpy(noises[name]) for name in ("prior", *names)])
    parts = zip(names, features.split(sampler.dataset.widths, -1), sampler.dataset.shapes, strict=True)
    return {name: sampler.codecs[name].decode(part.unflatten(-1, shape)) for name, part, shape in parts}


def read(items: Mapping[str, np.ndarray], judgings: Mapping[str, Judging]) -> pd.DataFrame:
    """The key attribute as the judge of each modality reads it: a column a modality."""
    found = {}
    for name, tensors in items.items():
        labels, key = judge(name, tensors, *judgings[name]).labels, judgings[name].key
        if key in labels:
            found[name] = labels[key]
    return pd.DataFrame(found)


def joint(found: pd.DataFrame) -> float:
    """A caption that leaves the digit out does not agree, other than in `coherence.joint`, which leaves it out, too."""
    return round(float(found.eq(found.iloc[:, 0], axis=0).all(axis=1).mean()), 3)


def first(command: Sequence[str], place: Path) -> float:
    """Seconds that a command takes to write six samples."""
    names = iter(("before", "after"))

    def make() -> None:
        made = place / next(names)
        subprocess.run([*command, "--out", str(made)], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(made)

    return round(seconds(make), 1)


def seconds(make: Callable[[], object]) -> float:
    """How long it takes the second time, when what is read lies in memory."""
    make()
    begin = perf_counter()
    make()
    return perf_counter() - begin


if __name__ == "__main__":
    main()
