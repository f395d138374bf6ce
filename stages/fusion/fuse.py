"""Layer 3: one unified representation for any subset of the modalities.

Writes below data/fuse: the fusion and its card, the representations of all samples under the usual subsets
(`modality_subsets.py`), the loss curve, and of `attention` which modalities it attends to.
"""

from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch

from stages.common.files import write_json, write_table, write_tensors
from stages.common.modality import kind_of
from stages.common.modality_subsets import subset_name, usual_subsets
from stages.common.params import Run, load, load_modalities
from stages.fusion import attention, concat, gated, matrix, none
from stages.fusion.dataset import FeatureDataset, feature_files, read_features
from stages.fusion.objective import Learning
from stages.fusion.trained_fusion import FUSIONS
from stages.learning.budget import sized
from stages.learning.distributed import others_leave, training_stage
from stages.learning.masks import mask
from stages.learning.model_cards import origin
from stages.learning.networks import write_weights
from stages.learning.privacy import Plan, Work, of_one, plan, told, units_of
from stages.learning.training import set_up

SAMPLES = Path("data/preprocess/samples.csv")


class Fuse(Learning):
    """Section `fuse`."""

    method: Literal["none", "concat", "matrix", "gated", "attention"]
    none: none.Settings
    concat: concat.Settings
    matrix: matrix.Settings
    gated: gated.Settings
    attention: attention.Settings


def main() -> None:
    """Write data/fuse."""
    with training_stage("fuse") as context:
        settings, run = load(Fuse, "fuse"), load(Run, "run")
        set_up(run.threads)
        dataset = read_features(load_modalities(), Path("data/extract"), SAMPLES)
        method, own = FUSIONS[settings.method], getattr(settings, settings.method)
        settings = sized(settings, len(dataset.train_available))
        private = privately(settings, run.seed)
        fusion, curve = method.fit(
            dataset, own, settings, seed=run.seed, state=context.state,
            **of_one(private),
        )  # fmt: skip
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
        card["privacy"] = told(private)
        inputs = [SAMPLES, *feature_files(dataset.names, Path("data/extract"))]
        card["origin"] = origin(settings, run, inputs, {"losses": curve.last() if curve else {}})
        write_weights(context.out / "fusion.safetensors", fusion)
        write_json(context.out / "fusion.json", card)
        write_tensors(
            context.out / "vectors.safetensors", {name: vector.cpu().numpy() for name, vector in vectors.items()}
        )
        if curve:  # a closed form has none
            write_table(context.out / "curve.csv", curve.table())


def privately(settings: Fuse, seed: int) -> Plan | None:
    """How the fusion keeps to its bound; None where it has none. Raises ValueError where it can't keep it."""
    if settings.privacy is None:
        return None
    if settings.method == "matrix":
        raise ValueError("fuse.privacy: expected concat, gated, attention or none, got matrix; choose one of these")
    units = units_of(SAMPLES, settings.privacy, "fuse")
    works = [] if settings.method == "none" else [Work(units, settings.batch, settings.steps)]
    return plan(settings.privacy, works, seed, "fuse")


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


if __name__ == "__main__":
    main()
