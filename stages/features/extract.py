"""Layer 2: a codec for one modality, and the features of every sample. Called as ``extract <modality>``.

Writes below data/extract/<modality>: the codec and its card, `features.safetensors` with ``clean`` (N, D) and
``augmented`` (train samples x variants, D), the loss curve and the reconstruction error beside a PCA's.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from stages.common.cards import last, origin
from stages.common.files import read_table, write_json, write_table, write_tensors
from stages.common.learning import set_up
from stages.common.networks import write_weights
from stages.common.params import Run, load
from stages.common.processes import alone, training_stage
from stages.common.sizing import sized
from stages.features.autoencoder import parts
from stages.features.codecs import CODECS, SETTINGS
from stages.features.reconstruction import errors

CLEAN = Path("data/preprocess")


def main(modality: str) -> None:
    """Write data/extract/<modality>."""
    with training_stage(f"extract@{modality}") as door:
        if modality not in SETTINGS:
            known = ", ".join(SETTINGS)
            raise ValueError(f"modalities: expected some of {known}, got '{modality}'; correct params.yaml")
        settings, run = load(SETTINGS[modality], f"extract.{modality}"), load(Run, "run")
        set_up(run.threads)
        samples = read_table(CLEAN / "samples.csv", text=("id",))
        clean = np.load(CLEAN / f"{modality}.clean.npy", mmap_mode="r")
        augmented = np.load(CLEAN / f"{modality}.augmented.npy", mmap_mode="r")
        train, there = samples["split"] == "train", samples[f"has_{modality}"]
        present = np.repeat(there[train].to_numpy(), len(augmented) // train.sum())
        items = augmented if present.all() else augmented[present]
        codec, curve = CODECS[settings.codec].fit(
            sized(settings, int((train & there).sum())),
            items,
            seed=run.seed,
            name=f"extract/{modality}",
            state=door.state,
        )
        alone()
        with torch.no_grad():
            features = {
                kind: torch.cat([codec.encode(part) for part in parts(array)]).numpy()
                for kind, array in {"clean": clean, "augmented": augmented}.items()
            }
            test = ((samples["split"] == "test") & there).to_numpy()
            made = codec.decode(torch.from_numpy(features["clean"][test]))
        write_weights(door.out / "codec.safetensors", codec)
        write_tensors(door.out / "features.safetensors", features)
        write_table(door.out / "curve.csv", curve)
        lost = errors(items, clean[test], made, features["clean"].shape[1])
        write_json(door.out / "reconstruction.json", lost)
        inputs = [CLEAN / "samples.csv", *CLEAN.glob(f"{modality}.*.npy")]
        card = origin(settings, run, inputs, {"losses": last(curve), "reconstruction": lost})
        write_json(door.out / "codec.json", {"codec": settings.codec, **codec.card, "origin": card})


if __name__ == "__main__":
    main(sys.argv[1])
