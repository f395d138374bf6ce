"""A built-in data set made by rule: solids as voxels, pictures, words and sounds.

One solid a sample, alone in its grid: its voxels, a picture of it, a caption. All share shape, size and pose, but that
a ball has none; picture and caption share the colour, which voxels have not. Private are the exact size and turn, the
exact place, and the wording.

Two solids a sample, in a room, one on the left and one on the right, each near or far, one of them large: the room's
voxels, pictures from the front and from above, a caption, a long and a short text, two tones. What all share is what
stands where; colours are shared by pictures and words. `image` and `front` are the same picture; the labels of `front`
speak of the left and the right solid, as those of the tones do, and the labels of `image` of the larger solid and the
other one, as those of the short text do.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import PositiveInt

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.data.records.split import Shares, assign
from stages.data.sources import solid_pictures, solid_sounds, solid_words
from stages.data.sources.built_in_shards import Attributes, Row, in_shards, numbered, write_samples
from stages.data.sources.solid_shapes import SHAPES, SIDE, Solid, turned, voxels

GIVES = {  # modalities that there are: name -> kind
    "image": "image", "front": "image", "top": "image", "volume": "volume", "audio": "audio",
    "text": "text", "long": "text", "short": "text",
}  # fmt: skip
OF_ONE = ("volume", "image", "text")  # those of one solid
SIZES = {"small": (0.56, 0.62), "medium": (0.74, 0.8), "large": (0.92, 0.98)}  # shares of the largest radius
LARGEST = SIDE / 2 - 1.0  # voxels
POSES = {"upright": 0.0, "tilted": 45.0, "lying": 90.0}  # degrees
SWAY = 8.0  # degrees, largest deviation of a pose and largest turn about z
DRIFT = 0.8  # voxels, largest deviation from the middle of a solid alone

IN_ROOM = tuple(solid_sounds.PITCHES_HZ)  # shapes, each unlike the others from the front and from above
RADII = {"small": (3.3, 3.6), "large": (5.2, 5.45)}  # voxels: no small one is longer than a large one
GROUNDED = {"ball": 0.85, "box": 0.72, "cone": 0.7, "ring": 0.25}  # height of the centre above the floor, radii
PLACES, SIDES = {"near": SIDE / 4, "far": 3 * SIDE / 4}, {"left": SIDE / 4, "right": 3 * SIDE / 4}  # voxels: y, x
STRAY = 0.5  # voxels, largest deviation from a place
COLOURS = ("red", "green", "blue")  # of two solids in a room

BY_SIDE, BY_SIZE = ["top", "front", "volume", "audio", "text"], ["image", "long", "short"]
ALONE: Attributes = {  # attribute: its values and the modalities that always show it
    "shape": {"values": list(SHAPES), "shown_by": list(OF_ONE)},
    "size": {"values": list(SIZES), "shown_by": list(OF_ONE)},
    "pose": {"values": list(POSES), "shown_by": list(OF_ONE)},
    "colour": {"values": list(solid_pictures.COLOURS), "shown_by": ["image", "text"]},
}
TOGETHER: Attributes = {
    "left_shape": {"values": list(IN_ROOM), "shown_by": BY_SIDE},
    "right_shape": {"values": list(IN_ROOM), "shown_by": BY_SIDE},
    "left_place": {"values": list(PLACES), "shown_by": BY_SIDE},
    "right_place": {"values": list(PLACES), "shown_by": BY_SIDE},
    "larger": {"values": list(SIDES), "shown_by": BY_SIDE},
    "left_colour": {"values": list(COLOURS), "shown_by": ["top", "front", "text"]},
    "right_colour": {"values": list(COLOURS), "shown_by": ["top", "front", "text"]},
    "main_shape": {"values": list(IN_ROOM), "shown_by": BY_SIZE},  # of the larger solid
    "main_colour": {"values": list(COLOURS), "shown_by": BY_SIZE},
    "main_side": {"values": list(SIDES), "shown_by": BY_SIZE},
    "main_place": {"values": list(PLACES), "shown_by": ["image", "long"]},  # what the short text drops
    "other_shape": {"values": list(IN_ROOM), "shown_by": ["image", "long"]},
    "other_colour": {"values": list(COLOURS), "shown_by": ["image", "long"]},
    "other_place": {"values": list(PLACES), "shown_by": ["image", "long"]},
}
LICENCE = "Made here by rule: no data of anyone else."


class Solids(Strict):
    """Section `acquire.solids`."""

    count: Literal[1, 2]  # solids a sample: one alone, or two in a room
    samples: PositiveInt
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the samples, per split


def acquire(settings: Solids, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the modalities `names` below `out`; returns the index (a row a sample) and the attributes.

    Raises ValueError when one solid is asked for what two have.
    """
    if settings.count == 1 and (others := [name for name in names if name not in OF_ONE]):
        raise ValueError(
            f"acquire.solids.count: expected 2 for {', '.join(others)}, got 1; correct params.yaml, or keep to "
            f"{', '.join(OF_ONE)}"
        )
    index = plan(settings, seed)
    attributes = shown_by(names, ALONE if settings.count == 1 else TOGETHER)
    groups = index.groupby("shard")
    jobs = ((out / str(shard), rows, seed, names) for shard, rows in groups)
    made = in_shards(build_shard, jobs, groups.ngroups)
    return made[["id", "split", "shard", *attributes]], attributes


def shown_by(names: Sequence[str], known: Attributes) -> Attributes:
    """Those attributes that the modalities `names` show, and which of them do: by name, not by kind."""
    shown = {attribute: [name for name in names if name in about["shown_by"]] for attribute, about in known.items()}
    return {one: {"values": known[one]["values"], "shown_by": by} for one, by in shown.items() if by}


def plan(settings: Solids, seed: int) -> pd.DataFrame:
    """What each sample shows, all combinations equally often, and its split and shard."""
    free = ("shape", "size", "pose", "colour") if settings.count == 1 else tuple(TOGETHER)[:7]
    known = ALONE if settings.count == 1 else TOGETHER
    every = list(product(*(known[name]["values"] for name in free)))
    rng, rounds = draws(seed, "acquire/combinations"), -(-settings.samples // len(every))
    order = np.concatenate([rng.permutation(len(every)) for _ in range(rounds)])[: settings.samples]
    index = pd.DataFrame([every[number] for number in order], columns=list(free))
    if settings.count == 1:
        index.loc[index["shape"] == "ball", "pose"] = ""  # which no one can see
    else:
        for role, of_left in (("main", index["larger"] == "left"), ("other", index["larger"] != "left")):
            for fact in ("shape", "colour", "place"):
                index[f"{role}_{fact}"] = index[f"left_{fact}"].where(of_left, index[f"right_{fact}"])
        index["main_side"] = index["larger"]
    index["split"] = assign(index[free[0]].to_numpy(str), settings.shares, draws(seed, "acquire/split"))
    return numbered(index, "solids", settings.shard_size)


def build_shard(path: Path, rows: pd.DataFrame, seed: int, names: Sequence[str]) -> pd.DataFrame:
    """Make the samples of one shard; returns their rows of the index."""

    def samples() -> Iterator[tuple[Row, Mapping[str, bytes]]]:
        for row in rows.to_dict("records"):
            rng = draws(seed, f"acquire/{row['id']}")
            yield row, (of_one if "shape" in row else of_two)(row, names, rng)

    return write_samples(path, samples(), names)


def of_one(row: Row, names: Sequence[str], rng: np.random.Generator) -> dict[str, bytes]:
    """The contents of a sample with one solid, by modality."""
    lean = np.deg2rad(POSES.get(row["pose"], 0.0) + rng.uniform(-SWAY, SWAY))
    turn, radius = turned(lean, np.deg2rad(rng.uniform(-SWAY, SWAY))), LARGEST * rng.uniform(*SIZES[row["size"]])
    x, y, z = SIDE / 2 + rng.uniform(-DRIFT, DRIFT, 3)
    solid = Solid(row["shape"], row["colour"], (x, y, z), radius, turn)
    return {
        "volume": as_volume([solid]),
        "image": solid_pictures.picture([solid], solid_pictures.CORNER),
        "text": solid_words.alone(row, rng).encode(),
    }


def of_two(row: Row, names: Sequence[str], rng: np.random.Generator) -> dict[str, bytes]:
    """The contents of a sample with two solids, by modality; only pictures that are asked for are painted."""
    left, right = (
        {fact: row[f"{side}_{fact}"] for fact in ("shape", "colour", "place")}
        | {"side": side, "size": "large" if row["larger"] == side else "small"}
        for side in SIDES
    )
    solids = [standing(left, rng), standing(right, rng)]
    views = {"image": solid_pictures.FRONT, "front": solid_pictures.FRONT, "top": solid_pictures.ABOVE}
    return {
        "volume": as_volume(solids),
        "audio": solid_sounds.clip(left, right, rng),
        "text": solid_words.in_a_room(left, right, rng).encode(),
        "long": solid_words.at_length(left, right, rng).encode(),
        "short": solid_words.in_short(left, right).encode(),
        **{name: solid_pictures.picture(solids, seen) for name, seen in views.items() if name in names},
    }


def standing(facts: Mapping[str, str], rng: np.random.Generator) -> Solid:
    """A solid at its place on the floor; a ring lies."""
    radius, (x, y) = rng.uniform(*RADII[facts["size"]]), rng.uniform(-STRAY, STRAY, 2)
    turn = turned(np.pi / 2 if facts["shape"] == "ring" else 0.0)
    centre = (SIDES[facts["side"]] + x, PLACES[facts["place"]] + y, GROUNDED[facts["shape"]] * radius)
    return Solid(facts["shape"], facts["colour"], centre, radius, turn)


def as_volume(solids: Sequence[Solid]) -> bytes:
    """Their voxels as the bytes of a .npy file: 1 where there is matter, 0 where there is none."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, voxels(solids).astype(np.uint8), allow_pickle=False)
    return buffer.getvalue()
