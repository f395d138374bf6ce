"""The font: found or asked for, and pictures that show something."""

import io
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.data.sources import emoji_font

FOUND = next((font for folder in emoji_font.FOLDERS for font in Path(folder).expanduser().rglob(emoji_font.NAME)), None)
needs_font = pytest.mark.skipif(FOUND is None, reason=f"{emoji_font.NAME} is missing: {emoji_font.INSTALL}")
GREY = resources.files("matplotlib") / "mpl-data/fonts/ttf/DejaVuSans.ttf"  # no colours, no bitmaps


def test_a_missing_font_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emoji_font, "FOLDERS", (str(tmp_path / "none"), str(tmp_path)))
    with pytest.raises(ValueError, match=r"expected NotoColorEmoji\.ttf") as refused:
        emoji_font.find_font("")
    said = str(refused.value)
    assert "\n" not in said
    assert all(word in said for word in ("acquire.emoji.font", str(tmp_path), "got none", "apt-get install"))


def test_it_is_found_below_a_folder_of_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = tmp_path / "truetype/noto" / emoji_font.NAME
    font.parent.mkdir(parents=True)
    font.touch()
    monkeypatch.setattr(emoji_font, "FOLDERS", (str(tmp_path / "none"), str(tmp_path)))
    assert emoji_font.find_font("") == font
    assert emoji_font.find_font(str(font)) == font
    with pytest.raises(ValueError, match=r"acquire\.emoji\.font: expected a font, got '/no/such\.ttf'"):
        emoji_font.find_font("/no/such.ttf")


def test_a_font_that_cannot_draw_emoji_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    for path in (Path(str(GREY)), broken):
        with pytest.raises(ValueError, match="expected a font of colour bitmaps") as refused:
            emoji_font.open_font(path)
        assert re.search(re.escape(f"got '{path}'"), str(refused.value)) and "\n" not in str(refused.value)


@needs_font
def test_a_picture_has_colours_on_white_paper() -> None:
    for one, colour in (("❤️", 0), ("💚", 1), ("💙", 2), ("👩🏿‍🚀", None), ("🇩🇪", None)):
        (payload,) = emoji_font.pictures(emoji_font.find_font(""), [one], 48)
        assert payload is not None
        picture = np.asarray(Image.open(io.BytesIO(payload)))
        assert picture.shape == (48, 48, 3) and picture.dtype == np.uint8
        assert (picture[0] == 255).all()
        coloured = np.ptp(picture, axis=-1)
        assert coloured.max() > 30
        if colour is not None:
            ink = picture[coloured > 60].mean(0)
            assert ink.argmax() == colour


@needs_font
def test_what_is_no_single_picture_is_left_out() -> None:
    """Two emoji in a row, and a code point that no font of emoji has."""
    font = emoji_font.find_font("")
    assert list(emoji_font.pictures(font, ["😀😀", "\U0010fffd", "😀"], 32))[:2] == [None, None]


@needs_font
def test_jobs_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    font, some = emoji_font.find_font(""), ["😀", "🍌", "😀😀", "🎈", "🚀"]
    whole = list(emoji_font.pictures(font, some, 64))
    monkeypatch.setattr(emoji_font, "PORTION", 2)
    assert list(emoji_font.pictures(font, some, 64)) == whole
