"""What two solids in a room sound like: a tone for each, the left one first.

The pitch says the shape, the length the size, and the timbre the place: what is far has no overtones.
"""

import io
from collections.abc import Mapping

import numpy as np
import soundfile

RATE_HZ = 16_000
PITCHES_HZ = {"ball": 330.0, "box": 550.0, "cone": 900.0, "ring": 1450.0}
SECONDS = {"small": 0.16, "large": 0.34}
OVERTONES = {"near": 5, "far": 1}  # partials of a tone, the fundamental included
PITCH_SPREAD, LENGTH_SPREAD = 0.05, 0.08  # largest relative deviation
PAUSE = 0.06  # seconds between the tones
SWELL = 0.015  # seconds in which a tone comes and goes


def clip(left: Mapping[str, str], right: Mapping[str, str], rng: np.random.Generator) -> bytes:
    """Both tones as a WAV of 16 bits."""
    pause = np.zeros(int(PAUSE * RATE_HZ))
    wave = np.concatenate([tone(left, rng), pause, tone(right, rng)])
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.9 * wave / np.abs(wave).max(), RATE_HZ, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def tone(facts: Mapping[str, str], rng: np.random.Generator) -> np.ndarray:
    """(L,) the tone of one solid, of unit power."""
    seconds = SECONDS[facts["size"]] * (1 + rng.uniform(-LENGTH_SPREAD, LENGTH_SPREAD))
    pitch_hz = PITCHES_HZ[facts["shape"]] * (1 + rng.uniform(-PITCH_SPREAD, PITCH_SPREAD))
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    partials = np.arange(1, OVERTONES[facts["place"]] + 1)[:, None]
    phases = rng.uniform(0, 2 * np.pi, partials.shape)
    wave = (np.sin(2 * np.pi * partials * pitch_hz * time + phases) / partials).sum(0)
    swell = np.minimum(1, np.minimum(time, time[::-1]) / SWELL)
    return np.asarray(swell * wave / np.sqrt(np.square(wave).mean()))
