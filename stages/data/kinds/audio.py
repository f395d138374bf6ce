"""Clips: bytes to a trimmed wave, to a log-mel picture of one size, and back to a WAV.

Wave: (L,) float32 in [-1, 1] at `rate_hz`. Tensor: (F, T) uint8, F mel bands by T frames; level 0 is `floor_db`
below the loudest point of the clip, level 255 the loudest point itself. The way back guesses the phase with the
fast Griffin-Lim algorithm (Perraudin et al. 2013).
"""

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import soundfile
import soxr
from pydantic import Field, PositiveInt

from stages.common.params import Strict
from stages.data.kinds.mel import filters, trimmed
from stages.data.kinds.phase import OVERLAP, analysed, griffin_lim

LEVELS = 255
CUT = ("frames", "frames", "clips")
SILENCE_DB = 40  # below the loudest frame: what `trim` cuts off both ends
LOUDEST = 1e9  # where full scale is 1: far beyond any sound, and its square is still a number
LONGEST = 300  # seconds of a file that are looked at
RATES_HZ = range(1000, 768_001)
CHANNELS = 32
SECONDS, LIGHT_HZ = 20, 24_000  # of lighter ones for the page: the beginning, at one of the five rates of Opus
CANCELLED = 1e-4  # of the channels' power: what is left of it in their mean when one is the opposite of another
BLOCK = 2**16  # samples that are decoded at a time
SIZE_ORDER: dict[bytes, Literal["little", "big"]] = {b"RIFF": "little", b"FORM": "big"}  # WAV, AIFF: of bytes 4 to 7
STREAMED = 2**31 - 1
XING_WITHIN = 2**17  # bytes: behind a cover picture


class Settings(Strict):
    """Section `preprocess.audio`."""

    rate_hz: Annotated[int, Field(ge=8000, le=48000)]  # working sample rate
    bands: Annotated[int, Field(ge=16, le=256)]  # F, mel bands
    frames: Annotated[int, Field(ge=16)]  # T, frames a clip: of longer ones the first count, shorter ones are padded
    hop: Annotated[int, Field(ge=32)]  # samples a frame
    floor_db: Annotated[float, Field(lt=0)]  # quietest level kept, dB below the loudest
    shift: Annotated[float, Field(ge=0, le=0.5)]  # augmentation: longest pause before the clip, share of its room
    gain_db: Annotated[float, Field(ge=0)]  # largest change of loudness
    noise_db: Annotated[float, Field(lt=0)]  # loudest added noise, dB below the clip's loudest point
    griffin_lim: PositiveInt  # iterations of the phase guess


def fit(settings: Settings, captions: Iterable[str], folder: Path) -> Settings:
    """Clips need nothing learned."""
    return settings


restore = fit  # what `fit` gave, read back in a later stage


def read(payload: bytes, settings: Settings) -> np.ndarray:
    """A sound file as a mono wave. Raises ValueError when it can't be decoded or is silent.

    Of the first `LONGEST` seconds the silence at both ends is cut off. The peak of the first `frames` is 1: `augment`
    and `tensor` take no more.
    """
    wave, rate_hz = mono(payload)
    if not np.abs(wave).max(initial=0) < LOUDEST:  # NaN is not below it either
        raise ValueError(f"expected samples around full scale, which is 1, got NaN, infinity or beyond {LOUDEST:.0e}")
    wave = trimmed(resampled(wave, rate_hz, settings.rate_hz), settings.hop, SILENCE_DB)
    peak = np.abs(wave[: settings.frames * settings.hop]).max(initial=0)
    if peak < 1e-4:
        raise ValueError("expected a sound, got silence")
    return wave / peak


def mono(payload: bytes) -> tuple[np.ndarray, int]:
    """The mean of a sound file's channels, (L,) float32, and its rate. Raises ValueError when it can't be decoded.

    Read in blocks, because a header may promise more than any memory holds. Only libsndfile's own words are repeated:
    the whole message names an address in memory.
    """
    try:
        with stderr_silenced(), soundfile.SoundFile(io.BytesIO(payload)) as file:
            if file.samplerate not in RATES_HZ or file.channels > CHANNELS:
                wanted = f"at most {CHANNELS} channels at {RATES_HZ[0]} to {RATES_HZ[-1]} Hz"
                raise ValueError(f"expected {wanted}, got {file.channels} at {file.samplerate} Hz")
            blocks, power = [np.zeros(0, np.float32)], 0.0  # power: summed over time, mean of the channels
            while sum(map(len, blocks)) < LONGEST * file.samplerate:
                channels = file.read(BLOCK, dtype="float32", always_2d=True)
                blocks.append(channels.mean(axis=1))
                power += float(np.square(channels, dtype=np.float64).mean(axis=1).sum())
                if len(blocks[-1]) < BLOCK:
                    break
            wave = np.concatenate(blocks)[: LONGEST * file.samplerate]
    except soundfile.LibsndfileError as error:
        got = f"{len(payload)} bytes that do not decode ({error.error_string})"
        raise ValueError(f"expected a sound file, got {got}") from error
    if len(blocks[-1]) < BLOCK and ends_too_soon(payload, len(wave), file.frames):
        raise ValueError(f"expected a whole sound file, got {len(payload)} bytes that end too soon; fetch it again")
    if np.square(wave, dtype=np.float64).sum() < CANCELLED * power:
        raise ValueError(f"expected channels that add up, got {file.channels} that cancel each other; keep one of them")
    return wave, file.samplerate


def resampled(wave: np.ndarray, rate_hz: int, wanted_hz: int) -> np.ndarray:
    """(L,) at another rate, as long as before: a part of a sample counts as one."""
    if rate_hz == wanted_hz:
        return wave
    length = int(np.ceil(len(wave) * wanted_hz / rate_hz))
    found: np.ndarray = soxr.resample(wave, rate_hz, wanted_hz)[:length]
    return np.pad(found, (0, length - len(found)))


@contextmanager
def stderr_silenced() -> Iterator[None]:
    """Nothing reaches stderr: the MP3 decoder writes there, past Python, what it thinks of broken files."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def ends_too_soon(payload: bytes, read: int, promised: int) -> bool:
    """Whether a file says that it is longer than it is; libsndfile minds only for FLAC and Ogg.

    A WAV or AIFF that was written as a stream does not know its size and says 0 or the largest number. An MP3 knows
    its samples when it has the header of Xing; else their number is a guess.
    """
    if payload[:4] in SIZE_ORDER:
        size = int.from_bytes(payload[4:8], SIZE_ORDER[payload[:4]])
        return len(payload) < size < STREAMED
    header = payload[:XING_WITHIN]
    return (b"Xing" in header or b"Info" in header) and read < 0.95 * promised


def augment(wave: np.ndarray, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """A pause before the clip, another loudness, some noise."""
    wave = wave[: settings.frames * settings.hop]
    room = settings.frames * settings.hop - len(wave)
    pause = int(rng.uniform(0, settings.shift) * room)
    gain = 10 ** (rng.uniform(-settings.gain_db, 0) / 20)
    moved = np.concatenate([np.zeros(pause, np.float32), gain * wave])
    noise = 10 ** ((settings.noise_db - rng.exponential(10)) / 20)
    return moved + noise * rng.standard_normal(len(moved), dtype=np.float32)


def length(wave: np.ndarray, settings: Settings) -> int:
    """How many frames a clip has."""
    return -(-len(wave) // settings.hop)


def tensor(wave: np.ndarray, settings: Settings) -> np.ndarray:
    """The log-mel levels of a wave: (F, T) uint8."""
    room = settings.frames * settings.hop
    wave = np.pad(wave[:room].astype(np.float32), (0, max(0, room - len(wave))))
    spectrum = analysed(wave, settings.hop)[: settings.frames]  # (T, K)
    weights = filters(settings.rate_hz, OVERLAP * settings.hop, settings.bands)
    power = weights @ (spectrum.real**2 + spectrum.imag**2).T  # (F, T)
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    levels = (decibels - decibels.max() - settings.floor_db) / -settings.floor_db * LEVELS
    return levels.round().clip(0, LEVELS).astype(np.uint8)


def blank(settings: Settings) -> np.ndarray:
    """What stands where a sample has no clip."""
    return np.zeros((settings.bands, settings.frames), np.uint8)


def write(levels: np.ndarray, settings: Settings) -> bytes:
    """(F, T) uint8 log-mel levels as a 16-bit WAV with peak 0.9."""
    window = OVERLAP * settings.hop
    decibels = (levels.astype(np.float32) / LEVELS - 1) * -settings.floor_db
    power = np.where(levels > 0, 10 ** (decibels / 10), 0)  # (F, T)
    magnitudes = np.sqrt(np.maximum(inverse_filters(settings.rate_hz, window, settings.bands) @ power, 0)).T
    magnitudes = np.pad(magnitudes, ((0, 1), (0, 0)))  # centred frames: T x hop samples have T + 1 of them
    wave = griffin_lim(magnitudes, settings.hop, settings.griffin_lim)
    wave = 0.9 * wave / max(float(np.abs(wave).max()), 1e-6)
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, settings.rate_hz, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def shown(payload: bytes, light: bool) -> tuple[str, bytes]:
    """What a browser plays of a file, and its media type: as it is, or `light`, its beginning as Opus if smaller.

    What can't be read stays as it is.
    """
    if light:
        try:
            wave, rate_hz = mono(payload)
        except ValueError:
            return "audio/wav", payload
        wave = resampled(wave[: SECONDS * rate_hz], rate_hz, LIGHT_HZ)
        buffer = io.BytesIO()
        soundfile.write(buffer, np.clip(wave, -1, 1), LIGHT_HZ, format="OGG", subtype="OPUS")
        if buffer.tell() < len(payload):
            return "audio/ogg", buffer.getvalue()
    return "audio/wav", payload


@cache
def inverse_filters(rate_hz: int, window: int, bands: int) -> np.ndarray:
    """The pseudo-inverse of the filters, (window / 2 + 1, F). It has negative weights: `write` cuts what is below 0."""
    weights = filters(rate_hz, window, bands)
    return np.asarray(np.linalg.pinv(weights), dtype=np.float32)
