"""Videos: bytes to frames of one size at a steady rate, and back to an MP4.

Tensor: (S, S, T x C) uint8, height by width by the levels of T frames one after the other, S = `size`; C is 3 for
colour (RGB), 1 for grey. So a video is a picture of many levels: what looks at it sees all moments at once, and what is
learned of a place is learned over all of time.
"""

import io
import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps
from pydantic import Field

from stages.data.kinds import image
from stages.data.kinds.extra import library

CUT = ("frames", "frames", "videos")
MOST = 2**25  # pixels of a frame
LONGEST = 300  # seconds that are asked how long a video is
WIDTHS = 2  # pixels: of H.264 both sides are even
H264 = {
    "crf": "12", "preset": "fast",  # quality
    "threads": "1",  # the same bytes on any number of cores
    "x264-params": "asm=0",  # and every time: its code for AVX-512 reads memory that was never written
}  # fmt: skip
HEADS = {b"\x1aE\xdf\xa3": "video/webm", b"GIF8": "image/gif"}  # of files that are no MP4


class Settings(image.Settings):
    """Section `preprocess.video`: that of pictures, and time."""

    size: Annotated[int, Field(ge=16, le=128, multiple_of=WIDTHS)]  # side of a frame, pixels
    frames: Annotated[int, Field(ge=2, le=256)]  # T, frames a video: of longer ones the first, shorter ones stand still
    rate: Annotated[int, Field(ge=1, le=60)]  # frames a second


class Video(NamedTuple):
    """The frames that are used, and how many the whole video has."""

    frames: list[np.ndarray]  # T of (S, S, C) uint8
    whole: int


def fit(settings: Settings, told: Iterable[str], folder: Path) -> Settings:
    """Videos need nothing learned."""
    return settings


restore = fit  # what `fit` gave, read back in a later stage


def read(payload: bytes, settings: Settings) -> Video:
    """A video file (MP4, WebM, GIF and what else FFmpeg knows), its sound left out.

    Each moment shows the last frame that began before it. Raises ValueError when it can't be decoded.
    """
    av = library("av", "video")
    kept: list[np.ndarray] = []
    try:
        with av.open(io.BytesIO(payload), metadata_errors="ignore") as file:
            if not file.streams.video:
                raise ValueError("expected a video, got a file without pictures")
            stream = file.streams.video[0]
            if not 0 < stream.width * stream.height <= MOST:
                raise ValueError(f"expected frames of at most {MOST} pixels, got {stream.width} x {stream.height}")
            seconds = min(float(stream.duration * stream.time_base), LONGEST) if stream.duration else 0.0
            for frame in moments(file.decode(stream), settings):
                kept.append(frame)
    except av.error.FFmpegError as error:
        got = f"{len(payload)} bytes that do not decode"
        raise ValueError(f"expected a video, got {got}; fetch it again or convert it to MP4") from error
    if not kept:
        raise ValueError("expected a video, got one without a frame")
    still = [kept[-1]] * (settings.frames - len(kept))
    return Video([*kept, *still], max(len(kept), round(seconds * settings.rate)))


def moments(frames: Iterator[Any], settings: Settings) -> Iterator[np.ndarray]:
    """What is to be seen at the moments 0, 1 / rate, ... of the frames of a stream: (S, S, C) uint8 each."""
    begin: float | None = None
    now, shown = 0, None
    for frame in frames:
        time = float(frame.time or 0.0)
        begin = time if begin is None else begin
        while shown is not None and now / settings.rate < time - begin - 1e-6:
            yield shown
            now += 1
            if now == settings.frames:
                return
        shown = levels(Image.fromarray(frame.to_ndarray(format="rgb24")), settings)
    if shown is not None:
        yield shown


def levels(frame: Image.Image, settings: Settings) -> np.ndarray:
    """A frame scaled to fit, on the colour of its corner: (S, S, C) uint8."""
    corner = frame.getpixel((0, 0))
    assert isinstance(corner, tuple)
    least = math.ceil(max(frame.size) / settings.size)
    if min(frame.size) < least:  # a line, which Pillow before 13 shrinks to nothing and refuses
        width, height = frame.size
        frame = frame.resize((max(width, least), max(height, least)))
    square = ImageOps.pad(frame, (settings.size, settings.size), Image.Resampling.LANCZOS, corner)
    return image.levels_of(square if settings.colour else square.convert("L"))


def augment(video: Video, settings: Settings, rng: np.random.Generator) -> Video:
    """The same small affine move of all frames."""
    move = image.affine(settings, rng)
    return Video([image.moved(frame, move) for frame in video.frames], video.whole)


def length(video: Video, settings: Settings) -> int:
    """How many frames a video has, as far as its file says."""
    return video.whole


def tensor(video: Video, settings: Settings) -> np.ndarray:
    """(S, S, T x C) uint8."""
    return np.concatenate(video.frames, -1)


def blank(settings: Settings) -> np.ndarray:
    """What stands where a sample has no video."""
    return np.zeros((settings.size, settings.size, settings.frames * (3 if settings.colour else 1)), np.uint8)


def frames_of(levels: np.ndarray, settings: Settings) -> np.ndarray:
    """(..., S, S, T x C) -> (..., T, S, S, C)."""
    split = levels.reshape(*levels.shape[:-1], settings.frames, -1)
    return np.moveaxis(split, -2, -4)


def write(levels: np.ndarray, settings: Settings) -> bytes:
    """(S, S, T x C) uint8 as an MP4 (H.264)."""
    av = library("av", "video")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", container_options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream("libx264", rate=Fraction(settings.rate), options=H264)
        stream.width = stream.height = settings.size
        stream.pix_fmt = "yuv420p"  # what every browser plays
        for frame in frames_of(levels, settings):
            colour = np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3)))
            file.mux(stream.encode(av.VideoFrame.from_ndarray(colour, format="rgb24")))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def shown(payload: bytes, light: bool) -> tuple[str, bytes]:
    """What a browser plays: the file as it is, and its media type."""
    return HEADS.get(payload[:4], "video/mp4"), payload
