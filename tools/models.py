"""The trained models of a project, which make samples: those of this folder, or of another that is laid out alike."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from stages.common.files import read_json
from stages.common.modality import KINDS, Modality
from stages.common.params import Run, load
from stages.data.kinds.modalities import restore
from stages.features.codecs import load_codecs
from stages.fusion.dataset import FeatureDataset, Shape, widths_of
from stages.fusion.trained_fusion import load_fusion
from stages.generation.models.trained_generator import load_generator
from stages.generation.sampler import Generate, Sampler
from stages.learning.device import device
from stages.learning.training import set_up

HERE = Path()
NEEDED = ("data/preprocess/settings.json", "data/fuse/fusion.json", "data/train/generator.json")
CARD = "data/fuse/fusion.json"


def check_models(project: Path = HERE) -> None:
    """Raises ValueError when the models are not there."""
    for name in NEEDED:
        if not (project / name).is_file():
            raise ValueError(f"expected {project / name}, got none; make repro, or dvc pull where it was pushed")


def known(project: Path = HERE) -> list[Modality]:
    """The modalities of the models; without models, one of each kind."""
    file = project / CARD
    card = read_json(file) if file.is_file() else {"modalities": KINDS, "kinds": KINDS}
    return [Modality(*pair) for pair in zip(card["modalities"], card["kinds"], strict=True)]


def load_sampler(names: Sequence[Modality], out: Path, seed: int | None, project: Path = HERE) -> Sampler:
    """The models, with the settings of params.yaml beside them, and no data."""
    params, data, card = project / "params.yaml", project / "data", read_json(project / CARD)
    run = load(Run, "run", params)
    set_up(run.threads)
    return Sampler(
        empty(names, [tuple(shape) for shape in card["shapes"]]),
        load_codecs(names, data / "extract"), restore(names, data / "preprocess"),
        load_fusion(data / "fuse"), *load_generator(data / "train", names), load(Generate, "generate", params),
        run.seed if seed is None else seed, out,
    )  # fmt: skip


def empty(names: Sequence[str], shapes: list[Shape]) -> FeatureDataset:
    """The columns of the features, and no sample."""
    scale = torch.ones(sum(widths_of(shapes)), device=device())
    nothing = scale.expand(0, -1)
    there = torch.zeros(0, len(names), dtype=torch.bool, device=device())
    return FeatureDataset(tuple(names), shapes, nothing, there, np.array([]), nothing, scale)
