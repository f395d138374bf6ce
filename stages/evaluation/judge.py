"""Layer 5, first stage: the judges, trained on the judge split, which neither codecs, fusion nor generator see.

Pictures and clips: a convolutional classifier each, one head for every attribute that the modality always shows.
Captions need none: the grammar is read exactly.
Writes below data/judge: a classifier, its card and its loss curve per judged modality.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from stages.common.cards import last, origin
from stages.common.files import read_json, read_table, write_json, write_table
from stages.common.learning import Training, optimise, set_up, stream
from stages.common.networks import initialise, write_weights
from stages.common.params import Run, Strict, load, load_modalities
from stages.common.processes import alone, training_stage
from stages.common.together import together
from stages.evaluation.classifier import Classifier, moved

CLEAN = Path("data/preprocess")
STILL = 0.3  # share of the items that a step leaves unmoved: moving blurs, and real items are sharp
SMOOTHING = 0.05  # of the labels: a judge should not be surer than its data
AVERAGE = 0.99  # decay of the moving average of the weights


class Judge(Strict):
    """Section `judge`."""

    image: Training
    audio: Training


def main() -> None:
    """Write data/judge."""
    with training_stage("judge") as door:
        settings, run = load(Judge, "judge"), load(Run, "run")
        set_up(run.threads)
        attributes = read_json(CLEAN / "attributes.json")
        samples = read_table(CLEAN / "samples.csv", text=("id", *attributes))
        known = {
            name: {a: about["values"] for a, about in attributes.items() if name in about["shown_by"]}
            for name in load_modalities()
            if name in SEEN
        }
        taught = {
            name: teach(name, values, samples, getattr(settings, name), run.seed, door.state)
            for name, values in known.items()
        }
        alone()
        for name, (judge, curve) in taught.items():
            write_weights(door.out / f"{name}.safetensors", judge)
            inputs = [CLEAN / "samples.csv", CLEAN / f"{name}.clean.npy"]
            card = origin(settings, run, inputs, {"losses": last(curve)})
            shape = {"channels": judge.channels, "values": known[name]}
            write_json(door.out / f"{name}.json", shape | {"origin": card})
            write_table(door.out / f"{name}.curve.csv", curve)


def teach(
    name: str, values: Mapping[str, list[str]], samples: pd.DataFrame, training: Training, seed: int, state: Path
) -> tuple[Classifier, pd.DataFrame]:
    """The judge of one modality and its loss curve, from the real items of the judge split."""
    rows = (samples["split"].eq("judge") & samples[f"has_{name}"]).to_numpy()
    items = SEEN[name](np.load(CLEAN / f"{name}.clean.npy", mmap_mode="r")[rows])
    labels = {attribute: labels_of(samples[attribute][rows], known) for attribute, known in values.items()}
    judge = Classifier(items.shape[1], {attribute: len(known) for attribute, known in values.items()})
    initialise(judge, stream(seed, f"judge/{name}/weights"))

    def loss(stream: Generator) -> dict[str, Tensor]:
        drawn = torch.randint(len(items), (training.batch,), generator=stream)
        still = torch.rand(len(drawn), 1, 1, 1, generator=stream) < STILL
        scores = judge.scores(together(judge, torch.where(still, items[drawn], MOVES[name](items[drawn], stream))))
        return {a: cross_entropy(s.float(), labels[a][drawn], label_smoothing=SMOOTHING) for a, s in scores.items()}

    curve = optimise(judge, loss, training, average=AVERAGE, seed=seed, name=f"judge/{name}", state=state)
    return judge, curve


def labels_of(column: pd.Series, values: list[str]) -> Tensor:
    """The position of each label among the attribute's values: (N,) int64."""
    return torch.tensor([values.index(str(label)) for label in column])


def seen_image(pictures: np.ndarray) -> Tensor:
    """(N, S, S, 3) uint8 -> (N, 3, S, S) in [0, 1], paper 0: what moves in from outside is paper."""
    return 1 - torch.tensor(pictures, dtype=torch.float32).permute(0, 3, 1, 2) / 255


def seen_audio(levels: np.ndarray) -> Tensor:
    """(N, F, T) uint8 -> (N, 1, F, T) in [0, 1]."""
    return torch.tensor(levels, dtype=torch.float32)[:, None] / 255


def move_image(x: Tensor, stream: Generator) -> Tensor:
    """Turned, sheared, shifted; hardly zoomed, which would change the weight of the strokes."""
    return moved(x, stream, turn=15, zoom=0.05, shear=0.2, shift=(0.12, 0.12))


def move_audio(x: Tensor, stream: Generator) -> Tensor:
    """Shifted in time, louder or softer where there is sound, noisy."""
    x = moved(x, stream, turn=0, zoom=0, shear=0, shift=(0.15, 0.02))
    gain = 0.2 * (torch.rand(len(x), 1, 1, 1, generator=stream) - 0.5)
    return (x + gain * (x > 0) + 0.05 * torch.randn(x.shape, generator=stream)).clamp(0, 1)


SEEN: dict[str, Callable[[np.ndarray], Tensor]] = {"image": seen_image, "audio": seen_audio}
MOVES: dict[str, Callable[[Tensor, Generator], Tensor]] = {"image": move_image, "audio": move_audio}


def load_judges(folder: Path) -> dict[str, tuple[Classifier, dict[str, Any]]]:
    """The trained judges that this stage kept in `folder`, with the values of their attributes."""
    judges = {}
    for name in SEEN:
        if (folder / f"{name}.json").exists():
            card = read_json(folder / f"{name}.json")
            judge = Classifier(card["channels"], {a: len(known) for a, known in card["values"].items()})
            judge.load_state_dict(load_file(folder / f"{name}.safetensors"))
            judges[name] = (judge.eval().requires_grad_(False), card["values"])
    return judges


if __name__ == "__main__":
    main()
