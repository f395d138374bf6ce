"""Videos: whatever the file, frames of one size at a steady rate; to an MP4 and back nearly nothing is lost."""

import io
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.data.kinds import video

SETTINGS = video.Settings(size=32, colour=True, turn=4, zoom=0.05, shear=0.05, shift=0.03, frames=12, rate=8)
GREY = SETTINGS.model_copy(update={"colour": False})
FORMATS = {  # container: codec and its layout of pixels
    "mp4": ("libx264", "yuv420p"), "mov": ("libx264", "yuv420p"), "matroska": ("libx264", "yuv420p"),
    "webm": ("libvpx-vp9", "yuv420p"), "avi": ("mpeg4", "yuv420p"), "gif": ("gif", "rgb8"),
}  # fmt: skip
EASY = {"webm": {"lag-in-frames": "0", "deadline": "realtime", "cpu-used": "8"}}  # quick to encode
RED, BLUE = (200, 40, 40), (40, 40, 200)


def encode(
    frames: Sequence[np.ndarray], rate: Fraction | int = 8, kind: str = "mp4", codec: str = "", pixels: str = ""
) -> bytes:
    """(H, W, 3) uint8 frames as a file."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind) as file:
        stream: Any = file.add_stream(codec or FORMATS[kind][0], rate=Fraction(rate), options=EASY.get(kind, {}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels or FORMATS[kind][1]
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def grey_steps(count: int, side: int = 32) -> list[np.ndarray]:
    """Frames of one grey each, the lighter the later."""
    return [np.full((side, side, 3), 16 + round(220 * number / count), np.uint8) for number in range(count)]


def scene(count: int = 12, side: int = 64) -> list[np.ndarray]:
    """A red block that moves to the right over white paper, in steps of a fiftieth of the side."""
    frames = []
    for number in range(count):
        frame = np.full((side, side, 3), 255, np.uint8)
        left = side // 8 + number * side // 50
        frame[side // 4 : side // 2, left : left + side // 4] = RED
        frames.append(frame)
    return frames


def shown(found: video.Video, count: int) -> list[int]:
    """Which of `count` steps of grey each frame shows, the nearest."""
    return [round((float(frame.mean()) - 16) / 220 * count) for frame in found.frames]


def gif(frames: Sequence[Image.Image], **how: Any) -> bytes:
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], **how)
    return buffer.getvalue()


def sound(kind: str, codec: str) -> bytes:
    """A file without a video."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind) as file:
        stream: Any = file.add_stream(codec, rate=8000)
        hum = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        hum.sample_rate = 8000
        file.mux(stream.encode(hum))
        file.mux(stream.encode(None))
    return buffer.getvalue()


@cache
def sample(kind: str) -> bytes:
    return encode(scene(), kind=kind)


# What is read


@pytest.mark.parametrize("kind", FORMATS)
def test_every_kind_of_file_shows_the_same(kind: str) -> None:
    found = video.read(sample(kind), SETTINGS)
    tensor = video.tensor(found, SETTINGS)
    assert len(found.frames) == 12 and tensor.dtype == np.uint8
    assert tensor.shape == video.blank(SETTINGS).shape == (32, 32, 36)
    for number, frame in enumerate(found.frames):
        red = np.argwhere(np.ptp(frame.astype(int), axis=-1) > 80)
        assert abs(red.min(0)[0] - 8) <= 1 and abs(red.max(0)[0] - 15) <= 1
        if kind != "gif":  # which counts time in hundredths of a second
            assert abs(red.min(0)[1] - (4 + number * 32 // 50)) <= 1
    assert np.abs(found.frames[0][2, 2].astype(int) - 255).max() <= 12, "paper"


def test_a_gif_of_pillow_shows_its_frames_as_long_as_it_says() -> None:
    pages = [Image.new("RGB", (40, 40), (level, level, level)) for level in (20, 120, 220)]
    found = video.read(gif(pages, duration=[250, 500, 250]), GREY)
    levels = [int(frame.mean()) for frame in found.frames]
    assert levels == [20, 20, 120, 120, 120, 120, *[220] * 6]
    assert video.length(found, GREY) == 8


def test_transparent_places_of_a_gif_are_paper() -> None:
    pages = [Image.new("RGBA", (40, 40), (0, 0, 0, 0)) for _ in range(3)]
    for number, page in enumerate(pages):
        page.paste((*RED, 255), (10 + number, 10, 20 + number, 20))
    found = video.read(gif(pages, duration=120, disposal=2), SETTINGS)
    assert found.frames[0][2, 2].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("height", "width"), [(24, 64), (64, 24), (2, 512), (512, 2)])
def test_frames_of_any_shape_fit_on_the_colour_of_their_corner(height: int, width: int) -> None:
    found = video.read(encode([np.full((height, width, 3), BLUE, np.uint8)] * 3), SETTINGS)
    assert all(frame.shape == (32, 32, 3) for frame in found.frames)
    assert np.abs(found.frames[0].astype(int) - BLUE).max() < 12, "paper of the same blue all around"


def test_grey_is_the_brightness_of_colour() -> None:
    grey, colour = video.read(sample("mp4"), GREY), video.read(sample("mp4"), SETTINGS)
    for one, other in zip(grey.frames, colour.frames, strict=True):
        np.testing.assert_array_equal(one[..., 0], np.asarray(Image.fromarray(other).convert("L")))


def test_sound_is_left_out() -> None:
    frames, buffer = scene(), io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        voice: Any = file.add_stream("aac", rate=44100)
        stream: Any = file.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        said = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        said.sample_rate = 44100
        file.mux(voice.encode(said))
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(voice.encode(None))
        file.mux(stream.encode(None))
    both, silent = video.read(buffer.getvalue(), SETTINGS), video.read(sample("mp4"), SETTINGS)
    np.testing.assert_array_equal(video.tensor(both, SETTINGS), video.tensor(silent, SETTINGS))


# Moments


@pytest.mark.parametrize("rate", [8, 16, 24, 25, 30, 60])
def test_each_moment_shows_the_last_frame_that_began_before_it(rate: int) -> None:
    count = 2 * rate
    found = video.read(encode(grey_steps(count), rate), GREY)
    wanted = [number * rate // 8 for number in range(12)]
    assert all(abs(one - other) <= count / 100 for one, other in zip(shown(found, count), wanted, strict=True))


def test_a_slow_video_shows_each_frame_several_times() -> None:
    found = video.read(encode(grey_steps(6), 2), GREY)
    assert shown(found, 6) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


def test_frames_of_the_rate_itself_are_those_frames() -> None:
    for rate in (7, 8, 12, 25, 60):
        wanted = GREY.model_copy(update={"rate": rate})
        assert shown(video.read(encode(grey_steps(12), rate), wanted), 12) == list(range(12))


def test_shorter_ones_stand_still_at_their_end() -> None:
    found = video.read(encode(grey_steps(5)), GREY)
    assert shown(found, 5) == [0, 1, 2, 3, *[4] * 8]
    assert video.length(found, GREY) == 5
    assert all(frame is found.frames[4] for frame in found.frames[5:])


def test_one_frame_stands_still_all_the_time() -> None:
    """Of a video or a picture, which FFmpeg takes for a video of one frame."""
    page = io.BytesIO()
    Image.new("RGB", (40, 40), RED).save(page, "PNG")
    for payload in (encode(scene(1)), gif([Image.new("RGB", (40, 40), RED)]), page.getvalue()):
        found = video.read(payload, SETTINGS)
        assert len(found.frames) == 12 and video.length(found, SETTINGS) == 1
        assert np.ptp(np.stack(found.frames), axis=0).max() == 0


@pytest.mark.parametrize("kind", ["mp4", "mov", "avi", "gif"])
@pytest.mark.parametrize("count", [6, 12, 13, 30])
def test_the_length_is_that_of_the_whole_video(kind: str, count: int) -> None:
    found = video.read(encode(grey_steps(count), kind=kind), GREY)
    assert abs(video.length(found, GREY) - count) <= (kind == "gif") and len(found.frames) == 12


def test_a_video_is_decoded_no_further_than_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def looked_at(frame: Image.Image, settings: video.Settings) -> np.ndarray:
        seen.append(frame)
        return video.blank(settings)

    monkeypatch.setattr(video, "levels", looked_at)
    found = video.read(encode(grey_steps(200), 8), GREY)
    assert len(seen) <= 13 and video.length(found, GREY) == 200


# What is refused


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "expected a video, got 0 bytes that do not decode; fetch it again or convert it to MP4"),
        (b"no video" * 50, "expected a video, got 400 bytes that do not decode"),
        (sample("mp4")[:40], "expected a video, got 40 bytes that do not decode"),
        (sample("mp4")[: len(sample("mp4")) // 2], "bytes that do not decode"),
        (sample("webm")[:60], "expected a video, got 60 bytes that do not decode"),
        (sample("gif")[:8], "expected "),
        (sound("mp4", "aac"), "expected a video, got a file without pictures"),
        (sound("wav", "pcm_s16le"), "expected a video, got "),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "that do not decode"),
    ],
    ids=["empty", "words", "cut", "half an mp4", "cut webm", "cut gif", "sound alone", "wav", "list"],
)
def test_what_is_no_video_is_refused_in_one_line(payload: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=r"^expected ") as refused:
        video.read(payload, SETTINGS)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_large_frames_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MOST", 64 * 64 - 1)
    with pytest.raises(ValueError, match="expected frames of at most 4095 pixels, got 64 x 64"):
        video.read(sample("mp4"), SETTINGS)
    monkeypatch.setattr(video, "MOST", 64 * 64)
    assert video.read(sample("mp4"), SETTINGS).whole == 12


def test_without_its_library_the_command_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("stages.data.kinds.extra.import_module", missing)
    with pytest.raises(ValueError, match=r"^expected the library av, got none; .*'\.\[video\]'$"):
        video.read(sample("mp4"), SETTINGS)


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_in_words(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        video.read(payload, SETTINGS)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["avi", "gif", "matroska", "webm"]), st.floats(0, 1))
def test_a_torn_file_is_read_or_refused_in_words(kind: str, kept: float) -> None:
    whole = sample(kind)
    try:
        found = video.read(whole[: int(kept * len(whole))], SETTINGS)
    except ValueError as error:
        assert str(error).startswith("expected ") and "\n" not in str(error)
    else:
        assert len(found.frames) == 12 and all(frame.shape == (32, 32, 3) for frame in found.frames)


# What is written


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("side", [16, 32, 128])
def test_what_is_written_is_read_back_nearly_as_it_was(colour: bool, side: int) -> None:
    """H.264 keeps colours at half the size, so their borders lose more than grey ones."""
    wanted = SETTINGS.model_copy(update={"colour": colour, "size": side})
    tensor = video.tensor(video.read(encode(scene(side=side)), wanted), wanted)
    back = video.read(video.write(tensor, wanted), wanted)
    assert back.whole == 12
    lost = np.abs(video.tensor(back, wanted).astype(int) - tensor)
    assert lost.mean() < (5 if colour else 2)
    again = video.tensor(video.read(video.write(video.tensor(back, wanted), wanted), wanted), wanted)
    assert np.abs(again.astype(int) - video.tensor(back, wanted)).mean() <= lost.mean() + 0.5, "losses do not grow"


@given(st.integers(2, 20), st.integers(1, 60), st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_number_of_frames_at_any_rate_comes_back(frames: int, rate: int, colour: bool) -> None:
    wanted = SETTINGS.model_copy(update={"frames": frames, "rate": rate, "colour": colour, "size": 16})
    steps = np.concatenate([step[..., : 3 if colour else 1] for step in grey_steps(frames, 16)], -1)
    back = video.read(video.write(steps, wanted), wanted)
    assert back.whole == len(back.frames) == frames
    assert np.abs(video.tensor(back, wanted).astype(int) - steps).max() <= 6


def test_the_same_frames_are_the_same_bytes() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (32, 32, 36), np.uint8)
    payload = video.write(noise, SETTINGS)
    assert payload == video.write(noise, SETTINGS) != video.write(noise[::-1], SETTINGS)
    with av.open(io.BytesIO(payload)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p"), "browsers play it"
        assert (stream.frames, str(stream.average_rate), stream.width, stream.height) == (12, "8", 32, 32)
        assert not file.metadata.keys() & {"creation_time", "encoder"}


def test_what_was_never_a_video_is_written_too() -> None:
    assert video.read(video.write(video.blank(GREY), GREY), GREY).whole == 12


def test_frames_of_a_tensor_stand_one_after_the_other() -> None:
    found = video.read(sample("mp4"), SETTINGS)
    frames = video.frames_of(video.tensor(found, SETTINGS), SETTINGS)
    np.testing.assert_array_equal(frames, np.stack(found.frames))
    many = video.frames_of(np.stack([video.tensor(found, SETTINGS)] * 3), SETTINGS)
    assert many.shape == (3, 12, 32, 32, 3)


# What is augmented and shown


def test_augmenting_moves_all_frames_alike_and_repeats_with_its_stream() -> None:
    still = video.Video([video.read(sample("mp4"), SETTINGS).frames[0]] * 12, 40)
    first, again, other = (video.augment(still, SETTINGS, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.frames, again.frames)
    assert (first.frames[0] != other.frames[0]).any() and first.whole == 40
    assert all((frame == first.frames[0]).all() for frame in first.frames)
    assert first.frames[0].shape == (32, 32, 3) and first.frames[0].dtype == np.uint8


def test_augmenting_by_nothing_is_the_identity() -> None:
    for colour in (True, False):
        fixed = video.Settings(size=32, colour=colour, turn=0, zoom=0, shear=0, shift=0, frames=12, rate=8)
        found = video.read(sample("mp4"), fixed)
        np.testing.assert_array_equal(video.augment(found, fixed, np.random.default_rng(1)).frames, found.frames)


@pytest.mark.parametrize(
    ("kind", "media"), [("mp4", "video/mp4"), ("mov", "video/mp4"), ("webm", "video/webm"), ("gif", "image/gif")]
)
def test_a_browser_is_told_what_a_file_is(kind: str, media: str) -> None:
    for light in (True, False):
        assert video.shown(sample(kind), light) == (media, sample(kind))


@pytest.mark.parametrize(("key", "value"), [("size", 31), ("size", 14), ("frames", 1), ("rate", 0), ("rate", 61)])
def test_settings_out_of_range_are_refused(key: str, value: int) -> None:
    with pytest.raises(ValueError, match=key):
        video.Settings(**(SETTINGS.model_dump() | {key: value}))


def test_nothing_is_learned(tmp_path: Path) -> None:
    assert video.fit(SETTINGS, [], tmp_path) is video.restore(SETTINGS, [], tmp_path) is SETTINGS
    assert not list(tmp_path.iterdir())
