"""Speech from the shared library of eSpeak NG, and what can be measured on it.

The library keeps static state from clip to clip (neither `espeak_Terminate` nor a fixed seed resets it), so the
same call gives other bytes later on. Whoever needs the same bytes twice must speak the same clips in the same
order in a fresh process; `built_in_shards.py` sees to it, one process a shard.
"""

import ctypes
import io
from collections.abc import Callable
from typing import NamedTuple

import espeakng_loader
import numpy as np
import soundfile

SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: clips come through the callback; the other mode polls every 20 ms
SPEED, PITCH = 1, 3  # espeakRATE in words a minute, espeakPITCH from 0 to 99
UTF8 = 1  # espeakCHARS_UTF8
LOADED = ("librosa.core.pitch", "librosa.effects", "librosa.feature.spectral")  # what `measure` needs
# Of the voices that it ships: accents of English, and speakers, who speak any language.
ACCENTS = ("en", "en-us", "en-029", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc")
SPEAKERS = ("m1", "m3", "m5", "m7", "f1", "f2", "f3", "f5", "Annie", "belinda", "grandma", "shelby", "john", "max")
FRAME, HOP = 1024, 256  # of the pitch tracker, samples at 22,050 Hz


class Clip(NamedTuple):
    """A mono clip: `wave` (L,) int16 at `rate_hz`."""

    wave: np.ndarray
    rate_hz: int


class Measured(NamedTuple):
    pitch_hz: float  # median fundamental over the loud frames
    seconds: float  # duration without the silence at both ends


def open_speaker() -> Callable[[str, str, float, float], Clip]:
    """Start eSpeak NG; returns ``say(text, voice, pitch, speed) -> Clip``."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    heard: list[np.ndarray] = []

    def listen(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count > 0:
            heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(listen)
    rate_hz = library.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    if rate_hz <= 0:
        raise ValueError(f"eSpeak NG did not start (code {rate_hz}); reinstall the package espeakng-loader")
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # else seeded with the time of day
    library.espeak_SetSynthCallback(callback)

    def say(text: str, voice: str, pitch: float, speed: float) -> Clip:
        heard.clear()
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"eSpeak NG has no voice '{voice}'; choose one that espeakng-loader ships")
        library.espeak_SetParameter(SPEED, round(speed), 0)
        library.espeak_SetParameter(PITCH, round(pitch), 0)
        spoken = text.encode() + b"\0"
        library.espeak_Synth(spoken, len(spoken), 0, 1, 0, UTF8, None, None)
        library.espeak_Synchronize()
        return Clip(np.concatenate(heard), rate_hz)

    say.keep_alive = callback  # type: ignore[attr-defined]  # ctypes does not hold the callback
    return say


def measure(clip: Clip) -> Measured:
    """Pitch (YIN, de Cheveigne and Kawahara 2002) and duration, from the sound alone."""
    from librosa import yin  # seconds to load, which other sources of data need not spend
    from librosa.effects import trim
    from librosa.feature import rms

    wave, _ = trim(clip.wave.astype(np.float32) / 32768, top_db=35)
    pitch = yin(wave, fmin=55, fmax=500, sr=clip.rate_hz, frame_length=FRAME, hop_length=HOP)
    loudness = rms(y=wave, frame_length=FRAME, hop_length=HOP)[0]
    loud = loudness > 0.3 * loudness.max()
    return Measured(float(np.median(pitch[loud[: len(pitch)]])), len(wave) / clip.rate_hz)


def as_wav(clip: Clip) -> bytes:
    """The clip as a WAV file of 16 bits."""
    buffer = io.BytesIO()
    soundfile.write(buffer, clip.wave, clip.rate_hz, format="WAV", subtype="PCM_16")
    return buffer.getvalue()
