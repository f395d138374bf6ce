"""Layer 2: a codec for one modality, and the features of every sample. Called as ``extract <modality>``.

Writes below data/extract/<modality>: the codec and its card, `features.safetensors` with ``clean`` (N, D),
``augmented`` (train samples x variants, D) and ``scale`` (D,), the loss curve and the reconstruction error beside a
PCA's. Features that are tokens are (N, T, D). Where the codec that was learned loses more of the validation split than
a PCA does, the PCA is the codec; under privacy cosines stand in for it.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from stages.common.files import read_table, write_json, write_table, write_tensors
from stages.common.params import Run, Strict, load, load_modalities, load_named
from stages.common.seeds import draws
from stages.features import linear
from stages.features.autoencoder import Autoencoder
from stages.features.chunked_items import Stored, stored
from stages.features.codecs import LOOKS, SETTINGS, OfLevels, OfTokens, codec_of
from stages.features.reconstruction import Codec, choose, encoded, error
from stages.learning.budget import sized
from stages.learning.distributed import others_leave, training_stage
from stages.learning.model_cards import origin
from stages.learning.networks import write_weights
from stages.learning.privacy import Plan, Work, of_one, plan, told, units_of
from stages.learning.training import Training, set_up
from stages.learning.validation import FEWEST

CLEAN = Path("data/preprocess")
SPLITS = ("train", "validation", "test")


def main(modality: str) -> None:
    """Write data/extract/<modality>."""
    with training_stage(f"extract@{modality}") as context:
        names = {str(name): name for name in load_modalities()}
        if modality not in names:
            raise ValueError(f"modalities: expected some of {', '.join(names)}, got '{modality}'; correct params.yaml")
        name = names[modality]
        settings, run = load_named(SETTINGS, "extract", [name])[name], load(Run, "run")
        set_up(run.threads)
        train, held, test, items = split_items(modality)
        if isinstance(settings, Training):
            settings = sized(settings, len(train))
        private = privately(settings, modality, len(items), run.seed)
        codec, curve = codec_of(name, settings.codec).fit(
            settings,
            getattr(settings, settings.codec),
            items,
            held if len(held) >= FEWEST else None,
            seed=run.seed,
            name=f"extract/{modality}",
            state=context.state,
            **of_one(private),
        )
        others_leave()
        lost = {"codec": 0.0, "pca": 0.0, "kept": "pixels"}
        choice: str = settings.codec
        if choice != "pixels":
            pca = linear.fit(items, codec.encode(items[:1]).numel(), draws(run.seed, f"extract/{modality}/linear"))
            plain: linear.Linear | None = pca
            if private:  # principal components tell of the items; cosines are what an autoencoder began with
                plain = codec.plain(items, private.models[0]) if isinstance(codec, Autoencoder) else None
            chosen = {"kept": "pretrained"}  # for how its items look, which a mean squared error does not tell
            if choice != "pretrained":
                codec, chosen = choose(codec, plain, held)
            lost = {"codec": error(codec, test), "pca": error(pca, test), **chosen}
        features = {copy: encoded(codec, stored(CLEAN / f"{modality}.{copy}.npy")) for copy in ("clean", "augmented")}
        features["scale"] = scale(codec, features["clean"])
        write_weights(context.out / "codec.safetensors", codec)
        write_tensors(context.out / "features.safetensors", features)
        if curve:  # what is not learned has none
            write_table(context.out / "curve.csv", curve.table())
        write_json(context.out / "reconstruction.json", lost)
        kept = {key: value for key, value in lost.items() if key != "pca" or private is None}  # it is made of the items
        inputs = [CLEAN / "samples.csv", *CLEAN.glob(f"{modality}.*.npy")]
        card = origin(settings, run, inputs, {"losses": curve.last() if curve else {}, "reconstruction": kept})
        about = {"privacy": told(private), "origin": card}
        write_json(context.out / "codec.json", {"codec": settings.codec} | codec.card | about)


def privately(settings: Strict, modality: str, items: int, seed: int) -> Plan | None:
    """How the codec of so many items keeps to its bound; None where it has none. Raises ValueError where it can't."""
    if not isinstance(settings, OfLevels | OfTokens) or settings.privacy is None:
        return None
    choice, section = settings.codec, f"extract.{modality}"
    if choice == "pixels":  # nothing is learned
        return plan(settings.privacy, [], seed, section)
    if choice not in LOOKS:
        known = ", ".join((*LOOKS, "pixels"))
        raise ValueError(f"{section}.privacy: expected the codec to be one of {known}, got {choice}; choose one")
    units = units_of(CLEAN / "samples.csv", settings.privacy, section, modality)
    work = Work(np.repeat(units, items // len(units)), settings.batch, settings.steps, LOOKS[choice])
    return plan(settings.privacy, [work], seed, section)


def split_items(modality: str) -> tuple[Stored, Stored, Stored, Stored]:
    """The clean items of the splits train, validation and test, as far as they are there; all copies of the first."""
    samples = read_table(CLEAN / "samples.csv", text=("id",))
    there = samples[f"has_{modality}"].to_numpy(bool)
    clean, augmented = CLEAN / f"{modality}.clean.npy", CLEAN / f"{modality}.augmented.npy"
    train, held, test = (stored(clean, there & (samples["split"] == split).to_numpy()) for split in SPLITS)
    return train, held, test, stored(augmented, copies(samples["split"] == "train", there, len(stored(augmented))))


def copies(train: pd.Series, there: np.ndarray, count: int) -> np.ndarray:
    """Which of the `count` augmented copies show something: those of train samples that have the modality, bool."""
    present = there[train]
    return np.repeat(present, count // len(present))


def scale(codec: Codec, features: np.ndarray) -> np.ndarray:
    """The size that each of (N, ...) features, of variance 1, has in the item: (W,), the mean of their squares 1."""
    if codec.sizes is None:
        return np.ones(features[0].size, np.float32)
    sizes = codec.sizes.cpu().numpy()
    return sizes / np.sqrt(np.square(sizes).mean())


if __name__ == "__main__":
    main(sys.argv[1])
