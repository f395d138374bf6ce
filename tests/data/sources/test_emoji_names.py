"""Names: every emoji has one in every language, in words."""

import emoji
import pytest

from stages.data.sources.emoji_names import FLAG, LANGUAGES, captions, code_points, is_flag


def test_the_languages_are_those_of_the_package() -> None:
    assert set(LANGUAGES) == set(emoji.LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_emoji_has_a_name_of_its_own(language: str) -> None:
    named = captions(language)
    assert named.keys() == captions("en").keys() and len(named) > 3900
    assert all(name.strip() == name and name for name in named.values())
    assert not any(mark in name for name in named.values() for mark in (":", "_"))
    assert len(set(named.values())) == len(named)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_flag_of_a_place_is_called_one(language: str) -> None:
    """By the same word; where the package has it, it is not said twice."""
    flags = [name for one, name in captions(language).items() if is_flag(one)]
    words = {name.split()[0] for name in flags}
    assert len(flags) > 250 and len(words) == 1
    assert not any(name.split()[1] in words for name in flags)
    assert language not in FLAG or words == {FLAG[language]}


def test_some_names_spelled_out() -> None:
    german, chinese = captions("de"), captions("zh")
    assert (german["🇩🇪"], chinese["🇩🇪"]) == ("flagge deutschland", "旗 德国")
    assert captions("en")["🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"] == "flag Wales"
    assert captions("en")["🏁"] == "chequered flag"


def test_only_places_have_flags_made_of_letters() -> None:
    assert is_flag("🇩🇪") and not is_flag("🏁") and not is_flag("🏴‍☠️")


def test_code_points_are_written_as_unicode_writes_them() -> None:
    assert code_points("#️⃣") == "U+0023 U+FE0F U+20E3"
