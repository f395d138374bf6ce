"""Layer 3: one unified representation for any subset of the modalities.

Writes below data/fuse: the fusion and its card, the representations of all samples under the usual subsets
(`modality_subsets.py`), the loss curve, and of `attention` which modalities it attends to.
"""

from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Generator, Tensor, nn

from stages.common.files import read_json, write_json, write_table, write_tensors
from stages.common.modality import kind_of
from stages.common.modality_subsets import subset_name, usual_subsets
from stages.common.params import Run, load, load_modalities
from stages.fusion import attention, concat, gated, matrix, none
from stages.fusion.dataset import FeatureDataset, feature_files, read_features
from stages.fusion.objective import Learning
from stages.learning.budget import sized
from stages.learning.device import device
from stages.learning.distributed import others_leave, training_stage
from stages.learning.masks import mask
from stages.learning.model_cards import last, origin
from stages.learning.networks import write_weights
from stages.learning.training import add_noise, set_up

FUSIONS: dict[str, ModuleType] = {
    "none": none,
    "concat": concat,
    "matrix": matrix,
    "gated": gated,
    "attention": attention,
}


class Fuse(Learning):
    """Section `fuse`."""

    method: Literal["none", "concat", "matrix", "gated", "attention"]
    none: none.Settings
    concat: concat.Settings
    matrix: matrix.Settings
    gated: gated.Settings
    attention: attention.Settings


class TrainedFusion(nn.Module):
    """A trained fusion with the noise under which it was learned."""

    def __init__(self, fusion: nn.Module, width: int, noise: float) -> None:
        super().__init__()
        self.fusion, self.width, self.noise = fusion, width, noise

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features of which (B, M) are seen -> (B, U)."""
        unified: Tensor = self.fusion(features, seen)
        return unified

    def noised(self, unified: Tensor, stream: Generator) -> Tensor:
        """The representation with its noise: what the generator models."""
        return add_noise(unified, self.noise, stream)


def main() -> None:
    """Write data/fuse."""
    with training_stage("fuse") as context:
        settings, run = load(Fuse, "fuse"), load(Run, "run")
        set_up(run.threads)
        dataset = read_features(load_modalities(), Path("data/extract"), Path("data/preprocess/samples.csv"))
        method, own = FUSIONS[settings.method], getattr(settings, settings.method)
        fusion, curve = method.fit(
            dataset, own, sized(settings, len(dataset.train_available)), seed=run.seed, state=context.state
        )
        others_leave()
        with torch.no_grad():
            vectors = {
                subset_name(subset): fusion(
                    dataset.clean, mask(subset, dataset.names, len(dataset.clean)) & dataset.available
                )
                for subset in (*usual_subsets(dataset.names), dataset.names)
            }
            if settings.method == "attention":
                write_table(context.out / "attention.csv", attended(fusion, dataset))
        card: dict[str, Any] = {"method": settings.method, "shapes": dataset.shapes, "modalities": list(dataset.names)}
        card["kinds"] = [kind_of(name) for name in dataset.names]
        card |= {"unified": vectors[subset_name(())].shape[1], "noise": settings.noise, "settings": own.model_dump()}
        inputs = [Path("data/preprocess/samples.csv"), *feature_files(dataset.names, Path("data/extract"))]
        card["origin"] = origin(settings, run, inputs, {"losses": last(curve)})
        write_weights(context.out / "fusion.safetensors", fusion)
        write_json(context.out / "fusion.json", card)
        write_tensors(
            context.out / "vectors.safetensors", {name: vector.cpu().numpy() for name, vector in vectors.items()}
        )
        if curve is not None:  # a closed form has none
            write_table(context.out / "curve.csv", curve)


def attended(fusion: attention.Fusion, dataset: FeatureDataset) -> pd.DataFrame:
    """Which modality the representation of each subset attends to, mean over the test samples that have the subset.

    A row for each pair of subset and token: `constant`, which is always there, and the modalities of the subset.
    """
    rows, test = [], dataset.rows("test")
    for subset in (*usual_subsets(dataset.names), dataset.names):
        seen = mask(subset, dataset.names, len(test))
        has_all = (dataset.available[test] | ~seen).all(1)
        if has_all.any():
            mean = fusion.weights(dataset.clean[test][has_all], seen[has_all]).mean(0).tolist()
            tokens = zip(("constant", *dataset.names), mean, strict=True)
            rows += [(subset_name(subset), name, weight) for name, weight in tokens if name in ("constant", *subset)]
    return pd.DataFrame(rows, columns=["observed", "attended", "weight"])


def load_fusion(folder: Path) -> TrainedFusion:
    """The trained fusion that this stage kept in `folder`, on the device."""
    card = read_json(folder / "fusion.json")
    method = FUSIONS[card["method"]]
    fusion = method.build(
        [tuple(shape) for shape in card["shapes"]], card["unified"], method.Settings(**card["settings"])
    )
    fusion.load_state_dict(load_file(folder / "fusion.safetensors"))
    return TrainedFusion(fusion, card["unified"], card["noise"]).to(device()).eval().requires_grad_(False)


if __name__ == "__main__":
    main()
