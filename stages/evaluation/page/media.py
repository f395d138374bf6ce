"""Samples as the page holds them: as they are, or lighter where there is more than a page can carry.

Lighter: pictures as WebP of at most `SIDE` pixels, clips as Ogg/Opus, mono, of which the first `SECONDS` are heard.
"""

import io
from base64 import b64encode

import librosa
import numpy as np
import soundfile
from PIL import Image, ImageOps

from stages.data.kinds.audio import mono
from stages.data.kinds.image import BROKEN, on_paper

SIDE = 256
QUALITY = 80  # of WebP, of 100
SECONDS = 20
RATE_HZ = 24_000  # one of the five that Opus knows
KINDS = {"png": "image/png", "wav": "audio/wav"}  # what a browser shows or plays; the rest is text
LIGHT = {"png": "image/webp", "wav": "audio/ogg"}


def as_data_uri(suffix: str, payload: bytes, *, light: bool = False) -> str:
    """Text, or a medium as a data URI."""
    if suffix not in KINDS:
        return payload.decode("utf-8", "replace").strip()
    kind = KINDS[suffix]
    if light:
        smaller = (lighter_picture if suffix == "png" else lighter_clip)(payload)
        kind, payload = (LIGHT[suffix], smaller) if len(smaller) < len(payload) else (kind, payload)
    return f"data:{kind};base64,{b64encode(payload).decode()}"


def lighter_picture(payload: bytes) -> bytes:
    """A picture as WebP; as it is where it can't be read, such as a broken one among what was given."""
    try:
        with Image.open(io.BytesIO(payload)) as file:
            picture = on_paper(ImageOps.exif_transpose(file))
    except BROKEN:
        return payload
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY)
    return buffer.getvalue()


def lighter_clip(payload: bytes) -> bytes:
    """The beginning of a clip as Opus; as it is where it can't be read."""
    try:
        wave, rate_hz = mono(payload)
    except ValueError:
        return payload
    wave = librosa.resample(wave[: SECONDS * rate_hz], orig_sr=rate_hz, target_sr=RATE_HZ, res_type="soxr_hq")
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(wave, -1, 1), RATE_HZ, format="OGG", subtype="OPUS")
    return buffer.getvalue()
