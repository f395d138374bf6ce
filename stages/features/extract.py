"""Layer 2: a codec for one modality, and the features of every sample. Called as ``extract <modality>``.

Writes below data/extract/<modality>: the codec and its card, `features.safetensors` with ``clean`` (N, D) and
``augmented`` (train samples x variants, D), the loss curve and the reconstruction error beside a PCA's. Where the
codec that was learned loses more of the validation split than a PCA does, the PCA is the codec.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from stages.common.files import read_table, write_json, write_table, write_tensors
from stages.common.params import Run, load
from stages.common.seeds import draws
from stages.features import linear
from stages.features.chunked_items import stored
from stages.features.codecs import CODECS, SETTINGS
from stages.features.reconstruction import FEWEST, choose, encoded, error
from stages.learning.budget import sized
from stages.learning.distributed import others_leave, training_stage
from stages.learning.model_cards import last, origin
from stages.learning.networks import write_weights
from stages.learning.training import set_up

CLEAN = Path("data/preprocess")
SPLITS = ("train", "validation", "test")


def main(modality: str) -> None:
    """Write data/extract/<modality>."""
    with training_stage(f"extract@{modality}") as context:
        if modality not in SETTINGS:
            known = ", ".join(SETTINGS)
            raise ValueError(f"modalities: expected some of {known}, got '{modality}'; correct params.yaml")
        settings, run = load(SETTINGS[modality], f"extract.{modality}"), load(Run, "run")
        set_up(run.threads)
        samples = read_table(CLEAN / "samples.csv", text=("id",))
        there = samples[f"has_{modality}"].to_numpy(bool)
        clean, augmented = CLEAN / f"{modality}.clean.npy", CLEAN / f"{modality}.augmented.npy"
        train, held, test = (stored(clean, there & (samples["split"] == split).to_numpy()) for split in SPLITS)
        items = stored(augmented, copies(samples["split"] == "train", there, len(stored(augmented))))
        codec, curve = CODECS[settings.codec].fit(
            sized(settings, len(train)),
            getattr(settings, settings.codec),
            items,
            held if len(held) >= FEWEST else None,
            seed=run.seed,
            name=f"extract/{modality}",
            state=context.state,
        )
        others_leave()
        lost = {"codec": 0.0, "pca": 0.0, "kept": "pixels"}
        if settings.codec != "pixels":
            pca = linear.fit(items, settings.width, draws(run.seed, f"extract/{modality}/linear"))
            codec, chosen = choose(codec, pca, held)
            lost = {"codec": error(codec, test), "pca": error(pca, test), **chosen}
        features = {"clean": encoded(codec, stored(clean)), "augmented": encoded(codec, stored(augmented))}
        write_weights(context.out / "codec.safetensors", codec)
        write_tensors(context.out / "features.safetensors", features)
        write_table(context.out / "curve.csv", curve)
        write_json(context.out / "reconstruction.json", lost)
        inputs = [CLEAN / "samples.csv", *CLEAN.glob(f"{modality}.*.npy")]
        card = origin(settings, run, inputs, {"losses": last(curve), "reconstruction": lost})
        write_json(context.out / "codec.json", {"codec": settings.codec} | codec.card | {"origin": card})


def copies(train: pd.Series, there: np.ndarray, count: int) -> np.ndarray:
    """Which of the `count` augmented copies show something: those of train samples that have the modality, bool."""
    present = there[train]
    return np.repeat(present, count // len(present))


if __name__ == "__main__":
    main(sys.argv[1])
